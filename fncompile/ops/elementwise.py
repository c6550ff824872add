"""Arithmetic and mathematical functions, element by element.

Operands broadcast as in NumPy and are promoted as in Keras. Functions that are not defined on
integers take them as floatx. A NaN in gives a NaN out.
"""

from __future__ import annotations

import builtins
import math

from fncompile.ir import build
from fncompile.ir.node import Node
from fncompile.ir.types import DTYPES, is_float
from fncompile.ops.dispatch import as_float, as_number, node, op, promote, promote_float
from fncompile.ops.types import Result, TensorLike

# arithmetic -----------------------------------------------------------------------------------


@op
def add(x1: TensorLike, x2: TensorLike) -> Result:
    """`x1 + x2`; of two bools, "or".

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise; the result has their common
    shape and Keras' promoted dtype.

    >>> ops.add([1, 2], [[10], [20]])
    array([[11, 12],
           [21, 22]], dtype=int32)
    """
    a, b = promote(x1, x2)
    return build.ew("or" if a.dtype == "bool" else "add", a, b)


@op
def subtract(x1: TensorLike, x2: TensorLike) -> Result:
    """`x1 - x2`; ValueError on two bools.

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise; the result has their common
    shape and Keras' promoted dtype.

    >>> ops.subtract([5, 2], 1.5)
    array([3.5, 0.5], dtype=float32)
    """
    return build.ew("sub", *promote(x1, x2))


@op
def multiply(x1: TensorLike, x2: TensorLike) -> Result:
    """`x1 * x2`; of two bools, "and".

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise; the result has their common
    shape and Keras' promoted dtype.

    >>> ops.multiply([1, 2], [3, 4])
    array([3, 8], dtype=int32)
    """
    a, b = promote(x1, x2)
    return build.ew("and" if a.dtype == "bool" else "mul", a, b)


@op
def divide(x1: TensorLike, x2: TensorLike) -> Result:
    """`x1 / x2`, in floating point.

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise; the result has their common
    shape and floating-point dtype. By 0 it gives an infinity or NaN.

    >>> ops.divide([1, 3], 2)
    array([0.5, 1.5], dtype=float32)
    """
    return build.ew("div", *promote_float(x1, x2))


true_divide = divide


@op
def divide_no_nan(x1: TensorLike, x2: TensorLike) -> Result:
    """`x1 / x2`, and 0 where `x2` is 0.

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise; the result has their common
    shape and floating-point dtype.

    >>> ops.divide_no_nan([1.0, 2.0], [0.0, 4.0])
    array([0. , 0.5], dtype=float32)
    """
    a, b = promote_float(x1, x2)
    zero = build.ew("eq", b, build.like(b, 0))
    safe = build.ew("select", zero, build.like(b, 1), b)
    return build.ew("select", zero, build.like(a, 0), build.ew("div", a, safe))


@op
def floor_divide(x1: TensorLike, x2: TensorLike) -> Result:
    """The largest whole number not above `x1 / x2`; an integer divided by 0 is 0.

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise; the result has their common
    shape and Keras' promoted dtype.

    >>> ops.floor_divide([7, -7], 2)
    array([ 3, -4], dtype=int32)
    """
    return build.ew("floordiv", *_promote_numbers(x1, x2))


@op
def mod(x1: TensorLike, x2: TensorLike) -> Result:
    """The remainder, with the sign of `x2`; an integer modulo 0 is 0.

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise; the result has their common
    shape and Keras' promoted dtype.

    >>> ops.mod([7, -7], 3)
    array([1, 2], dtype=int32)
    """
    return build.ew("mod", *_promote_numbers(x1, x2))


def _promote_numbers(x1, x2) -> list[Node]:
    return [as_number(x) for x in promote(x1, x2)]


@op
def power(x1: TensorLike, x2: TensorLike) -> Result:
    """`x1 ** x2`; of integers an integer, computed in float64 and saturating.

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise; the result has their common
    shape and Keras' promoted dtype.

    >>> ops.power([2, 3], 2)
    array([4, 9], dtype=int32)
    """
    a, b = _promote_numbers(x1, x2)
    if is_float(a.dtype):
        return build.ew("pow", a, b)
    exact = build.ew("pow", build.cast(a, "float64"), build.cast(b, "float64"))
    return build.cast(exact, a.dtype)


@op
def negative(x: TensorLike) -> Result:
    """`-x`; unsigned integers wrap.

    `x`: a tensor of any shape and dtype. The result has the shape of `x`.

    >>> ops.negative([1, -2])
    array([-1,  2], dtype=int32)
    """
    x = as_number(x)
    if DTYPES[x.dtype].kind == "u":
        return build.ew("sub", build.like(x, 0), x)
    return build.ew("neg", x)


@op
def absolute(x: TensorLike) -> Result:
    """`|x|`.

    `x`: a tensor of any shape and dtype. The result has the shape of `x`.

    >>> ops.absolute([1.5, -2.5])
    array([1.5, 2.5], dtype=float32)
    """
    x = node(x)
    return x if DTYPES[x.dtype].kind in "ub" else build.ew("abs", x)


abs = absolute


