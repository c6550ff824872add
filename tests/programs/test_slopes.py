"""Slopes of activations are taken out of gradients, and stored in place of the products."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import layers, ops
from fncompile.autodiff.reverse import gradients
from fncompile.graph.trace import Trace, placeholder
from fncompile.ir.dims import symbol
from fncompile.ir.interp import run
from fncompile.ir.node import Program
from fncompile.ir.types import TensorType
from fncompile.passes.slopes import slopes

B = symbol("B")
ACTIVATIONS = {
    "gelu": lambda z: ops.gelu(z, approximate=False),
    "gelu by tanh": lambda z: ops.gelu(z, approximate=True),
    "silu": ops.silu,
    "a user's own": lambda z: z * ops.exp(-z * z) - 3.0 * ops.sin(z) * z,
}


def gradient(fn, dtype: str = "float64") -> Program:
    """That of the sum of (fn(x a + c) b)^2 by x: the incoming one is a product."""
    with Trace().active():
        x = placeholder("x", TensorType(dtype, (B, 6)))
        a = placeholder("a", TensorType(dtype, (6, 5)))
        b = placeholder("b", TensorType(dtype, (5, 4)))
        c = placeholder("c", TensorType(dtype, (5,)))
        loss = ops.sum(ops.square(ops.matmul(fn(ops.matmul(x, a) + c), b)))
    inputs = (x.node, a.node, b.node, c.node)
    return Program(inputs, (), {"dx": gradients(loss.node, [x.node])[0]})


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_gradient_is_the_incoming_one_times_the_slope(name):
    before = gradient(ACTIVATIONS[name])
    after = slopes(before)
    last = after.outputs["dx"].src[0]
    assert (last.op, last["fn"], last.src[0].op) == ("ew", "mul", "dot")
    rng = np.random.default_rng(3)
    arrays = [rng.normal(size=[7 if d == B else d for d in n.shape]) for n in before.inputs]
    want, found = (run(p, arrays, {})[0]["dx"] for p in (before, after))
    np.testing.assert_allclose(found, want, rtol=1e-12, atol=1e-12)


OTHERS = {
    "cheap": lambda z: z * z * z + z,
    "of a result that is stored": ops.tanh,
    "one term": ops.exp,
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_gradients_stay(name):
    before = gradient(OTHERS[name])
    assert slopes(before).outputs == before.outputs


def test_sums_that_only_share_a_number_stay():
    before = gradient(lambda z: 0.5 * ops.exp(z) + 0.5 * ops.erf(z))
    assert slopes(before).outputs["dx"].src[0].src[1].op != "dot"


def _model(seed: int = 5):
    fncompile.utils.set_random_seed(seed)
    inputs = fncompile.Input((8,))
    hidden = layers.Dense(32, activation="gelu", name="wide")(inputs)
    model = fncompile.Model(inputs, layers.Dense(8, name="out")(hidden))
    model.compile("sgd", "mse")
    return model


def test_a_step_stores_the_slope_and_not_the_product():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 16, 8)).astype("f")
    losses = []
    for skip in ("", "slopes"):
        with fncompile.flags(cflags="-Og", skip=skip):
            model = _model()
            losses.append([model.train_on_batch(x, y) for _ in range(3)])
        [entry] = model.steps().compiled_entries()
        names = {s.buffer.name for k in entry.plan.kernels for t in k.stages for s in t.stores}
        assert ("wide_dot" in names) == (skip == "slopes"), names
    np.testing.assert_allclose(*losses, rtol=1e-6)
