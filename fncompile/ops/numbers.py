"""Further functions of one or two numbers: signs, neighbours, divisors, powers of two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fncompile.ir.types import DTYPES, is_float
from fncompile.ops.casting import cast, stop_gradient
from fncompile.ops.composing import common, number, real, reals, tensor
from fncompile.ops.dispatch import op, result_dtype, standard_dtype
from fncompile.ops.elementwise import absolute, clip, floor_divide, maximum, minimum, mod, power
from fncompile.ops.functions import erf, exp, exp2, log, log1p
from fncompile.ops.logic import equal, isfinite, isinf, isnan, where
from fncompile.ops.reductions import all as all_of
from fncompile.ops.scanning import fori_loop
from fncompile.ops.trigonometry import magnitude
from fncompile.ops.types import DTypeLike, Result, TensorLike

# signs and tests --------------------------------------------------------------------------------


@op
def fabs(x: TensorLike) -> Result:
    """`|x|` in floating point.

    `x`: a tensor of any shape; whole numbers are taken as floatx.

    >>> ops.fabs([1, -2])
    array([1., 2.], dtype=float32)
    """
    return absolute(real(x))


@op
def isposinf(x: TensorLike) -> Result:
    """It is infinite and above 0.

    `x`: a tensor of any shape. The result is bool, in its shape.

    >>> ops.isposinf([np.inf, -np.inf, 1.0])
    array([ True, False, False])
    """
    return equal(real(x), math.inf)


@op
def isneginf(x: TensorLike) -> Result:
    """It is infinite and below 0.

    `x`: a tensor of any shape. The result is bool, in its shape.

    >>> ops.isneginf([np.inf, -np.inf, 1.0])
    array([False,  True, False])
    """
    return equal(real(x), -math.inf)


@op
def isreal(x: TensorLike) -> Result:
    """It has no imaginary part: always, as there are no complex numbers.

    `x`: a tensor of any shape. The result is bool, in its shape.

    >>> ops.isreal([1.0, np.nan])
    array([ True,  True])
    """
    x = tensor(x)
    return equal(x, x) | True


@op
def isclose(
    x1: TensorLike,
    x2: TensorLike,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    equal_nan: bool = False,
) -> Result:
    """`|x1 - x2| <= atol + rtol |x2|`.

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise; infinities are close to their
    equals alone. `equal_nan`: whether NaN is close to NaN. The result is bool.

    >>> ops.isclose([1.0, 2.0], [1.0 + 1e-6, 2.1])
    array([ True, False])
    """
    a, b = reals(x1, x2)
    close = (absolute(a - b) <= atol + rtol * absolute(b)) & isfinite(b)
    close = close | equal(a, b)
    return close | (isnan(a) & isnan(b)) if equal_nan else close


@op
def allclose(
    x1: TensorLike,
    x2: TensorLike,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    equal_nan: bool = False,
) -> Result:
    """Are all elements close, as `isclose` says?

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise; `rtol`, `atol`, `equal_nan` as
    for `isclose`. The result is one bool.

    >>> ops.allclose([1.0, 2.0], [1.0 + 1e-6, 2.0])
    array(True)
    """
    return all_of(isclose(x1, x2, rtol, atol, equal_nan))


@op
def heaviside(x1: TensorLike, x2: TensorLike) -> Result:
    """0 where `x1` is below 0, 1 where it is above, and `x2` where it is 0.

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise; whole numbers are taken as
    floatx. NaN stays.

    >>> ops.heaviside([-1.0, 0.0, 2.0], 0.5)
    array([0. , 0.5, 1. ], dtype=float32)
    """
    x, middle = reals(x1, x2)
    out = where(x < 0, 0.0, where(x > 0, 1.0, middle))
    return where(isnan(x), x, out)


# the larger, the smaller, the remainder ---------------------------------------------------------


@op
def fmax(x1: TensorLike, x2: TensorLike) -> Result:
    """The larger of the two, or the other where one is NaN.

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise.

    >>> ops.fmax([1.0, np.nan], [0.5, 2.0])
    array([1., 2.], dtype=float32)
    """
    a, b = common(x1, x2)
    return where((a >= b) | isnan(b), a, b)


@op
def fmin(x1: TensorLike, x2: TensorLike) -> Result:
    """The smaller of the two, or the other where one is NaN.

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise.

    >>> ops.fmin([1.0, np.nan], [0.5, 2.0])
    array([0.5, 2. ], dtype=float32)
    """
    a, b = common(x1, x2)
    return where((a <= b) | isnan(b), a, b)


@op
def fmod(x1: TensorLike, x2: TensorLike) -> Result:
    """The remainder, with the sign of `x1`; an integer modulo 0 is 0.

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise.

    >>> ops.fmod([7, -7], 3)
    array([ 1, -1], dtype=int32)
    """
    a, b = (number(x) for x in common(x1, x2))
    if DTYPES[a.dtype].kind == "u":
        return mod(a, b)
    rest = mod(magnitude(a), magnitude(b))
    if is_float(a.dtype):
        rest = where(isinf(b) & isfinite(a), magnitude(a), rest)
    return where(a < 0, -rest, rest)


# whole numbers ----------------------------------------------------------------------------------


@op
def gcd(x1: TensorLike, x2: TensorLike) -> Result:
    """The greatest common divisor, by Euclid; that of 0 and x is |x|.

    `x1`, `x2`: integers whose shapes broadcast, ValueError otherwise.

    >>> ops.gcd([12, 0], [18, -5])
    array([6, 5], dtype=int32)
    """
    a, b = _wholes("gcd", x1, x2)
    a, b = absolute(a), absolute(b)
    a, b = a + b * 0, b + a * 0  # of one shape
    turns = math.ceil(8 * DTYPES[a.dtype].size * math.log(2, (1 + math.sqrt(5)) / 2))
    return fori_loop(0, turns, lambda _, pair: _euclid(*pair), (a, b))[0]


def _euclid(a: Any, b: Any) -> tuple[Any, Any]:
    done = equal(b, 0)
    return where(done, a, b), where(done, b, mod(a, b))


@op
def lcm(x1: TensorLike, x2: TensorLike) -> Result:
    """The least common multiple; that of 0 and x is 0.

    `x1`, `x2`: integers whose shapes broadcast, ValueError otherwise.

    >>> ops.lcm([4, 0], [6, 5])
    array([12,  0], dtype=int32)
    """
    a, b = _wholes("lcm", x1, x2)
    return absolute(floor_divide(a, gcd(a, b)) * b)


def _wholes(name: str, x1: TensorLike, x2: TensorLike) -> list[Any]:
    dtype = result_dtype(x1, x2)
    if is_float(dtype):
        raise ValueError(f"`{name}` takes integers. Received: dtype={dtype}")
    return [number(x) for x in common(x1, x2)]


# powers and roots -------------------------------------------------------------------------------


@op
def cbrt(x: TensorLike) -> Result:
    """The cube root.

    `x`: a tensor of any shape; whole numbers are taken as floatx.

    >>> ops.cbrt([27.0, -8.0]).round(4)
    array([ 3., -2.], dtype=float32)
    """
    x = real(x)
    size = magnitude(x)
    usual = (size > 0) & isfinite(size)
    plain, simple = where(usual, size, 1.0), power(size, 1 / 3)
    near = stop_gradient(where(usual, simple, 1.0))
    root = near - (near - plain / (near * near)) / 3.0  # a step of Newton, with the derivative
    root = where(usual, root, simple)
    return where(x < 0, -root, root)


@op
def ldexp(x1: TensorLike, x2: TensorLike) -> Result:
    """`x1 * 2**x2`, exactly where the result is a normal number.

    `x1`: a tensor; `x2`: whole numbers whose shape broadcasts with it, TypeError for others.

    >>> ops.ldexp([1.0, 3.0], [3, -1])
    array([8. , 1.5], dtype=float32)
    """
    exponent = number(x2)
    if is_float(exponent.dtype):
        raise TypeError(f"`ldexp` takes integers as `x2`. Received: x2 with dtype={exponent.dtype}")
    x, _ = reals(x1, exponent)
    first = floor_divide(exponent, 2)
    for part in (first, exponent - first):  # so that 2**x2 may overflow where the result does not
        x = x * power(tensor(2.0, x.dtype), cast(part, x.dtype))
    return x


@op
def logaddexp2(x1: TensorLike, x2: TensorLike) -> Result:
    """`log2(2**x1 + 2**x2)` without overflow.

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise.

    >>> ops.logaddexp2([3.0, 500.0], [3.0, 500.0])
    array([  4., 501.], dtype=float32)
    """
    a, b = reals(x1, x2)
    larger = maximum(a, b)
    apart = where(isinf(larger), 0.0, absolute(a - b))
    return where(isinf(larger), larger, larger + log1p(exp2(-apart)) / math.log(2.0))


@op
def nextafter(x1: TensorLike, x2: TensorLike) -> Result:
    """The number of the dtype that comes after `x1` in the direction of `x2`.

    Numbers too small for full precision may be skipped.

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise.

    >>> ops.nextafter([1.0, 1.0], [2.0, 0.0]) - 1
    array([ 1.1920929e-07, -5.9604645e-08], dtype=float32)
    """
    x, goal = reals(x1, x2)
    row = DTYPES[x.dtype]
    wide = cast(x, "float64")
    # More than half, and less than one and a half, of the distance: rounding does the rest.
    step = absolute(wide) * (2.0**-row.digits * (1 + 2.0**-20))
    step = maximum(step, 2.0 ** (-149 if row.size < 8 else -1074))
    moved = cast(where(goal < x, wide - step, wide + step), x.dtype)
    inward = where(x < 0, -row.largest, row.largest)
    moved = where(isinf(x), cast(inward, x.dtype), moved)
    out = where(equal(x, goal), goal, moved)
    return where(isnan(x) | isnan(goal), x + goal, out)


@op
def saturate_cast(x: TensorLike, dtype: DTypeLike) -> Result:
    """`x` in another dtype, the nearest number of it where `x` is beyond its range.

    `x`: a tensor of any shape; `dtype`: its name. The result has the shape of `x`.

    >>> ops.saturate_cast([-3, 300], "uint8")
    array([  0, 255], dtype=uint8)
    """
    target, x = standard_dtype(dtype), tensor(x)
    if is_float(target) or is_float(x.dtype) or "bool" in (target, x.dtype):
        return cast(_within(x, target), target)
    low = max(_limits(x.dtype)[0], _limits(target)[0])
    high = min(_limits(x.dtype)[1], _limits(target)[1])
    return cast(clip(x, tensor(low, x.dtype), tensor(high, x.dtype)), target)


def _within(x: Any, target: str) -> Any:
    """Of floats, which `cast` saturates to integers by itself."""
    if not (is_float(x.dtype) and is_float(target)):
        return x
    largest = DTYPES[target].largest
    return clip(x, -largest, largest) if largest < DTYPES[x.dtype].largest else x


def _limits(dtype: str) -> tuple[int, int]:
    bits = 8 * DTYPES[dtype].size
    if DTYPES[dtype].kind == "u":
        return 0, 2**bits - 1
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


# special functions ------------------------------------------------------------------------------


@op
def erfc(x: TensorLike) -> Result:
    """`1 - erf(x)`, right where it is small.

    `x`: a tensor of any shape; whole numbers are taken as floatx. From 3 on by a continued
    fraction, of which fifty terms are more than float64 shows.

    >>> (ops.erfc([5.0]) * 1e12).round(3)
    array([1.537], dtype=float32)
    """
    x = real(x)
    wide = cast(x, "float64")
    far = wide > 3.0
    a = where(far, minimum(wide, 30.0), 3.0)  # where nothing is left, and no infinity times 0
    tail = a
    for k in range(50, 0, -1):
        tail = a + (k / 2) / tail
    out = where(far, exp(-a * a) / (tail * math.sqrt(math.pi)), 1.0 - erf(where(far, 0.0, wide)))
    return cast(where(isinf(wide) & far, 0.0, out), x.dtype)


@op
def i0(x: TensorLike) -> Result:
    """The modified Bessel function of the first kind and order 0.

    `x`: a tensor of any shape; whole numbers are taken as floatx. Up to 18 by its power series,
    beyond by its asymptotic one.

    >>> ops.i0([0.0, 1.0, 20.0]).round(3)
    array([1.0000000e+00, 1.2660000e+00, 4.3558284e+07], dtype=float32)
    """
    x = real(x)
    size = absolute(cast(x, "float64"))
    far = size > 18.0
    quarter = where(far, 1.0, size * size / 4.0)
    series: Any = 0.0
    for k in range(48, -1, -1):
        series = series * quarter + 1 / math.factorial(k) ** 2
    large = where(far, size, 18.0)
    tail: Any = 1.0
    for k in range(17, 0, -1):  # of the terms (1·3·…·(2k-1))² / (k! (8x)^k) each is a multiple
        tail = 1.0 + tail * ((2 * k - 1) ** 2 / (8.0 * k)) / large
    asymptotic = exp(large - 0.5 * log(2 * math.pi * large)) * tail
    return cast(where(far, asymptotic, series), x.dtype)


# a choice among several -------------------------------------------------------------------------


@op
def select(
    condlist: Sequence[TensorLike], choicelist: Sequence[TensorLike], default: TensorLike = 0
) -> Result:
    """The element of the first choice whose condition holds, `default` where none does.

    `condlist`, `choicelist`: lists of equal length, ValueError otherwise, of tensors whose shapes
    broadcast.

    >>> x = np.arange(5)
    >>> ops.select([x < 2, x > 3], [x, x * 10], 9)
    array([ 0,  1,  9,  9, 40])
    """
    if len(condlist) != len(choicelist) or not condlist:
        raise ValueError(
            "`condlist` and `choicelist` must have the same length, 1 or more. Received: "
            f"{len(condlist)} conditions and {len(choicelist)} choices"
        )
    *choices, out = common(*choicelist, default)
    for condition, choice in zip(reversed(condlist), reversed(choices)):
        out = where(condition, choice, out)
    return out
