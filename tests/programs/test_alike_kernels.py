"""Kernels that differ in their memory alone are one function of C, with the bits of many."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile as k
from fncompile.codegen import alike, program, running
from fncompile.ir.types import TensorType
from fncompile.plan.expressions import Affine, Buffer, Const, Load
from fncompile.plan.types import Kernel, Loop, Stage, Store
from fncompile.runtime.entry import CompiledEntry


def dense():
    x = h = k.Input((20,))
    for _ in range(4):
        h = k.layers.Dropout(0.2)(k.layers.Dense(24, activation="relu")(h))
    return x, h


def recurrent():
    x = k.Input((5, 6))
    h = k.layers.LSTM(6, return_sequences=True)(x)
    h = k.layers.LSTM(6, return_sequences=True)(h)
    return x, k.layers.GlobalAveragePooling1D()(k.layers.LayerNormalization()(h))


def convolved():
    x = h = k.Input((6, 6, 4))
    for _ in range(3):
        h = k.layers.BatchNormalization()(k.layers.Conv2D(4, 3, padding="same")(h))
    return x, k.layers.Flatten()(h)


def trained(make):
    k.utils.set_random_seed(3)
    x, h = make()
    model = k.Model(x, k.layers.Dense(7, activation="softmax")(h))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(0)
    rows, classes = rng.normal(size=(50, *x.shape[1:])).astype("float32"), rng.integers(0, 7, 50)
    logs = [model.train_on_batch(rows, classes) for _ in range(3)]
    entry = next(e for e in model.steps().compiled_entries() if e.name == "train_step")
    assert isinstance(entry, CompiledEntry)
    return entry.source, [logs, model.predict(rows, verbose=0).tolist()], model.get_weights()


def alone(kernels):
    return {g.first.name: g for kernel in kernels for g in alike.groups([kernel]).values()}


@pytest.mark.parametrize("make", [dense, recurrent, convolved])
def test_one_function_gives_the_bits_of_many(monkeypatch, make):
    with k.flags(threads=2, cflags="-O1"):
        text, results, weights = trained(make)
        monkeypatch.setenv("FNC_CACHE", "off")  # where the text with one function is stored
        monkeypatch.setattr(running, "MANY", 3)  # the step is compiled plainly
        monkeypatch.setattr(program, "groups", alone)
        apart, expected_results, expected = trained(make)
    assert "FNC_PLAIN" in apart and "also: " in text and "also: " not in apart
    assert text.count("const fnc_env *env, int64_t part") < apart.count("int64_t part,") - 3
    assert results == expected_results
    for a, b in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_thirty_layers_are_as_many_functions_as_five():
    def functions(layers):
        x = h = k.Input((16,))
        for _ in range(layers):
            h = k.layers.Dense(16, activation="relu")(h)
        model = k.Model(x, h)
        model.predict(np.zeros((1, 16), "float32"), verbose=0)
        [entry] = model.steps().compiled_entries()
        return [line for line in entry.source.splitlines() if line.startswith(("FNC_", "static"))]

    assert len(functions(30)) == len(functions(5))


def kernel(name, source="x", value=0.0, offset=0, start=0, target="y"):
    """target[i] = source[i + start + offset], and a constant; in place where there is no target."""
    type = TensorType("float32", (8,))
    base = Buffer(source, TensorType("float32", (32,)), "arena")
    x = Buffer("part", type, "arena", base=base, offset=start)
    y = Buffer(target, type, "arena") if target else x
    at = Affine(0, ((0, 1),))
    expr = Load(x, at.shift(offset), "float32")
    stages = [
        Stage(None, "map", (8,), 0, e, (Store(y, at),), "float32")
        for e in (expr, Const(value, "float32"))
    ]
    return Kernel(name, 0, (Loop(tuple(stages)),))


def test_kernels_are_alike_whatever_their_memory_is():
    found = alike.groups([kernel("a"), kernel("b", source="z", start=4)])
    assert found["a"] is found["b"] and found["a"].first.name == "a"
    assert [[b.offset for b in memory] for memory in found["a"].memory] == [[0, 0], [4, 0]]


@pytest.mark.parametrize("other", [{"value": -0.0}, {"offset": 1}, {"target": None}], ids=str)
def test_what_tells_kernels_apart(other):
    """Signs of zero, indices, and one pointer where the other kernel has two."""
    found = alike.groups([kernel("a"), kernel("b", **other)])
    assert not found["a"].is_shared and not found["b"].is_shared