@op
def sign(x: TensorLike) -> Result:
    """-1, 0 or 1; the derivative is 0 everywhere.

    `x`: a tensor of any shape and dtype. The result has the shape of `x`.

    >>> ops.sign([-3, 0, 2])
    array([-1,  0,  1], dtype=int32)
    """
    x = as_number(x)
    zero, one = build.like(x, 0), build.like(x, 1)
    out = build.ew("select", build.ew("lt", zero, x), one, x)
    if DTYPES[x.dtype].kind != "u":
        out = build.ew("select", build.ew("lt", x, zero), build.like(x, -1), out)
    if not is_float(x.dtype):
        return out
    never = build.full(x.shape, False, "bool")  # a gradient of 0, not none: x is differentiable
    return build.straight_through(out, build.ew("select", never, x, zero))


@op
def square(x: TensorLike) -> Result:
    """`x * x`.

    `x`: a tensor of any shape and dtype. The result has the shape of `x`.

    >>> ops.square([-3, 2])
    array([9, 4], dtype=int32)
    """
    x = as_number(x)
    return build.ew("mul", x, x)


@op
def reciprocal(x: TensorLike) -> Result:
    """`1 / x`.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.reciprocal([4.0, -0.5])
    array([ 0.25, -2.  ], dtype=float32)
    """
    x = as_float(x)
    return build.ew("div", build.like(x, 1), x)


@op
def maximum(x1: TensorLike, x2: TensorLike) -> Result:
    """The larger of the two; NaN wins.

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise; the result has their common
    shape and Keras' promoted dtype.

    >>> ops.maximum([1, 5], 3)
    array([3, 5], dtype=int32)
    """
    a, b = promote(x1, x2)
    return build.ew("or" if a.dtype == "bool" else "max", a, b)


@op
def minimum(x1: TensorLike, x2: TensorLike) -> Result:
    """The smaller of the two; NaN wins.

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise; the result has their common
    shape and Keras' promoted dtype.

    >>> ops.minimum([1, 5], 3)
    array([1, 3], dtype=int32)
    """
    a, b = promote(x1, x2)
    return build.ew("and" if a.dtype == "bool" else "min", a, b)


@op
def clip(x: TensorLike, x_min: TensorLike, x_max: TensorLike) -> Result:
    """`x` kept between `x_min` and `x_max`, in the dtype that the three promote to.

    `x`: a tensor; `x_min`, `x_max`: numbers or tensors that broadcast to its shape.

    >>> ops.clip([-2.0, 0.5, 7.0], 0.0, 1.0)
    array([0. , 0.5, 1. ], dtype=float32)
    """
    x, low, high = promote(as_number(x), x_min, x_max)
    return build.ew("min", build.ew("max", x, low), high)


@op
def nan_to_num(
    x: TensorLike,
    nan: TensorLike = 0.0,
    posinf: TensorLike | None = None,
    neginf: TensorLike | None = None,
) -> Result:
    """`x` with NaN and the infinities replaced; None stands for the largest finite number.

    `x`: a tensor of any shape; whole numbers stay as they are. `nan`, `posinf`, `neginf`: what to
    put for NaN, inf and -inf.

    >>> ops.nan_to_num([1.0, np.nan, np.inf], posinf=9.0)
    array([1., 0., 9.], dtype=float32)
    """
    x = node(x)
    if not is_float(x.dtype):
        return x
    largest = DTYPES[x.dtype].largest
    swaps = (
        (math.inf, largest if posinf is None else posinf),
        (-math.inf, -largest if neginf is None else neginf),
    )
    out = build.ew("select", build.ew("eq", x, x), x, node(nan, x.dtype))
    for infinity, value in swaps:
        out = build.ew(
            "select", build.ew("eq", x, build.like(x, infinity)), node(value, x.dtype), out
        )
    return out


# rounding -------------------------------------------------------------------------------------


@op
def floor(x: TensorLike) -> Result:
    """The largest whole number not above `x`, in floating point.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.floor([1.5, -1.5])
    array([ 1., -2.], dtype=float32)
    """
    return build.ew("floor", as_float(x))


@op
def ceil(x: TensorLike) -> Result:
    """The smallest whole number not below `x`, in floating point.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.ceil([1.5, -1.5])
    array([ 2., -1.], dtype=float32)
    """
    return build.ew("neg", build.ew("floor", build.ew("neg", as_float(x))))


@op
def trunc(x: TensorLike) -> Result:
    """`x` without its fraction.

    `x`: a tensor of any shape and dtype. The result has the shape of `x`.

    >>> ops.trunc([1.5, -1.5])
    array([ 1., -1.], dtype=float32)
    """
    x = node(x)
    if not is_float(x.dtype):
        return x
    toward_zero = build.ew("floor", build.ew("abs", x))
    return build.ew(
        "select", build.ew("lt", x, build.like(x, 0)), build.ew("neg", toward_zero), toward_zero
    )


@op
def round(x: TensorLike, decimals: int = 0) -> Result:
    """`x` to so many decimals, halves to even, in the dtype of `x`.

    `x`: a tensor of any shape; `decimals`: how many, negative for tens, hundreds and so on.

    >>> ops.round([0.5, 1.5, 2.567], 0)
    array([0., 2., 3.], dtype=float32)
    """
    x = node(x)
    scale = 10.0 ** builtins.abs(decimals)
    scaled = _scaled(
        build.cast(x, x.dtype if is_float(x.dtype) else "float64"), scale, decimals > 0
    )
    return build.cast(_scaled(build.ew("rint", scaled), scale, decimals < 0), x.dtype)


def _scaled(x: Node, scale: float, up: bool) -> Node:
    """`x` times or over `scale`, a power of ten, so that no inexact 10**-n comes in."""
    return x if scale == 1.0 else build.ew("mul" if up else "div", x, build.like(x, scale))
