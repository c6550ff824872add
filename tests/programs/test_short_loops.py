"""Innermost loops of every short length, alone and reducing, against the interpreter.

gcc 12.2 with -march=znver3 miscompiled `#pragma omp simd` on an innermost loop of 3 or 5 doubles,
or of 3, 5 or 9 floats, inside two others: silently wrong numbers. Such loops are no longer marked.
"""

from __future__ import annotations

import numpy as np
import pytest

from fncompile import autodiff
from fncompile.ir import build, interp
from fncompile.ir.node import Program
from fncompile.ir.types import TensorType
from tests.programs.native import compiled, run


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_short_innermost_loops(dtype):
    rng = np.random.default_rng(0)
    inputs, arrays, outputs = [], [], {}
    for n in (*range(1, 20), 31, 32, 33):
        x, a = (
            build.input(f"{k}{n}", TensorType(dtype, s))
            for k, s in (("x", (4, 5, n)), ("a", (5, 1)))
        )
        inputs += [x, a]
        arrays += [rng.normal(size=(4, 5, n)).astype(dtype), rng.normal(size=(5, 1)).astype(dtype)]
        scaled = build.ew("mul", a, build.ew("sub", x, build.ew("tanh", a)))
        outputs[f"map{n}"] = build.ew("add", scaled, scaled)
        outputs[f"sum{n}"] = build.reduce(build.ew("mul", scaled, x), "sum", (2,))
        outputs[f"column{n}"] = build.reduce(scaled, "sum", (0, 1))
    program = Program(tuple(inputs), (), outputs)
    expected, _ = interp.run(program, arrays, {})
    got, _ = run(compiled(program), arrays, {})
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    for (name, value), found in zip(expected.items(), got):
        np.testing.assert_allclose(found, value, rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["sum", "prod"])
def test_sums_of_what_is_read_backwards(dtype, kind):
    """gcc 12.2 added wrong elements where the innermost loop had two points."""
    rng = np.random.default_rng(0)
    inputs, arrays, outputs = [], [], {}
    for rows in (1, 2, 5, 6, 16, 33):
        for n in (1, 2, 3, 4, 5, 8, 16, 24):
            x = build.input(f"x{rows}_{n}", TensorType(dtype, (rows, n)))
            inputs.append(x)
            arrays.append((rng.normal(size=(rows, n)) / 4 + 1).astype(dtype))
            outputs[f"all{rows}_{n}"] = build.reduce(build.flip(x, 1), kind, (0, 1))
            outputs[f"rows{rows}_{n}"] = build.reduce(build.flip(x, 1), kind, (1,))
            outputs[f"columns{rows}_{n}"] = build.reduce(build.flip(x, 0), kind, (0,))
    program = Program(tuple(inputs), (), outputs)
    expected, _ = interp.run(program, [a.astype("float64") for a in arrays], {})
    got, _ = run(compiled(program), arrays, {})
    for (name, value), found in zip(expected.items(), got):
        tolerance = 1e-4 if dtype == "float32" else 1e-12
        np.testing.assert_allclose(found, value, rtol=tolerance, err_msg=name)


def test_slices_of_open_extents_are_checked():
    """x[:, :5] of a shorter input read beyond it."""
    from fncompile.ir.dims import symbol

    x = build.input("x", TensorType("float32", (symbol("B"), symbol("T"))))
    part = build.slice_axis(x, 1, 0, 5)
    program = Program((x,), (), {"y": part, "z": build.flip(x, 1)})
    entry = compiled(program)
    long = np.arange(14, dtype="float32").reshape(2, 7)
    np.testing.assert_array_equal(run(entry, [long], {})[0][0], long[:, :5])
    with pytest.raises(ValueError, match="T=4"):
        run(entry, [long[:, :4].copy()], {})


def test_symbols_may_have_the_names_of_locals():
    from fncompile.ir.dims import symbol

    names = ("n0", "m0", "i", "j", "acc", "r0", "begin", "part", "tile", "env")
    inputs = [
        build.input(f"x_{s}", TensorType("float32", (symbol("B"), symbol(s), 4))) for s in names
    ]
    w = build.input("w", TensorType("float32", (4, 3)))
    outputs = {s: build.ew("tanh", build.matmul2(x, w)) for s, x in zip(names, inputs)}
    program = Program((*inputs, w), (), outputs)
    rng = np.random.default_rng(1)
    arrays = [
        *(rng.normal(size=(2, 3 + k, 4)).astype("float32") for k in range(len(names))),
        np.ones((4, 3), "float32"),
    ]
    expected, _ = interp.run(program, arrays, {})
    got, _ = run(compiled(program), arrays, {})
    for value, found in zip(expected.values(), got):
        np.testing.assert_allclose(found, value, rtol=1e-5)


def test_integer_products():
    a = build.input("a", TensorType("int32", (3, 4)))
    b = build.input("b", TensorType("int32", (4, 5)))
    program = Program(
        (a, b), (), {"y": build.ew("add", build.matmul2(a, b), build.const(7, "int32"))}
    )
    rng = np.random.default_rng(2)
    arrays = [rng.integers(-9, 9, s).astype("int32") for s in ((3, 4), (4, 5))]
    np.testing.assert_array_equal(
        run(compiled(program), arrays, {})[0][0], arrays[0] @ arrays[1] + 7
    )


def test_calls_of_kernels_with_an_innermost_loop_of_two_are_not_dropped():
    """gcc 12.2 -O1 took the copy of a window of two taps for a function that writes nothing."""
    from fncompile.ir.dims import symbol

    x = build.input("x", TensorType("float64", (symbol("B"), 8, 3)))
    w = build.param("w", TensorType("float64", (2, 3, 4)))
    seen = build.window(build.ew("tanh", x), (1,), (2,), high=(1,))
    y = build.dot(seen, w, ((3, 2), (0, 1)))
    loss = build.reduce(build.ew("mul", y, y), "sum", (0, 1, 2))
    program = Program((x,), (w,), {"dx": autodiff.gradients(loss, [x])[0]})
    rng = np.random.default_rng(0)
    array, params = rng.standard_normal((2, 8, 3)), {"w": rng.standard_normal((2, 3, 4))}
    want, _ = interp.run(program, [array], params)
    np.testing.assert_allclose(run(compiled(program), [array], params)[0][0], want["dx"], 1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("stride", [2, 4])
def test_sums_that_share_a_loop_keep_to_their_own_numbers(stride, dtype):
    """Pieces `stride` apart are added up, `stride` neighbours in one loop: gcc 12.2 gave the first
    of them the numbers of all. The overlap of an inverse STFT was wrong by it."""
    count, length = 7, 3 * stride
    w = build.input("w", TensorType(dtype, (1, length)))
    pieces = build.broadcast_to(w, (count, length))
    size = length + stride * (count - 1)
    program = Program(
        (w,), (), {"y": build.unwindow(pieces, (0,), (size,), (stride,), (1,), (0,))}
    )
    array = np.arange(1, length + 1, dtype=dtype).reshape(1, length) ** 2
    wanted = np.zeros(size, dtype)
    for k in range(count):
        wanted[k * stride : k * stride + length] += array[0]
    np.testing.assert_array_equal(run(compiled(program), [array], {})[0][0], wanted)
