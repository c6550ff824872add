"""Activations with kinks: rectifiers, shrinking, and piecewise linear forms of smooth ones.

A NaN in gives a NaN out. Slopes and thresholds are numbers, or tensors that broadcast.
"""

from __future__ import annotations

from fncompile.ir import build
from fncompile.ir.node import Node
from fncompile.ops.dispatch import as_float, as_number, node, op
from fncompile.ops.pieces import between, negative_part, positive_part, scaled, shifted
from fncompile.ops.types import Result, TensorLike


@op
def relu(x: TensorLike) -> Result:
    """max(x, 0).

    `x`: a tensor of any shape; whole numbers stay whole. The result has the shape of `x`.

    >>> ops.relu([-1.0, 0.5])
    array([0. , 0.5], dtype=float32)
    """
    return positive_part(as_number(x))


@op
def relu6(x: TensorLike) -> Result:
    """min(max(x, 0), 6).

    `x`: a tensor of any shape; whole numbers stay whole. The result has the shape of `x`.

    >>> ops.relu6([-1.0, 3.0, 8.0])
    array([0., 3., 6.], dtype=float32)
    """
    x = positive_part(as_number(x))
    return build.ew("min", x, build.like(x, 6))


@op
def leaky_relu(x: TensorLike, negative_slope: TensorLike = 0.2) -> Result:
    """x, or `negative_slope` x below 0.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.leaky_relu([-1.0, 0.5])
    array([-0.2,  0.5], dtype=float32)
    """
    x = as_float(x)
    return build.ew("select", build.ew("lt", x, build.like(x, 0)), scaled(x, negative_slope), x)


@op
def elu(x: TensorLike, alpha: TensorLike = 1.0) -> Result:
    """x, or `alpha` (exp(x) - 1) below 0.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.
    `alpha`: the limit of -elu(x) far below 0.

    >>> ops.elu([-100.0, 0.5], alpha=2.0)
    array([-2. ,  0.5], dtype=float32)
    """
    x = as_float(x)
    return build.ew("add", positive_part(x), scaled(build.ew("expm1", negative_part(x)), alpha))


@op
def selu(x: TensorLike) -> Result:
    """1.0507 times elu with alpha 1.67326: keeps mean 0 and variance 1.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.selu([-1.0, 1.0]).round(4)
    array([-1.1113,  1.0507], dtype=float32)
    """
    x, alpha, scale = as_float(x), 1.6732632423543772, 1.0507009873554805
    curve = scaled(build.ew("expm1", negative_part(x)), alpha)
    return scaled(build.ew("add", positive_part(x), curve), scale)


@op
def celu(x: TensorLike, alpha: TensorLike = 1.0) -> Result:
    """max(x, 0) + min(0, `alpha` (exp(x / alpha) - 1)).

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.
    `alpha`: the limit of -celu(x) far below 0.

    >>> ops.celu([-100.0, 0.5], alpha=2.0)
    array([-2. ,  0.5], dtype=float32)
    """
    x = as_float(x)
    curve = build.ew("expm1", build.ew("div", negative_part(x), node(alpha, x.dtype)))
    return build.ew("add", positive_part(x), scaled(curve, alpha))


@op
def threshold(x: TensorLike, threshold: TensorLike, default_value: TensorLike) -> Result:
    """x above `threshold`, else `default_value`, as of NaN.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.
    `threshold` and `default_value`: numbers, or tensors that broadcast.

    >>> ops.threshold([0.5, 1.5], 1.0, -1.0)
    array([-1. ,  1.5], dtype=float32)
    """
    x = as_float(x)
    high = build.ew("lt", node(threshold, x.dtype), x)
    return build.ew("select", high, x, node(default_value, x.dtype))


@op
def hard_shrink(x: TensorLike, threshold: TensorLike = 0.5) -> Result:
    """x, or 0 within `threshold` of 0.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.
    `threshold`: a number, or a tensor that broadcasts.

    >>> ops.hard_shrink([-1.0, 0.3, 1.0])
    array([-1.,  0.,  1.], dtype=float32)
    """
    x = as_float(x)
    small = build.ew("le", build.ew("abs", x), node(threshold, x.dtype))
    return build.ew("select", small, build.like(x, 0), x)


@op
def soft_shrink(x: TensorLike, threshold: TensorLike = 0.5) -> Result:
    """x moved towards 0 by `threshold`, and 0 within it.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.
    `threshold`: a number, or a tensor that broadcasts.

    >>> ops.soft_shrink([-1.0, 0.3, 1.0])
    array([-0.5,  0. ,  0.5], dtype=float32)
    """
    x = as_float(x)
    by = node(threshold, x.dtype)
    small = build.ew("le", build.ew("abs", x), by)
    below = build.ew("lt", x, build.like(x, 0))
    moved = build.ew("select", below, build.ew("add", x, by), build.ew("sub", x, by))
    return build.ew("select", small, build.like(x, 0), moved)


# piecewise linear -----------------------------------------------------------------------------


@op
def hard_sigmoid(x: TensorLike) -> Result:
    """x / 6 + 1/2 between 0 and 1.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.hard_sigmoid([-3.0, 0.0, 3.0])
    array([0. , 0.5, 1. ], dtype=float32)
    """
    return _hard_sigmoid(as_float(x))


def _hard_sigmoid(x: Node) -> Node:
    return build.ew("div", between(shifted(x, 3), 0, 6), build.like(x, 6))


@op
def hard_silu(x: TensorLike) -> Result:
    """x hard_sigmoid(x).

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.hard_silu([-3.0, 0.0, 3.0])
    array([-0.,  0.,  3.], dtype=float32)
    """
    x = as_float(x)
    return build.ew("mul", x, _hard_sigmoid(x))


hard_swish = hard_silu


@op
def hard_tanh(x: TensorLike) -> Result:
    """x between -1 and 1.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.hard_tanh([-3.0, 0.5, 3.0])
    array([-1. ,  0.5,  1. ], dtype=float32)
    """
    return between(as_float(x), -1, 1)


@op
def sparse_sigmoid(x: TensorLike) -> Result:
    """(x + 1) / 2 between 0 and 1.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.sparse_sigmoid([-3.0, 0.0, 3.0])
    array([0. , 0.5, 1. ], dtype=float32)
    """
    return scaled(shifted(between(as_float(x), -1, 1), 1), 0.5)


@op
def sparse_plus(x: TensorLike) -> Result:
    """0 up to -1, x from 1 on, (x + 1)² / 4 between.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.sparse_plus([-3.0, 0.0, 3.0])
    array([0.  , 0.25, 3.  ], dtype=float32)
    """
    x = as_float(x)
    base = shifted(between(x, -1, 1), 1)
    curve = scaled(build.ew("mul", base, base), 0.25)
    return build.ew("select", build.ew("le", build.like(x, 1), x), x, curve)
