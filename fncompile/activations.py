"""Keras' activation functions, and finding one by its name.

Each takes a tensor and gives a tensor of the same shape (`glu` halves an axis).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

from fncompile import ops
from fncompile.identifiers import Family
from fncompile.missing import explain_missing
from fncompile.ops import (
    celu,
    elu,
    exp,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    mish,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh,
    tanh_shrink,
    threshold,
)  # fmt: skip
from fncompile.ops.types import Result, TensorLike

swish, hard_swish = silu, hard_silu


def linear(x: TensorLike) -> Result:
    """x.

    `x`: a tensor of any shape.

    >>> activations.linear([1.0, 2.0])
    [1.0, 2.0]
    """
    return x


def exponential(x: TensorLike) -> Result:
    """exp(x).

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> activations.exponential([0.0, 1.0]).round(4)
    array([1.    , 2.7183], dtype=float32)
    """
    return exp(x)


def gelu(x: TensorLike, approximate: bool = False) -> Result:
    """x Φ(x) for the normal distribution Φ, exact unless `approximate`.

    `x`: a tensor of any shape; whole numbers are taken as floatx. The result has the shape of `x`.

    >>> activations.gelu([-1.0, 1.0]).round(4)
    array([-0.1587,  0.8413], dtype=float32)
    """
    return ops.gelu(x, approximate=approximate)


def relu(
    x: TensorLike,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
) -> Result:
    """x above `threshold`, at most `max_value`; else `negative_slope` (x - threshold).

    `x`: a tensor of any shape, which the result has; `negative_slope`, `max_value`, `threshold`:
    numbers.

    >>> activations.relu([-2.0, 1.0, 9.0], negative_slope=0.5, max_value=6.0)
    array([-1.,  1.,  6.], dtype=float32)
    """
    if threshold:
        below = ops.multiply(negative_slope, ops.subtract(x, threshold)) if negative_slope else 0
        above = x if max_value is None else ops.clip(x, 0, max_value)  # a threshold may be negative
        return ops.where(ops.less_equal(x, threshold), below, above)
    out = leaky_relu(x, negative_slope) if negative_slope else ops.relu(x)
    return out if max_value is None else ops.minimum(out, max_value)


_FUNCTIONS = (
    celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh, leaky_relu,
    linear, log_sigmoid, log_softmax, mish, relu, relu6, selu, sigmoid, silu, soft_shrink, softmax,
    softplus, softsign, sparse_plus, sparse_sigmoid, sparsemax, squareplus, tanh, tanh_shrink,
    threshold,
)  # fmt: skip
ALL_OBJECTS: dict[str, Callable[..., Any]] = {
    **{fn.__name__: fn for fn in _FUNCTIONS}, "swish": silu, "hard_swish": hard_silu,
}  # fmt: skip


_FAMILY = Family("activation function", FunctionType, ALL_OBJECTS)


def get(identifier: Any) -> Callable[..., Any]:
    """The function that a name, a config or None (linear) stands for; a callable stands for itself.

    Raises ValueError on anything else.

    `identifier`: a name, a config, None or a callable.

    >>> activations.get("relu")([-1.0, 1.0])
    array([0., 1.], dtype=float32)
    """
    return linear if identifier is None else _FAMILY.get(identifier)


def serialize(activation: Callable[..., Any]) -> Any:
    """The name of one of Keras' functions; the config of a user's function or object.

    `activation`: a function.

    >>> activations.serialize(activations.softmax)
    'softmax'
    """
    name = getattr(activation, "__name__", "")
    return name if ALL_OBJECTS.get(name) is activation else _FAMILY.serialize(activation)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The function that `serialize` gave `config` for; None where there is no such name.

    `config`: a name or a config; `custom_objects`: names of the user's.

    >>> activations.deserialize("tanh") is activations.tanh
    True
    """
    if isinstance(config, str):
        return _FAMILY.find(config, custom_objects)
    return _FAMILY.deserialize(config, custom_objects)


__all__ = [
    "celu",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]

explain_missing(__name__, "An activation may be any function of a tensor.")
