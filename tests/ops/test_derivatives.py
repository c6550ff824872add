"""Gradients that a function brings along, in a step that is compiled and in one by hand."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import layers, ops, optimizers

X = np.array([[1.0, -2.0], [0.5, 3.0], [-1.0, 0.25]], "float32")
Y = np.array([[4.0], [-3.0], [0.5]], "float32")


@ops.custom_gradient
def clipped(x):
    """Itself, with a gradient that is not linear in what comes."""
    return x * 1.0, lambda upstream: ops.clip(upstream, -0.1, 0.1)


def _weights_after_a_step(w):
    g = X.T @ np.clip(2 * (X @ w - Y) / 3, -0.1, 0.1)
    return w - 0.5 * g


def _model():
    x = fncompile.Input((2,))
    dense = layers.Dense(1, use_bias=False)
    return fncompile.Model(x, clipped(dense(x))), dense


def test_a_compiled_step_follows_the_gradient_that_is_brought_along():
    model, dense = _model()
    model.compile(optimizers.SGD(0.5), "mse")
    before = dense.kernel.numpy()
    model.train_on_batch(X, Y)
    np.testing.assert_allclose(dense.kernel.numpy(), _weights_after_a_step(before), 1e-5, 1e-6)


def test_a_step_by_hand_follows_it():
    model, dense = _model()
    before = dense.kernel.numpy()
    with fncompile.GradientTape() as tape:
        loss = ops.mean(ops.square(model(X) - Y))
    optimizers.SGD(0.5).apply(tape.gradient(loss, [dense.kernel]), [dense.kernel])
    np.testing.assert_allclose(dense.kernel.numpy(), _weights_after_a_step(before), 1e-5, 1e-6)


def test_in_a_scan_and_in_a_vectorized_map():
    def through(x):
        return ops.sum(ops.scan(lambda h, e: (clipped(h * e), h), 1.0, x)[1])

    def reference(x):
        h, steps = 1.0, []
        for e in x:
            steps.append((h, e))
            h = h * e
        g, found = 0.0, []
        for h, e in reversed(steps):
            found.append(np.clip(g, -0.1, 0.1) * h)
            g = 1.0 + np.clip(g, -0.1, 0.1) * e
        return found[::-1]

    x = np.array([0.5, 2.0, -1.0], "float32")
    np.testing.assert_allclose(fncompile.grad(through)(x), reference(x), 1e-6)
    every = fncompile.grad(lambda x: ops.sum(3.0 * ops.vectorized_map(clipped, x)))(x)
    np.testing.assert_allclose(every, np.full(3, 0.1), 1e-6)


def test_gradients_of_gradients_are_those_of_what_is_brought_along():
    @ops.custom_gradient
    def cube(x):
        return x**3, lambda upstream: upstream * 5.0 * x * x  # not the derivative

    assert fncompile.grad(cube)(2.0) == 20.0
    assert fncompile.grad(fncompile.grad(cube))(2.0) == 20.0


@pytest.mark.parametrize(("function", "words"), [
    (lambda x: x, "gives a pair"),
    (lambda x: (x, lambda upstream: (upstream, upstream)), "one cotangent for each"),
    (lambda x: (x, lambda upstream: upstream[:, None]), "has its shape"),
])  # fmt: skip
def test_what_is_no_gradient_is_refused(function, words):
    with pytest.raises(ValueError, match=words):
        ops.custom_gradient(function)(np.ones(3))


def test_jvp_checks_and_hands_on():
    value, along, more = ops.jvp(lambda x: (x * x, x + 1), (3.0,), (2.0,), has_aux=True)
    assert (value, along, more) == (9.0, 12.0, 4.0)
    with pytest.raises(ValueError, match="same structure and shapes"):
        ops.jvp(ops.sin, (np.ones(3),), (np.ones((3, 1)),))
    constant = ops.jvp(lambda x: ops.zeros_like(x) + 1.0, (np.ones(2),), (np.ones(2),))
    np.testing.assert_array_equal(constant[1], np.zeros(2))
