"""bfloat16 numbers in NumPy: rounding by its definition, and the two forms of an array."""

from __future__ import annotations

import numpy as np
import pytest

from fncompile.ir import build
from fncompile.ir.elements import decode, encode, fit, from_bits, rounded, to_bits
from fncompile.ir.text import parse_type
from fncompile.ir.types import DTYPES, TensorType

PATTERNS = np.arange(2**16).astype(np.uint16)


def nearest(x: float) -> float:
    """By search among all numbers that bfloat16 has, in float64; ties to the even pattern."""
    finite = PATTERNS[: 0x7F80]
    values = np.append(from_bits(finite).astype(np.float64), 2.0**128)
    gap = np.abs(values - abs(x))
    best = np.flatnonzero(gap == gap.min())
    index = best[0] if len(best) == 1 or best[0] % 2 == 0 else best[1]
    found = np.inf if index == len(finite) else values[index]
    return float(np.copysign(found, x))


def test_every_pattern_comes_back():
    x = from_bits(PATTERNS)
    number = ~np.isnan(x)
    np.testing.assert_array_equal(to_bits(x)[number], PATTERNS[number])
    assert np.isnan(from_bits(to_bits(x[~number]))).all()
    assert (to_bits(x[~number]) & 0x40).all(), "quiet"


def test_halfway_numbers_go_to_the_even_pattern():
    low, high = PATTERNS[: 0x7F7F], PATTERNS[1 : 0x7F80]
    middle = (from_bits(low).astype(np.float64) + from_bits(high)) / 2
    even = np.where(low % 2 == 0, low, high)
    for sign in (1, -1):
        bits = to_bits((sign * middle).astype(np.float32))
        np.testing.assert_array_equal(bits & 0x7FFF, even)
        above = to_bits(np.nextafter((sign * middle).astype(np.float32), np.float32(sign * np.inf)))
        np.testing.assert_array_equal(above & 0x7FFF, high)


def test_random_numbers_are_rounded_to_the_nearest():
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 2**32, 400, dtype=np.uint32)
    for x in bits.view(np.float32):
        found = float(rounded(np.array([x]))[0])
        assert np.isnan(x) == np.isnan(found)
        assert np.isnan(x) or found == (x if np.isinf(x) else nearest(float(x))), x


def test_the_largest_float_becomes_infinity_and_subnormals_stay():
    x = np.array([3.4e38, -3.4e38, 9.2e-41, 1e-45, -0.0], np.float32)
    y = rounded(x)
    assert y[0] == np.inf and y[1] == -np.inf
    assert y[2] == np.float32(9.1835e-41) and y[3] == 0 and np.signbit(y[4])


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (2, 3)])
def test_both_forms_keep_their_shape(shape):
    x = np.full(shape, 1.5, np.float32)
    assert encode(x, "bfloat16").shape == shape and encode(x, "bfloat16").dtype == np.uint16
    assert encode(encode(x, "bfloat16"), "bfloat16").dtype == np.uint16
    np.testing.assert_array_equal(decode(encode(x, "bfloat16"), "bfloat16"), x)
    assert fit(np.full(shape, 1 / 3), "bfloat16").shape == shape


@pytest.mark.parametrize("dtype", [name for name, row in DTYPES.items() if not row.widens])
def test_other_dtypes_are_left_alone(dtype):
    x = np.ones(3, dtype)
    assert encode(x, dtype) is x and decode(x, dtype) is x and fit(x, dtype) is x


def test_a_type_reads_back():
    assert str(TensorType("bfloat16", (2, 3))) == "bf16[2,3]"
    assert parse_type("bf16[2,3]") == TensorType("bfloat16", (2, 3))
    assert TensorType("bfloat16", (2, 3)).nbytes == 12


def test_constants_are_rounded():
    assert build.splat(build.const(1 / 3, "bfloat16")) == float(rounded(np.float32(1 / 3)))
    padded = build.pad(build.const([1.0], "bfloat16"), [1], [3], value=0.1)
    assert padded["value"] == float(rounded(np.float32(0.1)))
