"""Layers made in a `RematScope`: which of them go through `remat`, by their mode."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile as keras
from fncompile import layers, scopes


class Doubling(layers.Layer):
    """Declares no shape: that of its output is found by tracing."""

    def call(self, x):
        return x * 2


@pytest.fixture
def seen(monkeypatch):
    found = []

    def remat(f):
        found.append(f)
        return f

    monkeypatch.setattr(scopes, "remat", remat)
    return found


@pytest.mark.parametrize(("options", "through"), [
    (dict(mode="full"), 1), (dict(mode=None), 0),
    (dict(mode="list_of_layers", layer_names=["one"]), 1),
    (dict(mode="list_of_layers", layer_names=["other"]), 0),
    (dict(mode="larger_than", output_size_threshold=11), 1),
    (dict(mode="larger_than", output_size_threshold=12), 0),
    (dict(mode="activations"), 0),
])  # fmt: skip
def test_the_mode_says_which(seen, options, through):
    with keras.RematScope(**options):
        layer = Doubling(name="one")
    x = np.arange(12.0, dtype="float32").reshape(3, 4)
    np.testing.assert_array_equal(layer(x), 2 * x)
    assert len(seen) == through


def test_an_activation_by_itself_and_no_layer_outside(seen):
    with keras.RematScope(mode="activations"):
        layer = layers.Dense(2, activation="relu")
    relu = layer.activation
    layer(np.ones((1, 3)))
    layers.Dense(2, activation="relu")(np.ones((1, 3)))
    assert seen == [relu] and layer.activation is relu


def test_a_layer_decides_by_itself():
    class Own(Doubling):
        def rematerialized_call(self, layer_call, *args, **kwargs):
            return lambda x: layer_call(x) + 1

    np.testing.assert_array_equal(Own()(np.ones(2)), [3, 3])
