"""The functions between layers, as `keras.ops` defines them. A NaN in gives a NaN out.

Those composed of several compute numbers of 16 bits in float32, and round once at their end.
"""

from __future__ import annotations

import math

from fncompile.caller import warn_caller
from fncompile.graph.trace import current_trace
from fncompile.ir import build
from fncompile.ir.node import Node
from fncompile.ops.axes import canonical_axes, canonical_axis, display
from fncompile.ops.dispatch import as_float, node, op, rounded_once
from fncompile.ops.joining import equal_pieces
from fncompile.ops.pieces import (
    scaled,
    shifted,
    softplus_of,
)
from fncompile.ops.rectifiers import (
    celu,
    elu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_swish,
    hard_tanh,
    leaky_relu,
    relu,
    relu6,
    selu,
    soft_shrink,
    sparse_plus,
    sparse_sigmoid,
    threshold,
)
from fncompile.ops.types import Axis, Result, TensorLike

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
@rounded_once
def log_sigmoid(x: TensorLike) -> Result:
    """log(sigmoid(x)), without underflow.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.log_sigmoid([0.0, -100.0]).round(4)
    array([  -0.6931, -100.    ], dtype=float32)
    """
    return build.ew("neg", softplus_of(build.ew("neg", as_float(x))))


@op
@rounded_once
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
@rounded_once
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
@rounded_once
def softplus(x: TensorLike) -> Result:
    """log(1 + exp(x)).

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.softplus([0.0, 100.0]).round(4)
    array([  0.6931, 100.    ], dtype=float32)
    """
    return softplus_of(as_float(x))


@op
@rounded_once
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
def squareplus(x: TensorLike, b: TensorLike = 4) -> Result:
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
@rounded_once
def tanh_shrink(x: TensorLike) -> Result:
    """x - tanh(x).

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> ops.tanh_shrink([0.0, 1.0]).round(4)
    array([0.    , 0.2384], dtype=float32)
    """
    x = as_float(x)
    return build.ew("sub", x, build.ew("tanh", x))


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
    return softmax_of(as_float(x), axis)


def softmax_of(x: Node, axis: Axis = -1) -> Node:
    e = build.ew("exp", _below_peak(x, axis))
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
    n = x.shape[axis]
    if isinstance(n, int) and n % 2:
        raise ValueError(
            "axis size must be divisible by 2. "
            f"Received: x.shape={display(x.shape)} with axis={axis}"
        )
    first, second = equal_pieces(x, 2, axis)
    return build.ew("mul", first, build.ew("sigmoid", second))


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


