"""Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
2014."""

from __future__ import annotations

from typing import Any

from fncompile.applications import preprocessing
from fncompile.applications.building import documented, finished, image_input, pooled
from fncompile.layers import Conv2D, Dense, Flatten, MaxPooling2D
from fncompile.models import Model

preprocess_input = preprocessing.centred_colours
decode_predictions = preprocessing.decode_predictions

FILTERS = (64, 128, 256, 512, 512)


def _vgg(
    depths: tuple[int, ...],
    include_top: bool,
    weights: Any,
    input_tensor: Any,
    input_shape: Any,
    pooling: str | None,
    classes: int,
    classifier_activation: Any,
    name: str,
) -> Model:
    x = inputs = image_input(input_tensor, input_shape, 224, include_top)
    for block, (depth, filters) in enumerate(zip(depths, FILTERS), 1):
        for i in range(1, depth + 1):
            conv = f"block{block}_conv{i}"
            x = Conv2D(filters, 3, padding="same", activation="relu", name=conv)(x)
        x = MaxPooling2D(2, name=f"block{block}_pool")(x)
    if not include_top:
        return finished(inputs, pooled(x, pooling), name, weights)
    x = Flatten(name="flatten")(x)
    x = Dense(4096, activation="relu", name="fc1")(x)
    x = Dense(4096, activation="relu", name="fc2")(x)
    x = Dense(classes, activation=classifier_activation, name="predictions")(x)
    return finished(inputs, x, name, weights)


@documented
def VGG16(
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "vgg16",
) -> Model:
    """The network of 16 layers with weights.

    COMMON

    >>> applications.VGG16(weights=None, include_top=False, pooling="avg").output.shape
    (None, 512)
    """
    return _vgg(
        (2, 2, 3, 3, 3), include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip


@documented
def VGG19(
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "vgg19",
) -> Model:
    """The network of 19 layers with weights.

    COMMON

    >>> applications.VGG19(weights=None, include_top=False).layers[-1].name
    'block5_pool'
    """
    return _vgg(
        (2, 2, 4, 4, 4), include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
