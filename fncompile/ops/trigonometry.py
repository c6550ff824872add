"""Angles: the inverse functions of sine, cosine and tangent, and of the hyperbolic ones.

All take whole numbers as floatx. Outside of its domain a function gives NaN. They are compositions
of `arctan`, `log1p` and `sqrt` that keep their precision near 0 and 1.
"""

from __future__ import annotations

import math
from typing import Any

from fncompile.ir import build
from fncompile.ir.types import DTYPES
from fncompile.ops.casting import cast
from fncompile.ops.composing import real, reals
from fncompile.ops.dispatch import as_float, op
from fncompile.ops.functions import log, log1p, sin, sqrt
from fncompile.ops.logic import equal, isnan, signbit, where
from fncompile.ops.types import Result, TensorLike


@op
def arctan(x: TensorLike) -> Result:
    """The angle in [-pi/2, pi/2] whose tangent is `x`.

    `x`: a tensor of any shape. The result has the shape of `x`.

    >>> ops.arctan([0.0, 1.0, np.inf]).round(4)
    array([0.    , 0.7854, 1.5708], dtype=float32)
    """
    return build.ew("atan", as_float(x))


@op
def arctan2(x1: TensorLike, x2: TensorLike) -> Result:
    """The angle in [-pi, pi] of the point with height `x1` and width `x2`; 0 for the origin.

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise. A zero is on the side that its
    sign says, as in C and NumPy.

    >>> ops.arctan2([1.0, 1.0, -1.0], [0.0, -1.0, -1.0]).round(4)
    array([ 1.5708,  2.3562, -2.3562], dtype=float32)
    """
    y, x = reals(x1, x2)
    below, left = signbit(y), signbit(x)
    height, width = where(below, -y, y), where(left, -x, x)
    steep = height > width
    part, whole = where(steep, width, height), where(steep, height, width)
    diagonal = equal(part, math.inf) & equal(whole, math.inf)
    ratio = part / where(equal(whole, 0) | diagonal, 1.0, whole)
    angle = arctan(where(diagonal, 1.0, ratio))
    angle = where(steep, math.pi / 2 - angle, angle)
    angle = where(left, math.pi - angle, angle)
    return where(below, -angle, angle)


def magnitude(x: Any) -> Any:
    """|x| with the derivative 1 at 0, for what is turned around by the sign of `x` in the end."""
    return where(x < 0, -x, x)


@op
def arcsin(x: TensorLike) -> Result:
    """The angle in [-pi/2, pi/2] whose sine is `x`.

    `x`: a tensor of any shape. The result has the shape of `x`; NaN beyond 1 and -1.

    >>> ops.arcsin([0.0, 0.5, 1.0]).round(4)
    array([0.    , 0.5236, 1.5708], dtype=float32)
    """
    x = real(x)
    return arctan2(x, _leg(x))


@op
def arccos(x: TensorLike) -> Result:
    """The angle in [0, pi] whose cosine is `x`.

    `x`: a tensor of any shape. The result has the shape of `x`; NaN beyond 1 and -1.

    >>> ops.arccos([1.0, 0.5, -1.0]).round(4)
    array([0.    , 1.0472, 3.1416], dtype=float32)
    """
    x = real(x)
    return arctan2(_leg(x), x)


def _leg(x: Any) -> Any:
    """sqrt(1 - x²); of two roots, as the slope of one is endless where the other factor is 0."""
    return sqrt(1.0 - x) * sqrt(1.0 + x)


@op
def arcsinh(x: TensorLike) -> Result:
    """The number whose hyperbolic sine is `x`.

    `x`: a tensor of any shape. The result has the shape of `x`.

    >>> ops.arcsinh([0.0, 1.0, -1e20]).round(4)
    array([  0.    ,   0.8814, -46.7448], dtype=float32)
    """
    x = real(x)
    size = magnitude(x)
    far, near = _beyond(size)
    wide = log(where(far, size, 1.0)) + math.log(2.0)
    out = where(far, wide, log1p(near + near * near / (1.0 + sqrt(1.0 + near * near))))
    return where(x < 0, -out, out)


