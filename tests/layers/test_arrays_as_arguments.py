"""Arrays given to layers, and NumPy's functions on variables."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fncompile import Input, Model, Sequential, Variable, config, initializers, layers, models

X = np.arange(6, dtype="float32").reshape(2, 3)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_arrays_as_arguments_of_a_lambda(tmp_path, suffix):
    mu = np.array([1.0, 2.0, 3.0])
    inputs = Input((3,))
    model = Model(inputs, layers.Lambda(lambda x, mu: x - mu, arguments={"mu": mu})(inputs))
    json.dumps(model.get_config())
    model.save(tmp_path / f"m{suffix}")
    again = models.load_model(tmp_path / f"m{suffix}", safe_mode=False)
    np.testing.assert_allclose(again(X), X - mu, rtol=1e-6)


@pytest.mark.parametrize(
    ("scale", "offset"),
    [
        (np.array(1 / 255.0), np.array(0.5)),
        (np.array([1.0, 2, 3]), 0.0),
        ([1.0, 2, 3], (4.0, 5, 6)),
    ],
)
def test_rescaling_by_arrays(tmp_path, scale, offset):
    model = Sequential([Input((3,)), layers.Rescaling(scale, offset)])
    expected = X * np.asarray(scale) + np.asarray(offset)
    np.testing.assert_allclose(model(X), expected, rtol=1e-6)
    json.dumps(model.get_config())
    model.save(tmp_path / "m.keras")
    np.testing.assert_allclose(models.load_model(tmp_path / "m.keras")(X), expected, rtol=1e-6)


def test_rescaling_goes_along_the_channels():
    images = np.arange(2 * 3 * 2 * 2, dtype="float32").reshape(2, 3, 2, 2)
    expected = images * np.reshape([1.0, 2, 3], (3, 1, 1)) + np.reshape([1.0, 0, 0], (3, 1, 1))
    config.set_image_data_format("channels_first")
    try:
        found = layers.Rescaling([1.0, 2, 3], [1.0, 0, 0])(images)
        rows = layers.Rescaling([1.0, 2, 3])(X)
    finally:
        config.set_image_data_format("channels_last")
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_allclose(rows, X * [1, 2, 3], rtol=1e-6)


def test_an_array_as_initializer_has_the_shape_of_the_weight():
    np.testing.assert_array_equal(initializers.get(X)(shape=(2, 3)), X)
    with pytest.raises(ValueError, match=r"Expected `shape` to be \(2, 3\).*shape=\(3, 3\)"):
        initializers.get(X)(shape=(3, 3))


V = np.array([[3.0, 1.0], [2.0, 4.0]], "float32")
FUNCTIONS = [
    np.min, np.max, np.sum, np.mean, np.std, np.sort, np.argmax, np.exp, np.transpose, np.ravel,
    lambda v: np.add(v, 1), lambda v: np.multiply(2, v), lambda v: np.concatenate([v, v]),
    lambda v: np.dot(v, v), lambda v: np.where(v > 2, v, 0), lambda v: np.linalg.norm(v),
    lambda v: np.stack([v, v]), lambda v: np.clip(v, 2, 3), lambda v: np.maximum.reduce(v),
    lambda v: np.allclose(v, V), lambda v: np.array_equal(v, V), lambda v: np.isclose(v, 3.0),
]  # fmt: skip


@pytest.mark.parametrize("function", FUNCTIONS, ids=range(len(FUNCTIONS)))
def test_numpy_on_a_variable(function):
    np.testing.assert_allclose(function(Variable(V)), function(V), rtol=1e-6)


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("operator", ["add", "sub", "mul", "truediv", "matmul", "pow", "lt", "eq"])
def test_operators_between_arrays_and_variables(operator, swap):
    import operator as operators

    function = getattr(operators, operator)
    other = np.array([[1.0, 2.0], [0.5, 1.0]], "float32")
    for array in (other, other[0, 0]) if operator != "matmul" else (other,):
        pair, plain = (Variable(V), array), (V, array)
        pair, plain = (pair[::-1], plain[::-1]) if swap else (pair, plain)
        np.testing.assert_allclose(function(*pair), function(*plain), rtol=1e-6)


class Scaled(layers.Layer):
    def __init__(self, function):
        super().__init__()
        self.function = function
        self.scale = self.add_weight(shape=(3,), initializer="ones", name="scale")

    def call(self, x):
        return self.function(x, self.scale)


def test_inside_call_numpy_would_freeze_a_variable():
    """The number of then would be a constant of the compiled model: refused."""
    for function in (lambda x, w: x * np.sum(w), lambda x, w: x + np.asarray(w)):
        with pytest.raises(TypeError, match="'scaled.*/scale' has no numbers inside `call`"):
            Scaled(function)(X)
    layer = Scaled(lambda x, w: np.full(3, 2.0, "float32") * w + x)
    np.testing.assert_allclose(layer(X), X + 2, rtol=1e-6)


def test_a_variable_by_the_name_of_an_initializer():
    variable = Variable(initializer="uniform", shape=(2, 3))
    assert (variable.shape, variable.dtype) == ((2, 3), "float32")
    assert 0 < np.abs(variable.numpy()).max() <= 0.05
    np.testing.assert_array_equal(Variable("ones", (2,), "int32").numpy(), [1, 1])
    with pytest.raises(ValueError, match="`shape` argument should be specified"):
        Variable("uniform")
    with pytest.raises(ValueError, match="Could not interpret initializer identifier: nope"):
        Variable("nope", shape=(2,))
    with pytest.raises(ValueError, match="`shape` argument should be specified"):
        Variable(initializers.Zeros())
