"""What both scripts share: a model, its rows, and the comparison."""

from __future__ import annotations

import sys
import time

import numpy as np

import fncompile
from fncompile import layers

FEATURES = 32


def rows_asked_for() -> int:
    return int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000


def make_model() -> fncompile.Model:
    """A small network, trained for a moment."""
    fncompile.utils.set_random_seed(1)
    x = h = fncompile.Input((FEATURES,))
    for width in (128, 128, 64):
        h = layers.Dense(width, activation="relu")(h)
    model = fncompile.Model(x, layers.Dense(1, activation="sigmoid")(h), name="scorer")
    model.compile("adam", "binary_crossentropy")
    rows = make_rows(2048)
    model.fit(rows, rows[:, 0] > 0, epochs=1, verbose=0)
    return model


def make_rows(count: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((count, FEATURES), dtype=np.float32)


def score(part: np.ndarray, model: fncompile.Model) -> np.ndarray:
    """The scores of some rows: what a worker does."""
    return model.predict(part, batch_size=4096, verbose=0)[:, 0]


def compare(rows: np.ndarray, model: fncompile.Model, by_workers) -> None:
    """Score `rows` in this process and by `by_workers()`, which gives scores as well and has run
    on some rows before."""
    began = time.perf_counter()
    found = by_workers()
    workers = time.perf_counter() - began
    score(rows[:4096], model)
    began = time.perf_counter()
    expected = score(rows, model)
    one = time.perf_counter() - began
    same = np.array_equal(expected, found)
    print(f"{len(rows)} rows; the same bits: {same}")
    rates = len(rows) / one, len(rows) / workers
    print("one process: {:.0f} rows/s, two workers: {:.0f} rows/s".format(*rates))
