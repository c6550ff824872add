"""A few figures of this machine: `python benchmarks/first_numbers.py`.

The 784-64-64-10 network of the README, float32, one core. Times are CPU times of this process, the
least of many rounds, so that a busy machine disturbs them little; compiling is the CPU time of the
compiler too.
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from functools import partial

os.environ["FNC_CACHE"] = tempfile.mkdtemp()  # cold

import numpy as np

BASE = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

import fncompile  # noqa: E402
from fncompile import layers  # noqa: E402


def cpu() -> float:
    """Seconds of this process and of the compilers it ran."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def least(call, rounds: int = 40, repeat: int = 50) -> float:
    """Microseconds."""
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(repeat):
            call()
        best = min(best, (time.process_time() - start) / repeat)
    return best * 1e6


def build() -> fncompile.Model:
    inputs = fncompile.Input(shape=(784,), name="img")
    x = layers.Dense(64, activation="relu")(inputs)
    x = layers.Dense(64, activation="relu")(x)
    model = fncompile.Model(inputs, layers.Dense(10, activation="softmax")(x), name="mnist_model")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main() -> None:
    import networkx  # noqa: F401  (loaded with the first model; not counted as compiling)

    rng = np.random.default_rng(0)
    x = rng.random((6400, 784), "float32")
    y = rng.integers(0, 10, 6400).astype("int32")
    for state in ("cold", "warm"):
        model = build()
        start = cpu()
        model.predict_on_batch(x[:32])
        print(f"first predict, {state} cache: {cpu() - start:.3f} s of CPU")
        start = cpu()
        model.train_on_batch(x[:32], y[:32])
        print(f"first training step, {state} cache: {cpu() - start:.3f} s of CPU")
    one = x[:1].copy()
    model(one)
    bound = model.bind(one)
    print(f"model(x), batch 1: {least(lambda: model(one)):.2f} us")
    print(f"bound call, batch 1: {least(bound):.2f} us")
    index = np.arange(len(x), dtype=np.int64)
    steps = model.steps()
    for batch in (32, 256):
        count = len(x) // batch
        took = least(partial(steps.train, [x, y], index, batch), 15, 1) / count
        work = 2 * batch * (2 * 784 * 64 + 3 * (64 * 64 + 64 * 10))
        print(f"training step, batch {batch}: {took:.1f} us, {work / took / 1e3:.1f} GFLOP/s")
        values = x[:batch].copy()
        call = model.bind(values)
        took = least(call, 20, 20)
        work = 2 * batch * (784 * 64 + 64 * 64 + 64 * 10)
        print(f"inference, batch {batch}: {took:.1f} us, {work / took / 1e3:.1f} GFLOP/s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    above = (peak - BASE) >> 10
    print(f"memory above NumPy's, these {x.nbytes >> 20} MB of data included: {above} MB")


if __name__ == "__main__":
    main()
