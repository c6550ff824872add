"""What happens once in a process: import, first calls, memory, the export of a large model.

    python -m benchmarks.once torch      # or another worker, or `export`
    python -m benchmarks.once memory torch resnet20

prints a JSON object. Each runs in a fresh process, pinned by who starts it.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

PACKAGES = {"fncompile": "fncompile", "torch": "torch", "jax": "jax", "openvino": "openvino",
            "onnxruntime": "onnxruntime", "keras": "keras"}
LIBRARIES = {"torch": ["torch"], "jax": ["jaxlib"], "onnxruntime": ["onnxruntime"],
             "openvino": ["openvino"], "keras": ["tensorflow"]}
CALLS = 200
LARGE = (4096, 8192, 8192)  # widths; 100.7 million weights


def seconds(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def megabytes(process: int | str = "self") -> float:
    """The largest resident size of a process so far; 0 if it is gone. (getrusage would count the
    process that it was forked from as well.)"""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    lines = dict(line.split(":", 1) for line in status.splitlines())
    forked = process != "self" and lines["Name"].strip().startswith("python")
    return 0.0 if forked else int(lines.get("VmHWM", "0 kB").split()[0]) / 1024


def descendants(process: int) -> Iterator[int]:
    for thread in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for child in map(int, thread.read_text().split()):
                yield child
                yield from descendants(child)


@contextlib.contextmanager
def watched(found: list[float]) -> Iterator[None]:
    """Appends the largest resident size of any other program that this process runs meanwhile."""
    largest, over = 0.0, threading.Event()

    def watch() -> None:
        nonlocal largest
        while not over.wait(0.002):
            largest = max([largest, *map(megabytes, descendants(os.getpid()))])

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        found.append(largest)


def first(name: str) -> dict[str, float]:
    """Seconds of import and of the first calls of mlp784, batch 32, building the model included;
    megabytes above those after the import, when many calls have been made."""
    found = {"import": seconds(lambda: importlib.import_module(PACKAGES[name]))}
    from benchmarks.cases import Case

    worker = importlib.import_module(f"benchmarks.workers.{name}").Worker(1)
    before = megabytes()
    for kind in ("predict", "train"):
        case = Case("mlp784", kind, 32)
        for way in worker.ways(case)[:1]:
            runs = []
            found[kind] = seconds(lambda: runs.append(_called(worker.build(case, way))))  # noqa: B023
            for _ in range(CALLS):
                _called(runs[0])
    return {**found, "megabytes": megabytes() - before, "megabytes_import": before}


def _called(run):
    run.wait(run.call())
    return run


def memory(name: str, network: str) -> dict[str, float]:
    """Megabytes that training steps at batch 32 need besides the model as it was built: gradients,
    moments and what the backward pass needs of the forward one. What the first model of a process
    loads does not count: a tiny one is trained before."""
    from benchmarks.cases import Case

    worker, runs = importlib.import_module(f"benchmarks.workers.{name}").Worker(1), []
    for case in (Case("tiny", "train", 32), Case(network, "train", 32)):
        runs.append(worker.build(case, worker.ways(case)[0]))
        before = forget_largest()
        for _ in range(3):
            _called(runs[-1])
    return {network: megabytes() - before}


def forget_largest() -> float:
    """The resident size now, in megabytes, from which on the largest counts."""
    Path("/proc/self/clear_refs").write_text("5")
    return megabytes()


def export() -> dict[str, float]:
    """Seconds and megabytes of exporting a model of 100 million weights, compilers included."""
    import fncompile
    from fncompile import layers

    x = inputs = fncompile.Input(shape=(LARGE[0],))
    for width in LARGE[1:]:
        x = layers.Dense(width, activation="relu")(x)
    model = fncompile.Model(inputs, x, name="large")
    compilers: list[float] = []
    with tempfile.TemporaryDirectory() as folder, watched(compilers):
        took = seconds(lambda: model.export(folder, training=False))
        size = (Path(folder) / "liblarge.so").stat().st_size
    return {"weights": model.count_params(), "seconds": took, "bytes": size,
            "megabytes_compiler": compilers[0], "megabytes_python": megabytes()}


def ships() -> dict[str, int]:
    """Bytes of machine code and weights that a native program needs for mlp784: our library that
    predicts, and one that trains too; the shared libraries of each peer's package."""
    import fncompile
    from benchmarks.networks import NETWORKS
    from benchmarks.workers.functional import compile_model, model_of

    model, found = model_of(fncompile, NETWORKS["mlp784"]), {}
    compile_model(fncompile, model, NETWORKS["mlp784"])
    for name, training in (("fncompile", False), ("fncompile_training", True)):
        with tempfile.TemporaryDirectory() as folder:
            found[name] = model.export(folder, training=training).shared.stat().st_size
    for name, packages in LIBRARIES.items():
        found[name] = sum(map(_libraries_of, packages))
    return found


def _libraries_of(package: str) -> int:
    """0 where it is not installed."""
    places = [Path(p) / package for p in sys.path if (Path(p) / package).is_dir()]
    return sum(f.stat().st_size for f in places[0].rglob("*.so*")) if places else 0


def run(what: str | list[str], core: int, environment: dict[str, str]) -> dict:
    """`what` in a process of its own on one core. Raises CalledProcessError."""
    words = [what] if isinstance(what, str) else what
    done = subprocess.run([sys.executable, "-m", "benchmarks.once", *words], check=True, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          env={**os.environ, **environment},
                          preexec_fn=lambda: os.sched_setaffinity(0, {core}))
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    parts = {"export": export, "ships": ships, "memory": memory}
    what, *more = sys.argv[1:]
    print(json.dumps(parts[what](*more) if what in parts else first(what)))
