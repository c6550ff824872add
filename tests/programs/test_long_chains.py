"""Chains of many element-wise ops that could all be one expression."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile as k
from fncompile.plan.types import Apply


def chain(x, length):
    """`length` ops, each of which reads the one before it."""
    h = x
    for i in range(length // 2):
        h = h * (0.5 + 0.001 * (i % 7)) + x
    return h


def depth(expr):
    return 1 + max(map(depth, expr.args), default=0) if isinstance(expr, Apply) else 0


@pytest.mark.parametrize("length", [400, 2000])
def test_a_chain_compiles(length):
    """RecursionError: 400 ops were one expression, walked by recursion in many places."""
    inputs = k.Input((8,))
    model = k.Model(inputs, chain(inputs, length))
    x = np.random.default_rng(0).normal(size=(3, 8)).astype("float32")
    np.testing.assert_allclose(model.predict(x, verbose=0), chain(x, length), rtol=1e-5)
    (entry,) = model.steps().compiled_entries()
    (kernel,) = entry.plan.kernels
    assert max(depth(stage.expr) for stage in kernel.stages) < 40
    assert entry.plan.arena == 0  # what one piece hands to the next stays in registers


def test_a_chain_of_views_compiles():
    """Views, too, were one expression."""
    inputs = k.Input((8,))
    h, x = inputs, np.arange(24, dtype="float32").reshape(3, 8)
    expected = x
    for i in range(200):
        h = k.ops.pad(h[:, :7][:, ::-1], [[0, 0], [1, 0]], constant_values=float(i % 5))
        expected = np.pad(expected[:, 6::-1], [[0, 0], [1, 0]], constant_values=i % 5)
    model = k.Model(inputs, h)
    np.testing.assert_array_equal(model.predict(x, verbose=0), expected)


def test_a_chain_trains(quickly_compiled):
    """The gradient is a chain as long."""
    inputs = k.Input((3,))
    dense = k.layers.Dense(4, kernel_initializer="ones")
    model = k.Model(inputs, chain(dense(inputs), 240))
    model.compile(k.optimizers.SGD(0.1), "mse")
    x, y = np.full((2, 3), 0.1, "float32"), np.zeros((2, 4), "float32")
    with k.flags(interp=True):
        twin = k.models.clone_model(model)
        twin.compile(k.optimizers.SGD(0.1), "mse")
        expected = twin.train_on_batch(x, y), twin.get_weights()
    np.testing.assert_allclose(model.train_on_batch(x, y), expected[0], rtol=1e-5)
    for a, b in zip(model.get_weights(), expected[1]):
        np.testing.assert_allclose(a, b, rtol=1e-4)
