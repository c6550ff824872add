"""Activation functions by name, and those whose arguments differ from `ops`."""

from __future__ import annotations

import numpy as np
import pytest

from fncompile import activations, ops
from fncompile.saving.registry import custom_object_scope, register_keras_serializable

X = np.linspace(-4, 8, 25).astype("float32")


def twice(x):
    return 2 * x


@pytest.mark.parametrize("name", activations.ALL_OBJECTS)
def test_by_name_and_back(name):
    function = activations.get(name)
    assert activations.get(activations.serialize(function)) is function
    if name not in ("glu", "threshold"):
        assert function(X).shape == X.shape


@pytest.mark.parametrize(
    "name", sorted(set(activations.ALL_OBJECTS) - {"linear", "exponential", "relu", "gelu"})
)
def test_the_same_as_in_ops(name):
    assert activations.get(name) is getattr(ops, name)


def test_none_is_linear():
    assert activations.get(None) is activations.linear
    assert activations.serialize(activations.linear) == "linear"
    assert activations.linear(X) is X


def test_callables_pass_through():
    assert activations.get(twice) is twice


@pytest.mark.parametrize("identifier", ["foo", 3, ["relu"]])
def test_unknown(identifier):
    with pytest.raises(ValueError, match="Could not interpret activation function identifier:"):
        activations.get(identifier)


def test_users_functions_by_config():
    config = activations.serialize(twice)
    assert activations.deserialize(config, {"twice": twice}) is twice
    with custom_object_scope({"twice": twice}):
        assert activations.get("twice") is twice


def test_registered_functions():
    def thrice(x):
        return 3 * x

    register_keras_serializable("Mine")(thrice)
    assert activations.deserialize(activations.serialize(thrice)) is thrice


@pytest.mark.parametrize(
    ("kwargs", "reference"),
    [
        ({}, lambda x: np.maximum(x, 0)),
        ({"negative_slope": 0.1}, lambda x: np.where(x < 0, 0.1 * x, x)),
        ({"max_value": 6.0}, lambda x: np.clip(x, 0, 6)),
        ({"threshold": 1.5}, lambda x: np.where(x <= 1.5, 0, x)),
        (
            {"negative_slope": 0.1, "threshold": 1.5, "max_value": 2.0},
            lambda x: np.minimum(np.where(x <= 1.5, 0.1 * (x - 1.5), x), 2),
        ),
    ],
)
def test_relu(kwargs, reference):
    np.testing.assert_allclose(activations.relu(X, **kwargs), reference(X), rtol=1e-6)


def test_gelu_is_exact_by_default():
    np.testing.assert_array_equal(activations.gelu(X), ops.gelu(X, approximate=False))
    np.testing.assert_array_equal(activations.gelu(X, approximate=True), ops.gelu(X))
