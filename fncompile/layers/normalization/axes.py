"""What normalizations share: their axes."""

from __future__ import annotations

from typing import Any


def check_axes(layer: Any, axes: Any, input_shape: tuple) -> None:
    """ValueError where an axis is outside of the input."""
    rank = len(input_shape)
    if any(not -rank <= axis < rank for axis in axes):
        raise ValueError(
            f"Argument `axis` of layer '{layer.name}' is outside of its input. "
            f"Received: axis={layer.axis}, input_shape={input_shape}"
        )
