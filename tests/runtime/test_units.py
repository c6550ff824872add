"""A training step of many kernels is compiled as two units at once, with the bits of one."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile as k
from fncompile.codegen import program
from fncompile.runtime.entry import CompiledEntry


def trained():
    k.utils.set_random_seed(3)
    x = k.Input((20,))
    h = k.layers.Dense(33, activation="relu")(k.layers.Dense(40, activation="tanh")(x))
    model = k.Model(x, k.layers.Dense(7, activation="softmax")(h))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(0)
    rows, classes = rng.normal(size=(50, 20)).astype("float32"), rng.integers(0, 7, 50)
    logs = [model.train_on_batch(rows, classes) for _ in range(5)]
    entry = next(e for e in model.steps().compiled_entries() if e.name == "train_step")
    assert isinstance(entry, CompiledEntry)
    return entry, logs, model.get_weights()


def functions(text):
    """The kernels that a unit defines."""
    lines = [line for line in text.split("\n") if line.endswith("int64_t parts) {")]
    return [line.split("(")[0].split()[-1] for line in lines]


@pytest.mark.parametrize("threads", [1, 2])
def test_two_units_give_the_bits_of_one(monkeypatch, threads):
    with k.flags(threads=threads, cflags="-O2"):
        two, logs, weights = trained()
        monkeypatch.setattr(program, "LEAST_IN_A_UNIT", 10**6)
        monkeypatch.setenv("FNC_CACHE", "off")  # where the text in two is stored
        one, expected_logs, expected = trained()
    units = [functions(unit) for unit in two.lowered.units]
    assert one.lowered.units == (one.source,) and one.source == two.source
    assert sorted(units[0] + units[1]) == sorted(functions(one.source))
    assert min(map(len, units)) >= 5
    assert logs == expected_logs
    for a, b in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(a, b)
