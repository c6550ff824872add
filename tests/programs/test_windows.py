"""Windows and their adjoint at every stage: symbols, strides, padding, and who is refused."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from fncompile import autodiff
from fncompile.ir import build, interp
from fncompile.ir.dims import symbol
from fncompile.ir.node import Program
from fncompile.ir.text import parse, print_program
from fncompile.ir.types import TensorType
from fncompile.ir.windows import phases
from fncompile.passes.windows import windows
from tests.programs.native import compiled, run

CASES = [
    case
    for case in itertools.product((0, 1, 2, 5, 8), *[(1, 2, 3)] * 3, (-1, 0, 2), (0, 1))
    if case[0] + case[4] + case[5] >= (case[1] - 1) * case[3] and case[0] + case[4] >= 0
]


def seen(extent, size, stride, dilation, low, count):
    """(window, tap, element) of all that is not padding."""
    for o, t in itertools.product(range(count), range(size)):
        if 0 <= (i := o * stride + t * dilation - low) < extent:
            yield o, t, i


def test_what_is_seen_and_summed_up():
    """The interpreter, and the split by remainders of strides, against one element at a time."""
    rng = np.random.default_rng(0)
    for extent, size, stride, dilation, low, high in CASES:
        x = build.input("x", TensorType("float64", (2, extent)))
        rows = (size,), (stride,), (dilation,), (low,), (high,)
        w = build.window(x, (1,), *rows, 7.0)
        numbers, weights = rng.standard_normal((2, extent)), rng.standard_normal(w.shape)
        g = build.input("g", w.type)
        back = build.unwindow(g, (1,), (extent,), *rows[1:4])
        found, _ = interp.run(Program((x, g), (), {"w": w, "back": back}), [numbers, weights], {})
        want, sums = np.full(w.shape, 7.0), np.zeros((2, extent))
        for o, t, i in seen(extent, size, stride, dilation, low, w.shape[1]):
            want[:, o, t] = numbers[:, i]
            sums[:, i] += weights[:, o, t]
        np.testing.assert_array_equal(found["w"], want)
        np.testing.assert_allclose(found["back"], sums, atol=1e-12)
        by_phase = np.zeros((2, extent))
        for p in phases(extent, size, stride, dilation, low):
            for j, u in itertools.product(range(p.count), range(p.taps)):
                if 0 <= (o := j + p.shift - u * p.step) < w.shape[1]:
                    part = weights[:, o, p.tap + u * p.tap_step]
                    by_phase[:, p.first + stride * j] += part
        np.testing.assert_allclose(by_phase, sums, atol=1e-12)


CONTRACTED = [c for c in CASES if c[0] > 0 and c[0] + c[4] + c[5] > (c[1] - 1) * c[3]]


@pytest.mark.parametrize("swapped", [False, True])
def test_the_adjoint_of_a_contraction_is_contractions(swapped):
    """One for each remainder of the strides; nothing is summed up element by element."""
    rng = np.random.default_rng(0)
    for extent, size, stride, dilation, low, high in CONTRACTED:
        x = build.input("x", TensorType("float64", (2, extent, 3, 2)))
        kernel = build.input("k", TensorType("float64", (2, size, 2, 4)))
        w = build.window(x, (1,), (size,), (stride,), (dilation,), (low,), (high,))
        operands = [(w, (3, 4), (0,)), (kernel, (2, 1), (0,))][:: -1 if swapped else 1]
        (a, contract_a, batch_a), (b, contract_b, batch_b) = operands
        y = build.dot(a, b, (contract_a, contract_b), (batch_a, batch_b))
        g = build.input("g", y.type)
        p = Program((x, kernel, g), (), {"dx": autodiff.gradients(y, [x], seed=g)[0]})
        lowered = windows(p)
        assert "unwindow" not in {n.op for n in lowered.nodes()}
        arrays = [rng.standard_normal(v.shape) for v in p.inputs]
        want, found = (interp.run(program, arrays, {})[0]["dx"] for program in (p, lowered))
        np.testing.assert_allclose(found, want, atol=1e-12)


@pytest.mark.parametrize("swapped", [False, True])
def test_the_adjoint_of_a_product_with_a_kernel_for_each_channel_is_sums_of_windows(swapped):
    """As the gradient of a depthwise convolution has it, which was summed up element by element,
    asking of each tap whether it lies inside."""
    rng = np.random.default_rng(0)
    for extent, size, stride, dilation, low, high in CONTRACTED:
        x = build.input("x", TensorType("float64", (2, extent, 3)))
        kernel = build.input("k", TensorType("float64", (3, size)))
        w = build.window(x, (1,), (size,), (stride,), (dilation,), (low,), (high,))
        pixels = build.input("g", TensorType("float64", (2, w.shape[1], 3, 1)))
        kernels = build.reshape(kernel, (1, 1, 3, size))
        wide = [build.broadcast_to(n, w.shape) for n in (pixels, kernels)]
        product = build.ew("mul", *wide[:: -1 if swapped else 1])
        dx = build.unwindow(product, (1,), (extent,), (stride,), (dilation,), (low,))
        p = Program((kernel, pixels), (), {"dx": dx})
        lowered = windows(p)
        assert "unwindow" not in {n.op for n in lowered.nodes()}
        arrays = [rng.standard_normal(v.shape) for v in p.inputs]
        want, found = (interp.run(program, arrays, {})[0]["dx"] for program in (p, lowered))
        np.testing.assert_allclose(found, want, atol=1e-12)


def program(extent, dtype="float64") -> Program:
    """Windows read, reduced, contracted and summed up, and their gradients."""
    x = build.input("x", TensorType(dtype, (symbol("B"), extent, 5, 3)))
    w = build.param("w", TensorType(dtype, (3, 2, 3, 4)))
    stride = (1, 2)
    a = build.window(x, (1, 2), (3, 2), stride, (2, 1), (2, 1), (2, 1))
    b = build.window(build.ew("tanh", x), (2, 1), (2, 3), (1, 1), (1, 1), (0, 1), (0, 1), -np.inf)
    convolved = build.dot(a, w, ((4, 5, 3), (0, 1, 2)))
    best = build.reduce(b, "max", (4, 5))
    total = build.ew("add", *(build.reduce(v, "sum", range(4)) for v in (convolved, best)))
    dx, dw = autodiff.gradients(build.ew("mul", total, total), [x, w])
    outputs = {"a": a, "convolved": convolved, "best": best, "dx": dx, "dw": dw}
    return Program((x,), (w,), outputs)


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
@pytest.mark.parametrize("extent", [1, 2, 7, symbol("T")], ids=str)
def test_compiled(extent, dtype):
    p, rng = program(extent, dtype), np.random.default_rng(1)
    assert parse(print_program(p)) == p
    entry = compiled(p)
    tolerance = {"float64": 1e-12, "float32": 1e-4, "bfloat16": 4e-2}[dtype]
    for batch, length in ((2, 7), (0, 7), (3, 1), (1, 2)):
        if isinstance(extent, int) and length != extent:
            continue
        kind = "float32" if dtype == "bfloat16" else dtype
        x = rng.standard_normal((batch, length, 5, 3)).astype(kind)
        params = {"w": rng.standard_normal((3, 2, 3, 4)).astype(kind)}
        want, _ = interp.run(p, [x], params)
        for name, got in zip(want, run(entry, [x], params)[0]):
            scale = np.abs(want[name]).max(initial=1)
            np.testing.assert_allclose(got, want[name], tolerance, tolerance * scale, err_msg=name)


def test_fewer_elements_than_a_window_has_taps_are_refused():
    x = build.input("x", TensorType("float32", (symbol("T"), 2)))
    p = Program((x,), (), {"y": build.reduce(build.window(x, (0,), (5,)), "sum", (2,))})
    entry = compiled(p)
    for length in (4, 5, 6):
        array = np.ones((length, 2), "float32")
        np.testing.assert_array_equal(run(entry, [array], {})[0][0], np.full((length - 4, 2), 5))
    with pytest.raises(ValueError, match="T=3 .*T-4 elements"):
        run(entry, [np.ones((3, 2), "float32")], {})
    with pytest.raises(ValueError, match="5 taps 1 apart do not fit 3"):
        build.window(build.input("x", TensorType("float32", (3,))), (0,), (5,))


@pytest.mark.parametrize("change", [
    {"axes": (1, 1)}, {"axes": (0, 3)}, {"size": (2,)}, {"stride": (0, 1)}, {"dilation": (1, 0)},
])  # fmt: skip
def test_windows_that_are_none_are_refused(change):
    x = build.input("x", TensorType("float32", (4, 5)))
    with pytest.raises(ValueError, match=r"window of f32\[4,5\]"):
        build.window(x, **{"axes": (0, 1), "size": (2, 2), **change})
