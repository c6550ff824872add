"""Exponentials, logarithms, roots, trigonometric functions; integers are taken as floatx."""

from __future__ import annotations

import math

from fncompile.ir import build
from fncompile.ir.node import Node
from fncompile.ir.types import DTYPES
from fncompile.ops.dispatch import as_float, op, promote_float
from fncompile.ops.pieces import scaled
from fncompile.ops.types import Result, TensorLike


@op
def exp(x: TensorLike) -> Result:
    """e to the power of `x`.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.exp([0.0, 1.0]).round(4)
    array([1.    , 2.7183], dtype=float32)
    """
    return build.ew("exp", as_float(x))


@op
def expm1(x: TensorLike) -> Result:
    """`exp(x) - 1`, exact for small `x`.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.expm1([0.0, 1e-5])
    array([0.000000e+00, 1.000005e-05], dtype=float32)
    """
    return build.ew("expm1", as_float(x))


@op
def exp2(x: TensorLike) -> Result:
    """2 to the power of `x`; exact for whole numbers.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.exp2([3.0, -1.0]).round(4)
    array([8. , 0.5], dtype=float32)
    """
    x = as_float(x)
    return build.ew("pow", build.like(x, 2), x)


@op
def log(x: TensorLike) -> Result:
    """The natural logarithm; -inf at 0, NaN below.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.log([1.0, 0.0])
    array([  0., -inf], dtype=float32)
    """
    return build.ew("log", as_float(x))


@op
def log1p(x: TensorLike) -> Result:
    """`log(1 + x)`, exact for small `x`.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.log1p([0.0, 1e-5])
    array([0.00000e+00, 9.99995e-06], dtype=float32)
    """
    return build.ew("log1p", as_float(x))


@op
def log2(x: TensorLike) -> Result:
    """The logarithm to the base 2.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.log2([8.0, 0.5]).round(4)
    array([ 3., -1.], dtype=float32)
    """
    return scaled(build.ew("log", as_float(x)), 1 / math.log(2))


@op
def log10(x: TensorLike) -> Result:
    """The logarithm to the base 10.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.log10([1000.0, 0.1]).round(4)
    array([ 3., -1.], dtype=float32)
    """
    return scaled(build.ew("log", as_float(x)), 1 / math.log(10))


@op
def logaddexp(x1: TensorLike, x2: TensorLike) -> Result:
    """`log(exp(x1) + exp(x2))` without overflow.

    Of equal finite numbers each has half of the gradient, of equal infinities `x1` has it all.

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise; the result has their common
    shape and floating-point dtype.

    >>> ops.logaddexp([1000.0], 1000.0).round(3)
    array([1000.693], dtype=float32)
    """
    a, b = promote_float(x1, x2)
    below = build.ew("lt", a, b)
    larger = build.ew("select", below, b, a)
    gap = build.ew("select", below, build.ew("sub", a, b), build.ew("sub", b, a))
    return build.ew("add", larger, build.ew("log1p", build.ew("exp", _no_gap(a, b, gap))))


def _no_gap(a: Node, b: Node, gap: Node) -> Node:
    """`gap`, and 0 between equal infinities, whose difference is NaN."""
    infinite = build.ew("eq", build.ew("abs", a), build.like(a, math.inf))
    same = build.ew("and", build.ew("eq", a, b), infinite)
    return build.ew("select", same, build.like(gap, 0), gap)


@op
def sqrt(x: TensorLike) -> Result:
    """The square root; NaN below 0.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.sqrt([4, 2]).round(4)
    array([2.    , 1.4142], dtype=float32)
    """
    return build.ew("sqrt", as_float(x))


@op
def rsqrt(x: TensorLike) -> Result:
    """`1 / sqrt(x)`.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.rsqrt([4.0, 0.25])
    array([0.5, 2. ], dtype=float32)
    """
    return build.ew("rsqrt", as_float(x))


@op
def sin(x: TensorLike) -> Result:
    """The sine of `x` radians.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.sin([0.0, np.pi / 2])
    array([0., 1.], dtype=float32)
    """
    return build.ew("sin", as_float(x))


@op
def cos(x: TensorLike) -> Result:
    """The cosine of `x` radians.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.cos([0.0, np.pi])
    array([ 1., -1.], dtype=float32)
    """
    return build.ew("cos", as_float(x))


