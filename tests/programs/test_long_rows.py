"""Reductions along rows, taken several lanes at a time: every tail, and what is special."""

from __future__ import annotations

import numpy as np
import pytest

from fncompile.ir import build, interp
from fncompile.ir.dims import symbol
from fncompile.ir.node import Program
from fncompile.ir.types import TensorType
from tests.programs.native import compiled, run

LENGTHS = (31, 32, 33, 47, 48, 100, 129)


def reductions(x) -> dict:
    last = (x.ndim - 1,)
    shifted = build.ew("sub", x, build.reduce(x, "max", last, keepdims=True))
    found = {kind: build.reduce(x, kind, last) for kind in ("max", "min", "sum")}
    return {**found, "exp": build.reduce(build.ew("exp", shifted), "sum", last)}


def check(program: Program, arrays) -> None:
    expected, _ = interp.run(program, arrays, {})
    got, _ = run(compiled(program), arrays, {})
    for (name, value), found in zip(expected.items(), got, strict=True):
        np.testing.assert_allclose(found, value, rtol=2e-5, atol=2e-5, err_msg=name)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_of_fixed_and_of_open_length(dtype):
    rng = np.random.default_rng(1)
    inputs = [build.input(f"x{n}", TensorType(dtype, (symbol("B"), n))) for n in LENGTHS]
    inputs.append(build.input("open", TensorType(dtype, (symbol("B"), symbol("T")))))
    outputs = {f"{x['name']}_{k}": v for x in inputs for k, v in reductions(x).items()}
    program = Program(tuple(inputs), (), outputs)
    for length in (1, 15, 16, 40):
        check(program, [rng.normal(size=(3, n)).astype(dtype) for n in (*LENGTHS, length)])


def test_a_nan_anywhere_wins_and_infinities_are_kept():
    n = 53
    x = build.input("x", TensorType("float32", (symbol("B"), n)))
    program = Program((x,), (), {k: build.reduce(x, k, (1,)) for k in ("max", "min")})
    a = np.random.default_rng(2).normal(size=(n + 3, n)).astype("float32")
    a[np.arange(n), np.arange(n)] = np.nan
    a[n], a[n + 1], a[n + 2, 20] = -np.inf, np.inf, -np.inf
    got, _ = run(compiled(program), [a], {})
    for found, expected in zip(got, (a.max(1), a.min(1)), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert np.isnan(got[0][:n]).all() and np.isnan(got[1][:n]).all()


def test_integers_and_two_reduced_axes():
    x = build.input("x", TensorType("int32", (symbol("B"), 3, 37)))
    program = Program((x,), (), {k: build.reduce(x, k, (1, 2)) for k in ("max", "min", "sum")})
    a = np.random.default_rng(3).integers(-(2**31), 2**31, (4, 3, 37), dtype=np.int32)
    got, _ = run(compiled(program), [a], {})
    total = a.sum((1, 2), dtype=np.int64).astype(np.int32)  # wraps
    for found, expected in zip(got, (a.max((1, 2)), a.min((1, 2)), total), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_block_of_the_seventh_axis_is_no_result_of_a_row():
    """Both were called r0, so that the second reduction subtracted the block's number."""
    x = build.input("x", TensorType("float32", (3, 2, 3, 2, 3, 2, 33)))
    apart = build.permute(x, (5, 4, 3, 2, 1, 0, 6))  # no two axes can become one
    shifted = build.ew("sub", apart, build.reduce(apart, "max", (6,), keepdims=True))
    program = Program((x,), (), {"sum": build.reduce(build.ew("exp", shifted), "sum", (6,))})
    check(program, [np.random.default_rng(4).normal(size=x.shape).astype("float32")])
