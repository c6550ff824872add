"""`Tape` means what the interpreter means."""

from __future__ import annotations

import numpy as np
import pytest

from fncompile.ir import build
from fncompile.ir.interp import evaluate_nodes
from fncompile.ir.tape import ON_NUMBERS, Tape
from fncompile.ir.types import DTYPES, TensorType

NUMBERS = (0.0, -0.0, 1.0, -3.0, 1e-42, 3e38, np.inf, np.nan, 7.5)


def bits(value, dtype):
    return np.asarray(value, DTYPES[dtype].numpy).tobytes()


CASES = [(fn, d) for d in ("float32", "float64", "bfloat16", "int32") for fn in sorted(ON_NUMBERS)]
CASES.remove(("div", "int32"))  # for floating-point numbers only


@pytest.mark.parametrize(("fn", "dtype"), CASES)
def test_numbers_give_the_same_bits_as_arrays(fn, dtype):
    a, b = (build.param(name, TensorType(dtype, ())) for name in "ab")
    condition = build.ew("lt", a, b)
    root = build.ew(fn, condition, a, b) if fn == "select" else build.ew(fn, a, b)
    tape = Tape([root, a], [a, b])
    finite = [n for n in NUMBERS if abs(n) < 2**31] if dtype == "int32" else NUMBERS
    for x in finite:
        for y in finite:
            leaves = [evaluate_nodes([build.const(v, dtype)], {}, {}) for v in (x, y)]
            values = [next(iter(found.values())) for found in leaves]
            expected = evaluate_nodes([root], dict(zip((a, b), values)), {})[root]
            value, same = tape(values)
            assert bits(value, root.dtype) == bits(expected, root.dtype), (x, y)
            assert bits(same, dtype) == bits(values[0], dtype)


def test_arrays_and_constants():
    x = build.param("x", TensorType("float32", (2, 3)))
    weights = build.ew("add", build.iota((2, 3), 1, "float32"), build.full((2, 3), 1, "float32"))
    root = build.reduce(build.ew("mul", x, weights), "sum", (0, 1))
    value = np.arange(6, dtype="float32").reshape(2, 3)
    tape = Tape([root, weights], [x])
    for factor in (1, 2):
        total, row = tape([factor * value])
        assert total == factor * (value * [1, 2, 3]).sum()
        np.testing.assert_array_equal(row, np.tile([1, 2, 3], (2, 1)))