@op
def tan(x: TensorLike) -> Result:
    """The tangent of `x` radians.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.tan([0.0, np.pi / 4]).round(4)
    array([0., 1.], dtype=float32)
    """
    x = as_float(x)
    return build.ew("div", build.ew("sin", x), build.ew("cos", x))


@op
def sinh(x: TensorLike) -> Result:
    """The hyperbolic sine, exact for small `x`.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.sinh([0.0, 1.0]).round(4)
    array([0.    , 1.1752], dtype=float32)
    """
    x, half = _halved_late(as_float(x))
    return build.ew(
        "mul", build.ew("sub", build.ew("expm1", x), build.ew("expm1", build.ew("neg", x))), half
    )


@op
def cosh(x: TensorLike) -> Result:
    """The hyperbolic cosine.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.cosh([0.0, 1.0]).round(4)
    array([1.    , 1.5431], dtype=float32)
    """
    x, half = _halved_late(as_float(x))
    return build.ew(
        "mul", build.ew("add", build.ew("exp", x), build.ew("exp", build.ew("neg", x))), half
    )


def _halved_late(x: Node) -> tuple[Node, Node]:
    """(x, 1/2), and where exp(x) nears the end of the range x one nearer to 0, with e/2 for it.

    There exp(x) may overflow although half of it does not.
    """
    edge = build.like(x, math.floor(math.log(DTYPES[x.dtype].largest)))
    above, below = build.ew("lt", edge, x), build.ew("lt", x, build.ew("neg", edge))
    step = build.ew("select", below, build.like(x, -1), build.like(x, 0))
    step = build.ew("select", above, build.like(x, 1), step)
    far = build.ew("or", above, below)
    half = build.ew("select", far, build.like(x, math.e / 2), build.like(x, 0.5))
    return build.ew("sub", x, step), half


@op
def tanh(x: TensorLike) -> Result:
    """The hyperbolic tangent.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.tanh([0.0, 100.0])
    array([0., 1.], dtype=float32)
    """
    return build.ew("tanh", as_float(x))


@op
def erf(x: TensorLike) -> Result:
    """The error function.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.erf([0.0, 1.0]).round(4)
    array([0.    , 0.8427], dtype=float32)
    """
    return build.ew("erf", as_float(x))


@op
def erfinv(x: TensorLike) -> Result:
    """The inverse of `erf` on [-1, 1], NaN outside: Winitzki's approximation, then steps of Newton.

    In float32 the error grows towards the ends, where `erf` is flat: relative 1e-6 up to
    |x| = 0.99, 2e-5 up to 0.9999.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.erfinv([0.0, 1.0])
    array([ 0., inf], dtype=float32)
    """
    x = as_float(x)
    at_end = build.ew("eq", build.ew("abs", x), build.like(x, 1))
    inside = build.ew("select", at_end, build.like(x, 0), x)
    y = _winitzki(inside)
    for _ in range(3):  # the last step alone has the derivative of the whole
        y = build.stop_gradient(y)
        y = build.ew("sub", y, _newton_step(y, inside))
    end = build.ew("select", at_end, x, build.like(x, 1))  # so that no 0 * inf comes of the others
    return build.ew("select", at_end, build.ew("mul", end, build.like(x, math.inf)), y)


def _winitzki(x: Node) -> Node:
    """erfinv to 2 in 1000: sign(x) √(√(b² - l/a) - b) with l = log(1 - x²), b = 2/(πa) + l/2."""
    a = 0.147
    l = build.ew("log1p", build.ew("neg", build.ew("mul", x, x)))
    b = build.ew("add", scaled(l, 0.5), build.like(x, 2 / (math.pi * a)))
    root = build.ew("sqrt", build.ew("sub", build.ew("mul", b, b), scaled(l, 1 / a)))
    size = build.ew("sqrt", build.ew("sub", root, b))
    return build.ew("select", build.ew("lt", x, build.like(x, 0)), build.ew("neg", size), size)


def _newton_step(y: Node, x: Node) -> Node:
    """`(erf(y) - x) / erf'(y)`."""
    slope = scaled(build.ew("exp", build.ew("mul", y, y)), math.sqrt(math.pi) / 2)
    return build.ew("mul", build.ew("sub", build.ew("erf", y), x), slope)
