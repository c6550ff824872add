"""The functions between layers, as `keras.ops` defines them. A NaN in gives a NaN out."""

from __future__ import annotations

import math

from fncompile.caller import warn_caller
from fncompile.graph.trace import current_trace
from fncompile.ir import build
from fncompile.ir.dims import divide
from fncompile.ir.node import Node
from fncompile.missing import explain_missing
from fncompile.ops.axes import canonical_axes, canonical_axis, display
from fncompile.ops.dispatch import as_float, as_number, node, op
from fncompile.ops.pieces import (
    between,
    negative_part,
    positive_part,
    scaled,
    shifted,
    softplus_of,
)
from fncompile.ops.types import Axis, Result, TensorLike

# rectifiers -----------------------------------------------------------------------------------


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
def leaky_relu(x: TensorLike, negative_slope: float = 0.2) -> Result:
    """x, or `negative_slope` x below 0.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.leaky_relu([-1.0, 0.5])
    array([-0.2,  0.5], dtype=float32)
    """
    x = as_float(x)
    return build.ew("select", build.ew("lt", x, build.like(x, 0)), scaled(x, negative_slope), x)


@op
def elu(x: TensorLike, alpha: float = 1.0) -> Result:
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
def celu(x: TensorLike, alpha: float = 1.0) -> Result:
    """max(x, 0) + min(0, `alpha` (exp(x / alpha) - 1)).

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.
    `alpha`: the limit of -celu(x) far below 0.

    >>> ops.celu([-100.0, 0.5], alpha=2.0)
    array([-2. ,  0.5], dtype=float32)
    """
    x = as_float(x)
    curve = build.ew("expm1", build.ew("div", negative_part(x), build.like(x, alpha)))
    return build.ew("add", positive_part(x), scaled(curve, alpha))


@op
def threshold(x: TensorLike, threshold: float, default_value: float) -> Result:
    """x above `threshold`, else `default_value`.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.
    `threshold` and `default_value` are numbers.

    >>> ops.threshold([0.5, 1.5], 1.0, -1.0)
    array([-1. ,  1.5], dtype=float32)
    """
    x = as_float(x)
    low = build.ew("le", x, build.like(x, threshold))
    return build.ew("select", low, build.like(x, default_value), x)


@op
def hard_shrink(x: TensorLike, threshold: float = 0.5) -> Result:
    """x, or 0 within `threshold` of 0.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.
    `threshold`: a number.

    >>> ops.hard_shrink([-1.0, 0.3, 1.0])
    array([-1.,  0.,  1.], dtype=float32)
    """
    x = as_float(x)
    small = build.ew("le", build.ew("abs", x), build.like(x, threshold))
    return build.ew("select", small, build.like(x, 0), x)


@op
def soft_shrink(x: TensorLike, threshold: float = 0.5) -> Result:
    """x moved towards 0 by `threshold`, and 0 within it.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.
    `threshold`: a number.

    >>> ops.soft_shrink([-1.0, 0.3, 1.0])
    array([-0.5,  0. ,  0.5], dtype=float32)
    """
    x = as_float(x)
    small = build.ew("le", build.ew("abs", x), build.like(x, threshold))
    below = build.ew("lt", x, build.like(x, 0))
    moved = build.ew("select", below, shifted(x, threshold), shifted(x, -threshold))
    return build.ew("select", small, build.like(x, 0), moved)


# smooth ---------------------------------------------------------------------------------------


@op
def sigmoid(x: TensorLike) -> Result:
    """1 / (1 + exp(-x)).

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.sigmoid([0.0, 100.0])
    array([0.5, 1. ], dtype=float32)
    """
    return build.ew("sigmoid", as_float(x))


@op
def log_sigmoid(x: TensorLike) -> Result:
    """log(sigmoid(x)), without underflow.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.log_sigmoid([0.0, -100.0]).round(4)
    array([  -0.6931, -100.    ], dtype=float32)
    """
    return build.ew("neg", softplus_of(build.ew("neg", as_float(x))))


@op
def silu(x: TensorLike) -> Result:
    """x sigmoid(x).

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.silu([0.0, 1.0]).round(4)
    array([0.    , 0.7311], dtype=float32)
    """
    x = as_float(x)
    return build.ew("mul", x, build.ew("sigmoid", x))


swish = silu


@op
def gelu(x: TensorLike, approximate: bool = True) -> Result:
    """x Φ(x) for the normal distribution Φ, or its usual approximation by tanh.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.
    `approximate`: by a hyperbolic tangent instead of the error function.

    >>> ops.gelu([-1.0, 1.0], approximate=False).round(4)
    array([-0.1587,  0.8413], dtype=float32)
    """
    x = as_float(x)
    if not approximate:
        return build.ew(
            "mul", scaled(x, 0.5), shifted(build.ew("erf", scaled(x, math.sqrt(0.5))), 1)
        )
    cube = build.ew("mul", x, build.ew("mul", x, x))
    inner = scaled(build.ew("add", x, scaled(cube, 0.044715)), math.sqrt(2 / math.pi))
    return build.ew("mul", scaled(x, 0.5), shifted(build.ew("tanh", inner), 1))