@op
def arccosh(x: TensorLike) -> Result:
    """The number from 0 on whose hyperbolic cosine is `x`.

    `x`: a tensor of any shape. The result has the shape of `x`; NaN below 1.

    >>> ops.arccosh([1.0, 2.0, 1e20]).round(4)
    array([ 0.    ,  1.317 , 46.7448], dtype=float32)
    """
    x = real(x)
    far, near = _beyond(x)
    rest = where(x < 1, math.nan, near - 1.0)  # the product below is positive again far below
    narrow = log1p(rest + sqrt(rest) * sqrt(near + 1.0))
    return where(far, log(where(far, x, 1.0)) + math.log(2.0), narrow)


def _beyond(x: Any) -> tuple[Any, Any]:
    """Is 1 lost beside x², and `x` where it is not, else 2."""
    far = x > 2.0 ** (DTYPES[x.dtype].digits // 2 + 2)
    return far, where(far, 2.0, x)


@op
def arctanh(x: TensorLike) -> Result:
    """The number whose hyperbolic tangent is `x`.

    `x`: a tensor of any shape. The result has the shape of `x`; infinite at 1 and -1, NaN beyond.

    >>> ops.arctanh([0.0, 0.5, -1.0]).round(4)
    array([0.    , 0.5493,   -inf], dtype=float32)
    """
    x = real(x)
    return 0.5 * (log1p(x) - log1p(-x))


@op
def deg2rad(x: TensorLike) -> Result:
    """Degrees as radians.

    `x`: a tensor of any shape. The result has the shape of `x`.

    >>> ops.deg2rad([180.0, 90.0]).round(4)
    array([3.1416, 1.5708], dtype=float32)
    """
    return real(x) * (math.pi / 180)


@op
def rad2deg(x: TensorLike) -> Result:
    """Radians as degrees.

    `x`: a tensor of any shape. The result has the shape of `x`.

    >>> ops.rad2deg([np.pi, 1.0]).round(3)
    array([180.   ,  57.296], dtype=float32)
    """
    return real(x) * (180 / math.pi)


@op
def sinc(x: TensorLike) -> Result:
    """`sin(pi x) / (pi x)`, and 1 at 0.

    `x`: a tensor of any shape. The result has the shape of `x`.

    >>> ops.sinc([0.0, 0.5]).round(4)
    array([1.    , 0.6366], dtype=float32)
    """
    x = real(x) * math.pi
    zero = equal(x, 0)
    safe = where(zero, 1.0, x)
    return where(zero, 1.0, sin(safe) / safe)


@op
def hypot(x1: TensorLike, x2: TensorLike) -> Result:
    """`sqrt(x1² + x2²)` without overflow.

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise.

    >>> ops.hypot([3.0, 3e30], [4.0, 4e30])
    array([5.e+00, 5.e+30], dtype=float32)
    """
    a, b = (magnitude(x) for x in reals(x1, x2))
    less = (a < b) | isnan(a)
    short, long = where(less, a, b), where(less, b, a)
    endless = equal(long, math.inf)
    plain = where(equal(long, 0) | endless, 1.0, long)
    ratio = where(endless, 0.0, short / plain)
    return long * sqrt(1.0 + ratio * ratio)


@op
def angle(x: TensorLike) -> Result:
    """The angle of numbers in the complex plane: 0, or pi with a minus; NaN of NaN.

    `x`: a tensor of real numbers of any shape, as there are no complex ones.

    >>> ops.angle([2.0, -2.0]).round(4)
    array([0.    , 3.1416], dtype=float32)
    """
    x = real(x)
    return where(equal(x, x), cast(where(signbit(x), math.pi, 0.0), x.dtype), x)
