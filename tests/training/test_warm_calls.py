"""A warm call is short: the number of Python functions that it enters stays what it is.

Counted, not timed: numbers are of CPython 3.11, which enters a function for each comprehension.
"""

from __future__ import annotations

import sys

import numpy as np
import pytest

import fncompile as k
from fncompile import layers
from fncompile.training import steps

LIMITS = {
    "predict": 40,
    "train_on_batch": 30,
    "test_on_batch": 30,
    "evaluate": 76,
    "predict_on_batch": 20,
    "fit": 140,
    "__call__": 12,
}


@pytest.fixture(scope="module")
def model():
    inputs = k.Input((20,))
    x = layers.Dense(8, activation="relu")(inputs)
    model = k.Model(inputs, layers.Dense(10, activation="softmax")(x))
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def entered(call):
    """The names of the Python functions that `call()` enters."""
    names = []

    def note(frame, event, _):
        if event == "call":
            names.append(f"{frame.f_code.co_filename}:{frame.f_code.co_name}")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(before)
    return names[1:]  # without `call` itself


@pytest.mark.parametrize("name", LIMITS)
def test_few_functions_are_entered(model, name):
    x, y = np.zeros((32, 20), "float32"), np.zeros(32, "int32")
    arguments = (x,) if name in ("predict", "predict_on_batch", "__call__") else (x, y)
    options = {"verbose": 0} if name in ("predict", "evaluate", "fit") else {}
    method = getattr(model, name)
    for _ in range(3):
        method(*arguments, **options)
    names = entered(lambda: method(*arguments, **options))
    assert 5 < len(names) <= LIMITS[name], "\n".join(["", *names])


@pytest.mark.parametrize("x, most", [
    (np.zeros((32, 20), "float32"), 11), (np.zeros((300, 20), "float32"), 45),
    (np.zeros((32, 20)), 45),
])  # fmt: skip
def test_few_functions_are_entered_by_calls_of_a_stack(x, most):
    """Of few rows; of many; of another dtype."""
    model = k.Sequential([layers.Input((20,)), layers.Dense(8)])
    model(x)
    model(x)
    assert len(entered(lambda: model(x))) <= most


def test_few_functions_are_entered_by_a_compiled_function():
    """250 when the switches were read at each call, which took three quarters of it."""
    product, x = k.function(lambda a: k.ops.matmul(a, k.ops.transpose(a))), np.zeros((4, 3))
    product(x)
    product(x)
    assert len(entered(lambda: product(x))) <= 60


def test_more_batches_enter_little_more(model, monkeypatch):
    monkeypatch.setattr(steps.time, "perf_counter", lambda: 0.0)  # so all the rest in one stretch

    def count(rows):
        x = np.zeros((rows, 20), "float32")
        for _ in range(3):
            model.predict(x, verbose=0)
        return len(entered(lambda: model.predict(x, verbose=0)))

    assert count(32 * 5) - count(32) <= 4 * 10 + 12
