"""Sequential stacks on what their first layer takes: structures of tensors, and shapes that
change."""

from __future__ import annotations

import numpy as np
import pytest

from fncompile import Input, Sequential, layers, models, saving

RNG = np.random.default_rng(2)
X = RNG.normal(size=(6, 3)).astype("float32")
Y = RNG.normal(size=(6, 2)).astype("float32")


@saving.register_keras_serializable("stacks")
class Sum(layers.Layer):
    def call(self, x):
        return x["a"] + x["b"]


class Both(layers.Layer):
    def call(self, x):
        return {"twice": 2 * x, "same": x}


@pytest.mark.parametrize(
    ("first", "x"),
    [(Sum, {"a": X, "b": 2 * X}), (layers.Add, [X, 2 * X]), (layers.Add, (X, 2 * X))],
)
def test_a_first_layer_of_several_tensors(tmp_path, first, x):
    model = Sequential([first(), layers.Dense(2)])
    kernel, bias = (model(x), *model.get_weights())[1:]
    expected = 3 * X @ kernel + bias
    np.testing.assert_allclose(model(x), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-5)
    model.compile("sgd", "mse")
    before = model.evaluate(x, Y, verbose=0)
    assert before == pytest.approx(np.mean((expected - Y) ** 2), rel=1e-4)
    assert model.fit(x, Y, epochs=3, verbose=0).history["loss"][-1] < before
    model.save(tmp_path / "m.keras")
    again = models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_training_builds_it_too():
    model = Sequential([layers.Add(), layers.Dense(2)])
    model.compile("sgd", "mse")
    model.fit([X, X], Y, verbose=0)
    assert model.count_params() == 8


def test_a_last_layer_of_several_tensors():
    found = Sequential([Both()]).predict(X, verbose=0)
    np.testing.assert_allclose(found["twice"], 2 * found["same"], rtol=1e-6)


@pytest.mark.parametrize(
    ("stack", "shapes", "expected"),
    [
        (
            lambda: [layers.Flatten()],
            [(2, 5, 7), (2, 7, 5), (3, 5, 7)],
            [(2, 35), (2, 35), (3, 35)],
        ),
        (
            lambda: [layers.Reshape((-1, 2))],
            [(2, 6), (2, 8), (1, 4)],
            [(2, 3, 2), (2, 4, 2), (1, 2, 2)],
        ),
        (lambda: [layers.Dense(3)], [(2, 4, 6), (2, 9, 6)], [(2, 4, 3), (2, 9, 3)]),
    ],
)
def test_a_stack_without_an_input_takes_another_shape(stack, shapes, expected):
    model = Sequential(stack())
    for _ in range(2):
        for shape, out in zip(shapes, expected, strict=True):
            x = RNG.normal(size=shape).astype("float32")
            assert model(x).shape == out
            np.testing.assert_allclose(model.predict(x, verbose=0), model(x), rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(model.predict_on_batch(x), model(x), rtol=1e-4, atol=1e-5)


def test_shapes_that_its_layers_refuse_change_nothing():
    model = Sequential([layers.Dense(2)])
    with pytest.raises(ValueError, match="min_ndim=2"):
        model.predict(np.ones(3), verbose=0)
    before = model(X)
    with pytest.raises(ValueError, match="expected axis -1"):
        model(np.ones((2, 5), "float32"))
    assert model.input_shape == (None, 3)
    np.testing.assert_array_equal(model(X), before)


def test_an_input_of_its_own_is_kept_to():
    model = Sequential([Input((5, 7)), layers.Flatten()])
    with pytest.raises(ValueError, match="expected shape="):
        model(np.ones((2, 7, 5)))
    with pytest.raises(ValueError, match="cannot build it with input_shape"):
        model.build((3, 4))
    model.build((None, 5, 7))
