"""A model built twice is compiled once: its C does not say how many layers came before."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile as k
from fncompile.runtime import cache


def functional():
    x = k.Input((8,))
    h = k.layers.Dropout(0.2)(k.layers.Dense(16, activation="relu")(x))
    h = k.layers.BatchNormalization()(h) + k.ops.tanh(h)
    return k.Model(x, k.layers.Dense(1)(h))


def stack():
    return k.Sequential([k.layers.Dense(5), k.layers.LayerNormalization(), k.layers.Dense(1)])


def nested():
    x = k.Input((8,))
    inner = k.Sequential([k.layers.Dense(4), k.layers.Dense(4)])
    return k.Model(x, k.layers.Dense(1)(k.layers.Add()([inner(x), k.layers.Dense(4)(x)])))


@pytest.mark.parametrize("build", [functional, stack, nested])
def test_an_equal_model_compiles_nothing(build, monkeypatch):
    rng = np.random.default_rng(0)
    x, y = rng.random((20, 8), "float32"), rng.random((20, 1), "float32")

    def use():
        model = build()
        model.compile("adam", "mse", metrics=["mae"])
        model.fit(x, y, verbose=0)
        model.evaluate(x, y, verbose=0)
        model.predict(x, verbose=0)
        return {e.name: e.source for e in model.steps().compiled_entries()}

    first = use()
    monkeypatch.setattr(cache, "_compile_all", refuse)
    assert use() == first


def refuse(*args, **kwargs):
    raise AssertionError("an equal model was compiled again")


def test_names_of_the_user_stay():
    x = k.Input((8,), name="pixels")
    model = k.Model(x, k.layers.Dense(1, name="price_7")(k.layers.Dense(2)(x)))
    source = model.steps().predict_entry([])
    assert "price_7" in source.source and "pixels" in source.source


def test_names_of_the_user_stay_whatever_else_was_named_so():
    """`dense_1`, chosen, came out as `dense`: another layer had been given it automatically."""
    for _ in range(9):
        k.layers.Dense(1)
        k.layers.InputLayer((1,))
    k.utils.clear_session()
    automatic = [k.layers.Dense(2), k.layers.Dense(3), k.layers.Dense(4)]
    x, y = k.Input((8,), name="input_layer_1"), k.Input((8,), name="rest")
    chosen = k.layers.Dense(1, name="dense_7")(automatic[1](x + y))
    model = k.Model([x, y], [chosen, automatic[2](x)])
    program = model.steps().predict_entry([]).program
    assert [n["name"] for n in program.inputs] == ["input_layer_1", "rest"]
    assert list(program.outputs) == ["dense_7", "dense_1"]


def test_automatic_names_make_way_for_those_of_the_user():
    automatic = [k.layers.Dense(2) for _ in range(4)]
    x = k.Input((8,))
    model = k.Model(x, [automatic[3](x), automatic[2](x), k.layers.Dense(1, name="dense")(x)])
    program = model.steps().predict_entry([]).program
    assert list(program.outputs)[-1] == "dense" and len(set(program.outputs)) == 3
    assert sorted(program.outputs) == ["dense", "dense_1", "dense_2"]
