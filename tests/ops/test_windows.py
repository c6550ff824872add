"""Pooling and convolution against Keras on JAX: values, gradients, ties, and what is refused."""

from __future__ import annotations

import os

import numpy as np
import pytest

from fncompile import autodiff, ops
from fncompile.graph.trace import Trace, placeholder
from fncompile.ir import build
from fncompile.ir.interp import run
from fncompile.ir.node import Program
from fncompile.ir.types import TensorType

os.environ.setdefault("KERAS_BACKEND", "jax")
jax = pytest.importorskip("jax")
keras = pytest.importorskip("keras")


def ours(name, arrays, weights, *args, **kwargs):
    """The result, and the gradients of its sum in these weights."""
    with Trace().active():
        xs = [placeholder(f"x{i}", TensorType("float32", a.shape)) for i, a in enumerate(arrays)]
        y = getattr(ops, name)(*xs, *args, **kwargs).node
        weighed = build.ew("mul", y, build.const(weights, "float32"))
        loss = build.reduce(weighed, "sum", range(y.ndim))
        grads = autodiff.gradients(loss, [x.node for x in xs])
    outputs = {"y": y, **{f"g{i}": g for i, g in enumerate(grads)}}
    return list(run(Program(tuple(x.node for x in xs), (), outputs), arrays, {})[0].values())


def theirs(name, arrays, weights, *args, **kwargs):
    def fn(*xs):
        return getattr(keras.ops, name)(*xs, *args, **kwargs)

    loss = jax.grad(lambda xs: (fn(*xs) * weights).sum())
    return [np.asarray(fn(*arrays)), *map(np.asarray, loss(arrays))]


def check(name, arrays, *args, **kwargs):
    arrays = [a.astype("float32") for a in arrays]
    shape = np.asarray(getattr(keras.ops, name)(*arrays, *args, **kwargs)).shape
    weights = np.random.default_rng(3).uniform(0.5, 1.5, shape).astype("float32")
    found, wanted = (f(name, arrays, weights, *args, **kwargs) for f in (ours, theirs))
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, 2e-5, 2e-5)


# With strides: Keras 3.15 on JAX fails without.
POOLS = [((2, 6, 5, 3), (2, 2)), ((2, 6, 5, 3), ((3, 2), 2, "same")), ((2, 9, 3), (3, 1, "same")),
         ((1, 4, 5, 3, 2), ((1, 2, 2), 1, "same")), ((2, 7, 7, 1), (3, 2))]  # fmt: skip


@pytest.mark.parametrize(("shape", "args"), POOLS, ids=str)
@pytest.mark.parametrize("name", ["max_pool", "average_pool"])
def test_pooling(name, shape, args):
    check(name, [np.random.default_rng(0).standard_normal(shape)], *args)


@pytest.mark.parametrize(("shape", "args"), POOLS, ids=str)
def test_the_first_of_equal_maxima_has_the_gradient(shape, args):
    """Whole numbers from 0 to 2 tie nearly everywhere."""
    check("max_pool", [np.random.default_rng(0).integers(0, 3, shape)], *args)


def test_nan_and_infinity_at_borders():
    x = np.zeros((1, 4, 4, 1), "float32")
    x[0, 0, 0, 0], x[0, 3, 1, 0], x[0, 3, 3, 0] = np.nan, np.inf, -np.inf
    for name in ("max_pool", "average_pool"):
        for args in ((2, 2), (3, 1, "same")):
            got, want = getattr(ops, name)(x, *args), getattr(keras.ops, name)(x, *args)
            np.testing.assert_array_equal(got, np.asarray(want))


@pytest.mark.parametrize(("shape", "kernel", "kwargs"), [
    ((2, 6, 5, 4), (3, 2, 2, 6), {"strides": 2, "padding": "same"}),
    ((2, 6, 5, 4), (3, 3, 1, 8), {"padding": "same"}),
    ((2, 9, 3), (3, 3, 4), {"strides": 3, "padding": "same"}),
    ((1, 4, 5, 6, 2), (2, 3, 1, 2, 3), {"strides": (1, 2, 3), "padding": "same"}),
    ((2, 3, 9, 8), (3, 2, 3, 4), {"data_format": "channels_first", "dilation_rate": (2, 3)}),
])  # fmt: skip
def test_convolution(shape, kernel, kwargs):
    rng = np.random.default_rng(0)
    if kwargs.get("data_format") == "channels_first":  # JAX on a CPU has no gradient for it
        x, w = (rng.standard_normal(s).astype("float32") for s in (shape, kernel))
        found, wanted = (f(x, w, **kwargs) for f in (ops.conv, keras.ops.conv))
        np.testing.assert_allclose(found, wanted, 2e-5, 2e-5)
    else:
        check("conv", [rng.standard_normal(shape), rng.standard_normal(kernel)], **kwargs)


@pytest.mark.parametrize(("call", "message"), [
    (lambda x: ops.conv(x, np.ones((3, 3, 3))), "as many axes"),
    (lambda x: ops.conv(x, np.ones((3, 3, 3, 4))), "evenly divisible by kernel's"),
    (lambda x: ops.conv(x, np.ones((3, 3, 4, 4)), strides=0), "must be an integer from 1 on"),
    (lambda x: ops.conv(x, np.ones((3, 3, 4, 4)), strides=(1, 2, 3)), "or 2 of them"),
    (lambda x: ops.conv(x, np.ones((3, 3, 4, 4)), padding="full"), "must be 'same' or 'valid'"),
    (lambda x: ops.conv(x, np.ones((3, 3, 4, 4)), data_format="last"), "`data_format`"),
    (lambda x: ops.max_pool(x, (2, 2, 2)), "`pool_size` must be"),
    (lambda x: ops.max_pool(x[0, 0], 2), "a batch, extents and channels"),
    (lambda x: ops.conv(x, np.ones((9, 3, 4, 4))), "output size would be zero or negative"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.ones((2, 5, 6, 4), "float32"))
