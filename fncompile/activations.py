"""Keras' activation functions, and finding one by its name.

Each takes a tensor and gives a tensor of the same shape (`glu` halves an axis).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fncompile import ops
from fncompile.ops import (
    celu, elu, exp, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh, leaky_relu, log_sigmoid,
    log_softmax, mish, relu6, selu, sigmoid, silu, soft_shrink, softmax, softplus, softsign,
    sparse_plus, sparse_sigmoid, squareplus, tanh, tanh_shrink, threshold,
)  # fmt: skip

swish, hard_swish = silu, hard_silu


def linear(x):
    """x."""
    return x


def exponential(x):
    """exp(x)."""
    return exp(x)


def gelu(x, approximate=False):
    """x Φ(x) for the normal distribution Φ, exact unless `approximate`."""
    return ops.gelu(x, approximate=approximate)


def relu(x, negative_slope=0.0, max_value=None, threshold=0.0):
    """x from `threshold` on, at most `max_value`; below it `negative_slope` (x - threshold)."""
    if threshold:
        out = ops.where(ops.less(x, threshold), negative_slope * (x - threshold), x)
    elif negative_slope:
        out = leaky_relu(x, negative_slope)
    else:
        out = ops.relu(x)
    return out if max_value is None else ops.minimum(out, max_value)


_FUNCTIONS = (
    celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh, leaky_relu,
    linear, log_sigmoid, log_softmax, mish, relu, relu6, selu, sigmoid, silu, soft_shrink, softmax,
    softplus, softsign, sparse_plus, sparse_sigmoid, squareplus, tanh, tanh_shrink, threshold,
)  # fmt: skip
ALL_OBJECTS: dict[str, Callable[..., Any]] = {
    **{fn.__name__: fn for fn in _FUNCTIONS}, "swish": silu, "hard_swish": hard_silu,
}  # fmt: skip


def get(identifier: Any) -> Callable[..., Any]:
    """The function that a name, a config or None (linear) stands for; a callable stands for itself.

    Raises ValueError on anything else.
    """
    if identifier is None:
        return linear
    found = deserialize(identifier) if isinstance(identifier, (str, dict)) else identifier
    if callable(found):
        return found
    raise ValueError(f"Could not interpret activation function identifier: {identifier}")


def serialize(activation: Callable[..., Any]) -> Any:
    """The name of one of Keras' functions; the config of a user's function or object."""
    name = getattr(activation, "__name__", "")
    if ALL_OBJECTS.get(name) is activation:
        return name
    from fncompile.saving.serialization import serialize_keras_object

    return serialize_keras_object(activation)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Callable[..., Any] | None:
    """The function that `serialize` gave `config` for; None where the name is unknown."""
    from fncompile.saving import registry

    name = config if isinstance(config, str) else config.get("config")
    if isinstance(name, str):
        return registry.get_registered_object(name, custom_objects, ALL_OBJECTS)
    from fncompile.saving.serialization import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects=custom_objects)