@op
def softplus(x: TensorLike) -> Result:
    """log(1 + exp(x)).

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.softplus([0.0, 100.0]).round(4)
    array([  0.6931, 100.    ], dtype=float32)
    """
    return softplus_of(as_float(x))


@op
def mish(x: TensorLike) -> Result:
    """x tanh(softplus(x)).

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.mish([0.0, 1.0]).round(4)
    array([0.    , 0.8651], dtype=float32)
    """
    x = as_float(x)
    return build.ew("mul", x, build.ew("tanh", softplus_of(x)))


@op
def softsign(x: TensorLike) -> Result:
    """x / (1 + |x|).

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.softsign([-1.0, 3.0])
    array([-0.5 ,  0.75], dtype=float32)
    """
    x = as_float(x)
    return build.ew("div", x, shifted(build.ew("abs", x), 1))


@op
def squareplus(x: TensorLike, b: float = 4) -> Result:
    """(x + √(x² + b)) / 2.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.
    `b`: how round it is at 0.

    >>> ops.squareplus([0.0, 1.5])
    array([1., 2.], dtype=float32)
    """
    x = as_float(x)
    root = build.ew("sqrt", shifted(build.ew("mul", x, x), b))
    return scaled(build.ew("add", x, root), 0.5)


@op
def tanh_shrink(x: TensorLike) -> Result:
    """x - tanh(x).

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.tanh_shrink([0.0, 1.0]).round(4)
    array([0.    , 0.2384], dtype=float32)
    """
    x = as_float(x)
    return build.ew("sub", x, build.ew("tanh", x))


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


# over axes ------------------------------------------------------------------------------------


@op
def softmax(x: TensorLike, axis: Axis = -1) -> Result:
    """exp(x) / sum(exp(x)) over one axis or several, shifted by the maximum.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.
    `axis`: one axis or several. Over an axis of size 1 it warns, as every result is 1.

    >>> ops.softmax([0.0, 0.0, np.log(2)])
    array([0.25, 0.25, 0.5 ], dtype=float32)
    """
    _warn_of_one(node(x), axis)
    e = build.ew("exp", _below_peak(as_float(x), axis))
    return build.ew("div", e, build.reduce(e, "sum", canonical_axes(axis, e.ndim), keepdims=True))


def _warn_of_one(x: Node, axis) -> None:
    trace = current_trace()
    alone = isinstance(axis, int) and -x.ndim <= axis < x.ndim and x.shape[axis] == 1
    if alone and not (trace is not None and trace.compiles):
        warn_caller(
            f"You are using a softmax over axis {axis} of a tensor of shape {display(x.shape)}: "
            "that axis has size 1, so every result is 1 and nothing can be learned. Did you mean "
            "to use a sigmoid?"
        )


@op
def log_softmax(x: TensorLike, axis: Axis = -1) -> Result:
    """log(softmax(x)), without underflow.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.
    `axis`: one axis or several.

    >>> ops.log_softmax([0.0, 0.0]).round(4)
    array([-0.6931, -0.6931], dtype=float32)
    """
    return log_softmax_of(as_float(x), axis)


def log_softmax_of(x: Node, axis) -> Node:
    z = _below_peak(x, axis)
    total = build.reduce(build.ew("exp", z), "sum", canonical_axes(axis, x.ndim), keepdims=True)
    return build.ew("sub", z, build.ew("log", total))


def _below_peak(x: Node, axis) -> Node:
    """x minus its maximum, a shift that changes neither the result nor its gradient."""
    peak = build.reduce(x, "max", canonical_axes(axis, x.ndim), keepdims=True)
    return build.ew("sub", x, build.stop_gradient(peak))


@op
def glu(x: TensorLike, axis: Axis = -1) -> Result:
    """The first half along `axis` times the sigmoid of the second.

    `x`: a tensor whose extent along `axis` is even, ValueError otherwise; that of the result is
    half.

    >>> ops.glu([1.0, 2.0, 0.0, 100.0])
    array([0.5, 2. ], dtype=float32)
    """
    x = as_float(x)
    axis = canonical_axis(axis, x.ndim)
    half = divide(x.shape[axis], 2)
    if half is None:
        raise ValueError(
            "axis size must be divisible by 2. "
            f"Received: x.shape={display(x.shape)} with axis={axis}"
        )
    gate = build.ew("sigmoid", build.slice_axis(x, axis, half, half))
    return build.ew("mul", build.slice_axis(x, axis, 0, half), gate)


__all__ = [
    "celu",
    "elu",
    "gelu",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "squareplus",
    "swish",
    "tanh_shrink",
    "threshold",
]

explain_missing(__name__)
