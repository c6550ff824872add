"""Real Keras, in a process of its own: saves the zoo, and says what it finds in our files.

keras_oracle.py save DIRECTORY     write <model>.{keras,h5,weights.h5} and <model>.npz
keras_oracle.py read DIRECTORY     for each file, write <file>.npz: what Keras loaded and predicts
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "numpy"

import keras
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.saving import zoo


def record(path: Path, model, inputs) -> None:
    outputs = model.predict(inputs, verbose=0)
    found = {f"output{i}": x for i, x in enumerate(zoo.flat(outputs))}
    found |= {f"weight{i}": _numbers(v) for i, v in enumerate(model.weights)}
    found |= {f"optimizer{i}": _numbers(v) for i, v in enumerate(model.optimizer.variables)}
    np.savez(path, **found)


def _numbers(variable) -> np.ndarray:
    array = np.asarray(variable)
    return array.astype("float32") if array.dtype.kind == "V" else array


def save(directory: Path) -> None:
    for index, (name, build) in enumerate(zoo.BUILDERS.items()):
        model, inputs = build(keras)
        optimizer = list(zoo.optimizers(keras).values())[index % 4]
        model.compile(
            optimizer, loss="mean_squared_error", metrics=[] if name == "branches" else ["mae"]
        )
        zoo.fill(model)
        if name == zoo.SHARDED:  # first: a model that was saved to `.h5` forgets its optimizer
            zoo.save_in_parts(model, directory)
        for suffix in ("keras", "h5"):
            model.save(directory / f"{name}.{suffix}")
        model.save_weights(directory / f"{name}.weights.h5")
        record(directory / f"{name}.npz", model, inputs)


def read(directory: Path) -> None:
    custom = zoo.custom_objects(keras)
    for path in sorted(directory.iterdir()):
        name = path.name.split(".")[0]
        # Keras writes functions of `ops` into `.h5` files, and does not find them when reading.
        if name not in zoo.BUILDERS or path.suffix == ".npz" or path.name == "operators.h5":
            continue
        if path.name.endswith((".weights.h5", ".weights.json")):
            model, inputs = zoo.BUILDERS[name](keras)
            reference = keras.models.load_model(directory / f"{name}.keras", custom)
            model.compile(reference.optimizer.from_config(reference.optimizer.get_config()), "mse")
            model.optimizer.build(model.trainable_variables)
            model.load_weights(path)
        else:
            model, inputs = keras.models.load_model(path, custom), zoo.BUILDERS[name](keras)[1]
        record(Path(f"{path}.npz"), model, inputs)


if __name__ == "__main__":
    {"save": save, "read": read}[sys.argv[1]](Path(sys.argv[2]))
