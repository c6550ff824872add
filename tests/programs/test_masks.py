"""Masks of a ReLU are asked of its argument where that is at hand."""

from __future__ import annotations

import numpy as np
import pytest

from fncompile import ops
from fncompile.autodiff.reverse import gradients
from fncompile.graph.trace import Trace, placeholder
from fncompile.ir.dims import symbol
from fncompile.ir.interp import run as interpret
from fncompile.ir.node import Node, Program
from fncompile.ir.types import TensorType
from fncompile.passes.masks import masks
from fncompile.plan.types import reads, writes
from tests.programs.native import compiled, run

B = symbol("B")


def normalised(z, scale):
    return (z - ops.mean(z, axis=0)) * scale + 0.25


BEFORE = {  # what goes into the ReLU, and whether others read what it is made of
    "a normalisation": (normalised, True),
    "a scale, whose gradient reads it": (lambda z, scale: z * scale, True),
    "a shift alone": (lambda z, scale: z + scale, False),
    "something dear": (lambda z, scale: ops.tanh(normalised(z, scale)), False),
    "two arrays": (lambda z, scale: normalised(z, scale) + z * z * z, False),
}


def step(name: str, dtype: str) -> Program:
    """The gradient of the sum of (relu(f(x w)) v)^2 by all three."""
    with Trace().active():
        shapes = {"x": (B, 6), "w": (6, 32), "scale": (32,), "v": (32, 4)}
        x, w, scale, v = (placeholder(n, TensorType(dtype, s)) for n, s in shapes.items())
        seen = ops.relu(BEFORE[name][0](ops.matmul(x, w), scale))
        loss = ops.sum(ops.square(ops.matmul(seen, v)))
    sources = [x.node, w.node, scale.node, v.node]
    return Program(tuple(sources), (), dict(zip("xwsv", gradients(loss.node, sources))))


def asked(program: Program) -> list[Node]:
    return [n.src[1] for n in program.nodes() if n.op == "ew" and n["fn"] == "lt"]


@pytest.mark.parametrize("name", BEFORE)
def test_who_is_asked_and_that_gradients_stay(name):
    before = step(name, "float64")
    after = masks(before)
    [was], [now] = asked(before), asked(after)
    assert was["fn"] == "max" and (now["fn"] != "max") == BEFORE[name][1]
    rng = np.random.default_rng(5)
    arrays = [rng.normal(size=[9 if d == B else d for d in n.shape]) for n in before.inputs]
    arrays[2][:4] = 0  # the argument is the same everywhere there
    arrays[0][0, 0] = np.nan
    want, found = (interpret(p, arrays, {})[0] for p in (before, after))
    for key, value in want.items():
        np.testing.assert_array_equal(found[key], value, err_msg=key)


def test_the_result_is_not_read_again():
    """Compiled: neither the argument lies in memory, nor does the way back read the result of the
    ReLU but for the gradient of the weights behind it."""
    before = step("a normalisation", "float32")
    entry = compiled(masks(before))
    kernels = entry.plan.kernels
    results = {b for k in kernels for b in writes(k) if b.name.endswith("max")}
    assert len(results) == 1
    assert all(k.product or not results & {*reads(k)} for k in kernels)
    rng = np.random.default_rng(6)
    arrays = [rng.normal(size=[9 if d == B else d for d in n.shape]).astype("float32")
              for n in before.inputs]  # fmt: skip
    want, _ = interpret(before, [a.astype("float64") for a in arrays], {})
    for value, found in zip(want.values(), run(entry, arrays, {})[0]):
        np.testing.assert_allclose(found, value, rtol=1e-4, atol=1e-3)
