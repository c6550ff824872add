"""Windows of unknown extents: strides and paddings whose numbers only the call knows."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from fncompile import autodiff, ops
from fncompile.graph.tensor import Tensor
from fncompile.graph.trace import Trace
from fncompile.ir import build, interp
from fncompile.ir.dims import symbol
from fncompile.ir.node import Program
from fncompile.ir.types import TensorType
from tests.programs.native import compiled, run

LENGTHS = [1, 2, 5, 6, 7, 8]


def program(extent, size, stride, padding) -> Program:
    """Convolution and pooling of x[2, extent, 3], and gradients."""
    x = build.input("x", TensorType("float64", (2, extent, 3)))
    w = build.param("w", TensorType("float64", (size, 3, 4)))
    with Trace().active():
        convolved = ops.conv(Tensor(x), Tensor(w), stride, padding).node
        pooled = ops.max_pool(Tensor(x), size, stride, padding).node
        mean = ops.average_pool(Tensor(x), size, stride, padding).node
    squares = [build.ew("mul", v, v) for v in (convolved, pooled, mean)]
    sums = [build.reduce(s, "sum", (0, 1)) for s in squares]
    total = build.reduce(build.concat(sums, 0), "sum", (0,))
    dx, dw = autodiff.gradients(total, [x, w])
    outputs = {"convolved": convolved, "pooled": pooled, "mean": mean, "dx": dx, "dw": dw}
    return Program((x,), (w,), outputs)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("size, stride", list(itertools.product((1, 2, 3), (1, 2, 3))))
def test_as_with_the_extent_given(size, stride, padding):
    """Each length as a program of its own by the interpreter is the oracle."""
    rng = np.random.default_rng(size * 10 + stride)
    params = {"w": rng.standard_normal((size, 3, 4))}
    open_ended = program(symbol("T"), size, stride, padding)
    entry = compiled(open_ended)
    for length in (n for n in LENGTHS if padding == "same" or n >= size):
        x = rng.standard_normal((2, length, 3))
        want, _ = interp.run(program(length, size, stride, padding), [x], params)
        found, _ = interp.run(open_ended, [x], params)
        for name, by_c in zip(want, run(entry, [x], params)[0]):
            np.testing.assert_allclose(found[name], want[name], 1e-12, 1e-12, err_msg=name)
            np.testing.assert_allclose(by_c, want[name], 1e-12, 1e-12, err_msg=name)
