"""What the networks share: their input, what stands at their end, their weights."""

from __future__ import annotations

from typing import Any

from fncompile.graph.tensor import KerasTensor
from fncompile.layers import Dense, GlobalAveragePooling2D, GlobalMaxPooling2D, Input
from fncompile.models import Model

COMMON = """`include_top`: whether there are layers that tell classes; `weights`: None for random
    ones, or the path of a file of Keras or fncompile with this network's; nothing is downloaded, so
    ValueError for "imagenet"; `input_tensor`: an Input to build on; `input_shape`: (height, width,
    channels), the size the network was made for if None, or any where there is no top; `pooling`:
    without a top, None, "avg" or "max" over what is left of height and width; `classes`: how many;
    `classifier_activation`: of the last layer; `name`: of the model."""


def image_input(input_tensor: Any, input_shape: Any, size: int, include_top: bool) -> Any:
    """The symbolic images that a network begins with."""
    if input_tensor is not None:
        if isinstance(input_tensor, KerasTensor):
            return input_tensor
        raise ValueError(
            f"`input_tensor` must be an Input. Received: {input_tensor} of type "
            f"{type(input_tensor)}"
        )
    if input_shape is None:
        input_shape = (size, size, 3) if include_top else (None, None, 3)
    if len(input_shape) != 3:
        raise ValueError(
            "`input_shape` must be a tuple of three integers, (height, width, channels). "
            f"Received: input_shape={input_shape}"
        )
    return Input(tuple(input_shape))


def pooled(x: Any, pooling: str | None, named: bool = False) -> Any:
    """What stands at the end of a network without a top; `named` avg_pool or max_pool."""
    if pooling is None:
        return x
    if pooling == "avg":
        return GlobalAveragePooling2D(name="avg_pool" if named else None)(x)
    if pooling == "max":
        return GlobalMaxPooling2D(name="max_pool" if named else None)(x)
    raise ValueError(f"`pooling` must be None, 'avg' or 'max'. Received: pooling={pooling!r}")


def averaged_top(
    x: Any, include_top: bool, pooling: str | None, classes: int, activation: Any
) -> Any:
    """The usual end: a mean over places, and a Dense; or what `pooling` says."""
    if not include_top:
        return pooled(x, pooling, named=True)
    x = GlobalAveragePooling2D(name="avg_pool")(x)
    return Dense(classes, activation=activation, name="predictions")(x)


def finished(inputs: Any, outputs: Any, name: str | None, weights: Any) -> Model:
    """The model, with the weights of a file where one is given."""
    model = Model(inputs, outputs, name=name)
    if weights is None:
        return model
    if str(weights) == "imagenet":
        raise ValueError(
            "fncompile downloads nothing, so weights='imagenet' cannot be had. Pass weights=None "
            "for random ones, or the path of a file, such as Keras' application.save('model.h5') "
            "or .save_weights('model.weights.h5') writes it."
        )
    model.load_weights(weights)
    return model


def documented(function: Any) -> Any:
    """`function` with what is said of the arguments that all networks take."""
    function.__doc__ = function.__doc__.replace("COMMON", COMMON)
    return function
