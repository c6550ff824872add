"""Element-wise functions that are made of several, over special numbers and pairs of them: NumPy's
values in float64, by the interpreter and in one compiled program for all.

The scalar functions they are made of are in test_special_values.py, and so is what is said there of
subnormal numbers, which is why nothing next to zero goes in here, and of the sign of a zero that
comes out. The sign of one that goes in counts.
"""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import ops

LARGEST = float(np.finfo("float32").max)
VALUES = np.array([0, 0.25, 1, 1.5, 7, 1e5, 1e10, 3e19, LARGEST, np.inf], "float32")
VALUES = np.concatenate([VALUES, -VALUES, [np.float32(np.nan)]])
FIRST, SECOND = (x.ravel() for x in np.meshgrid(VALUES, VALUES, indexing="ij"))

ONE = (
    "absolute", "angle", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "cbrt",
    "ceil", "cosh", "deg2rad", "exp2", "isfinite", "isinf", "isnan", "isneginf", "isposinf",
    "log10", "log2", "rad2deg", "reciprocal", "round", "sign", "signbit", "sinc", "sinh", "square",
    "tan", "trunc",
)  # fmt: skip
TWO = (
    "arctan2", "divide", "floor_divide", "fmax", "fmin", "fmod", "greater", "greater_equal",
    "heaviside", "hypot", "less", "less_equal", "logaddexp", "logaddexp2", "logical_and",
    "logical_or", "logical_xor", "maximum", "minimum", "mod", "not_equal", "power", "subtract",
)  # fmt: skip
FAR = ("sinc", "tan")  # of large angles: how they are reduced is another matter


def of_one(x):
    return [getattr(ops, name)(x) for name in ONE]


def of_two(x, y):
    return [getattr(ops, name)(x, y) for name in TWO]


@pytest.fixture(scope="module", params=["interpreted", "compiled"])
def found(request):
    wrap = fncompile.function if request.param == "compiled" else lambda fn: fn
    found = [*wrap(of_one)(VALUES), *wrap(of_two)(FIRST, SECOND)]
    return dict(zip((*ONE, *TWO), map(np.asarray, found)))


def wanted(name, *operands):
    """NumPy's, of single precision where something beyond it rounds to infinity or to zero."""
    exact = name in ("floor_divide", "mod", "fmod", "signbit")
    with np.errstate(all="ignore"):
        out = getattr(np, name)(*(x if exact else x.astype("float64") for x in operands))
        return out if out.dtype == bool else out.astype("float32")


@pytest.mark.parametrize("name", [*ONE, *TWO])
def test_special_numbers(found, name):
    operands = (VALUES,) if name in ONE else (FIRST, SECOND)
    got, want = found[name], wanted(name, *operands)
    if name in FAR:
        near = ~(abs(VALUES) > 1e4)
        got, want, operands = got[near], want[near], (VALUES[near],)
    same = np.isclose(got, want, rtol=1e-5, atol=1e-6, equal_nan=True) | (got == want)
    wrong = [(*map(float, row),) for row in zip(*operands, got, want)]
    assert same.all(), [row for row, right in zip(wrong, same) if not right]


@pytest.mark.parametrize("least", [1.0, 0.0, -np.inf])
def test_threshold_is_what_is_above_it(least):
    """As in Keras; of NaN it is the other value."""
    with np.errstate(invalid="ignore"):
        want = np.where(least < VALUES, VALUES, 5)
    np.testing.assert_array_equal(ops.threshold(VALUES, least, 5.0), want)
