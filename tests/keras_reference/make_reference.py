"""Make the stored numbers with real Keras; run once, by hand, when a case is added.

    python -m venv /path/to/env
    /path/to/env/bin/pip install keras==3.15.1 jax==0.10.2 pytest
    PYTHONPATH=. /path/to/env/bin/python tests/keras_reference/make_reference.py [training] [ops]
    [layers] [api]

training  Keras on JAX in float64, so that the values carry no rounding of their own. (Keras
          narrows float64 to float32 when it infers dtypes, except on TensorFlow; target.py sets
          that table right. TensorFlow itself is no oracle for Embedding: its sparse gradients
          give other second moments.) A float32 run is made too, and must lie well inside the
          tolerance of the tests: a case that float32 Keras itself cannot reproduce is
          ill-conditioned, and refused here.
ops       Keras on NumPy (which keeps int64 and float64) and on JAX; both must agree, up to the
          exceptions named in op_harness.py. The dtype is the one that symbolic inference gives.
layers    Keras on JAX in float64.
api       Keras on JAX: summaries, hook orders and progress bars as text.

Each part runs in its own process, because Keras chooses backend and precision at import.
Writes training.json, ops.json, layers.json and api.json beside this file. Requires nothing of
fncompile.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
PARTS = ("training", "ops", "layers", "api")


def in_fresh_keras(part: str, backend: str, floatx: str = "float32"):
    """Run `record_<part>` in a new process with the backend and precision asked for."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "result.json"
        environment = dict(os.environ, KERAS_BACKEND=backend, FNC_TEST_MODULE="keras", COLUMNS="80",
                           JAX_PLATFORMS="cpu", JAX_ENABLE_X64=str(int(floatx == "float64")))
        subprocess.run([sys.executable, __file__, "--record", part, floatx, str(target)],
                       env=environment, check=True)
        return json.loads(target.read_text())


def record_training(keras):
    from tests.keras_reference import models, training

    records = {f"model {name}": training.record(keras, build)
               for name, build in models.MODELS.items()}
    for name in models.OPTIMIZERS:
        records[f"optimizer {name}"] = training.record_steps(
            keras, lambda keras, name=name: models.build_with_optimizer(keras, name))
    return records


def record_ops(keras):
    from tests.keras_reference import op_cases, op_harness

    return {expression: op_harness.record(keras, expression) for expression in op_cases.CASES}


def record_layers(keras):
    from tests.keras_reference import layer_cases

    return {name: layer_cases.results(keras, name) for name in layer_cases.CASES}


def record_api(keras):
    from tests.api import scenes

    return {name: scene(keras) for name, scene in scenes.SCENES.items()}


def make_training():
    exact = in_fresh_keras("training", "jax", "float64")
    refuse_ill_conditioned(exact, in_fresh_keras("training", "jax", "float32"))
    return exact


def make_ops():
    from tests.keras_reference.op_harness import agreed

    by_numpy, by_jax = in_fresh_keras("ops", "numpy"), in_fresh_keras("ops", "jax")
    return {case: agreed(case, by_numpy[case], by_jax[case]) for case in by_numpy}


def refuse_ill_conditioned(exact, single):
    from tests.keras_reference.compare import LOSSES, WEIGHTS, distance

    for name, record in exact.items():
        for field, tolerance in (("losses", LOSSES), ("final", WEIGHTS)):
            noise = distance(record[field], single[name][field])
            assert noise < tolerance / 4, f"{name}: {field} vary by {noise:.1e} in float32 Keras"


def write(name: str, records: dict) -> None:
    """One line a field, so that a change can be reviewed."""
    rounded = json.loads(json.dumps(records), parse_float=lambda text: float(f"{float(text):.12g}"))
    lines = [f"{json.dumps(key)}: {json.dumps(value, separators=(',', ':'), sort_keys=False)}"
             .replace(',"', ',\n  "') for key, value in rounded.items()]
    (HERE / f"{name}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


def main(parts) -> None:
    for part in parts or PARTS:
        makers = {"training": make_training, "ops": make_ops,
                  "layers": lambda: in_fresh_keras("layers", "jax", "float64"),
                  "api": lambda: in_fresh_keras("api", "jax")}
        write(part, makers[part]())


def record(part: str, floatx: str, target: str) -> None:
    from tests.keras_reference.target import keras

    keras.config.set_floatx(floatx)
    Path(target).write_text(json.dumps(globals()[f"record_{part}"](keras)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--record"]:
        record(*sys.argv[2:])
    else:
        main(sys.argv[1:])
