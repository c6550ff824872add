"""Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019."""

from __future__ import annotations

import math
from typing import Any

from fncompile.applications import preprocessing
from fncompile.applications.building import documented, finished, image_input, pooled
from fncompile.initializers import VarianceScaling
from fncompile.layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    Normalization,
    Rescaling,
    Reshape,
    ZeroPadding2D,
    multiply,
)
from fncompile.models import Model

preprocess_input = preprocessing.scaled_to_bytes
decode_predictions = preprocessing.decode_predictions

# (kernel, how many, filters, how much wider inside, stride) of the stacks
BLOCKS = (
    (3, 1, 16, 1, 1), (3, 2, 24, 6, 2), (5, 2, 40, 6, 2), (3, 3, 80, 6, 2), (5, 3, 112, 6, 1),
    (5, 4, 192, 6, 2), (3, 1, 320, 6, 1),
)  # fmt: skip
# how wide, how deep, the size of images, and of what dropout drops at the end
SIZES = {
    "B0": (1.0, 1.0, 224, 0.2), "B1": (1.0, 1.1, 240, 0.2), "B2": (1.1, 1.2, 260, 0.3),
    "B3": (1.2, 1.4, 300, 0.3), "B4": (1.4, 1.8, 380, 0.4), "B5": (1.6, 2.2, 456, 0.4),
    "B6": (1.8, 2.6, 528, 0.5), "B7": (2.0, 3.1, 600, 0.5),
}  # fmt: skip
DROPPED = 0.2  # of the last block in training; less of those before


def _width(filters: float) -> int:
    """A multiple of 8 near `filters`, and not more than a tenth below it."""
    near = max(8, int(filters + 4) // 8 * 8)
    return near + 8 if near < 0.9 * filters else near


def _conv(filters: int, size: int, name: str, **more: Any) -> Any:
    drawn = VarianceScaling(2.0, "fan_out", "truncated_normal")
    return Conv2D(filters, size, kernel_initializer=drawn, name=name, **more)


def _plain(x: Any, filters: int, name: str, bn: str) -> Any:
    """A product of channels, normalized."""
    x = _conv(filters, 1, name, padding="same", use_bias=False)(x)
    return BatchNormalization(axis=3, name=bn)(x)


def _edges(x: Any, size: int) -> Any:
    """What "same" adds to windows with strides of 2, both ends alike where it can."""
    half = size // 2
    return tuple((half - (1 if d is None or d % 2 == 0 else 0), half) for d in x.shape[1:3])


def _weighted(x: Any, before: int, name: str) -> Any:
    """Each channel times a number from 0 to 1 that follows from the means of all of them."""
    filters = x.shape[-1]
    se = GlobalAveragePooling2D(name=f"{name}se_squeeze")(x)
    se = Reshape((1, 1, filters), name=f"{name}se_reshape")(se)
    few = max(1, int(before * 0.25))
    se = _conv(few, 1, f"{name}se_reduce", padding="same", activation="swish")(se)
    se = _conv(filters, 1, f"{name}se_expand", padding="same", activation="sigmoid")(se)
    return multiply([x, se], name=f"{name}se_excite")


def _block(
    inputs: Any, size: int, filters: int, wider: int, stride: int, dropped: float, name: str
) -> Any:
    x, before = inputs, inputs.shape[-1]
    if wider != 1:
        x = _plain(x, before * wider, f"{name}expand_conv", f"{name}expand_bn")
        x = Activation("swish", name=f"{name}expand_activation")(x)
    if stride == 2:
        x = ZeroPadding2D(_edges(x, size), name=f"{name}dwconv_pad")(x)
    x = DepthwiseConv2D(
        size, stride, "valid" if stride == 2 else "same", use_bias=False,
        depthwise_initializer=VarianceScaling(2.0, "fan_out", "truncated_normal"),
        name=f"{name}dwconv",
    )(x)  # fmt: skip
    x = BatchNormalization(axis=3, name=f"{name}bn")(x)
    x = _weighted(Activation("swish", name=f"{name}activation")(x), before, name)
    x = _plain(x, filters, f"{name}project_conv", f"{name}project_bn")
    if stride != 1 or before != filters:
        return x
    if dropped > 0:
        x = Dropout(dropped, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x)
    return Add(name=f"{name}add")([x, inputs])


def _efficientnet(
    size: str,
    include_top: bool,
    weights: Any,
    input_tensor: Any,
    input_shape: Any,
    pooling: str | None,
    classes: int,
    classifier_activation: Any,
    name: str,
) -> Model:
    wide, deep, pixels, dropped = SIZES[size]
    inputs = image_input(input_tensor, input_shape, pixels, include_top)
    x = Normalization(axis=3)(Rescaling(1.0 / 255.0)(inputs))
    x = ZeroPadding2D(_edges(x, 3), name="stem_conv_pad")(x)
    x = _conv(_width(32 * wide), 3, "stem_conv", strides=2, use_bias=False)(x)
    x = Activation("swish", name="stem_activation")(BatchNormalization(axis=3, name="stem_bn")(x))
    counts = [math.ceil(deep * row[1]) for row in BLOCKS]
    done = 0
    for stack, (kernel, _, filters, wider, stride) in enumerate(BLOCKS):
        for i in range(counts[stack]):
            x = _block(
                x, kernel, _width(filters * wide), wider, stride if i == 0 else 1,
                DROPPED * done / sum(counts), f"block{stack + 1}{chr(97 + i)}_",
            )  # fmt: skip
            done += 1
    x = Activation("swish", name="top_activation")(
        _plain(x, _width(1280 * wide), "top_conv", "top_bn")
    )
    if not include_top:
        return finished(inputs, pooled(x, pooling, named=True), name, weights)
    x = GlobalAveragePooling2D(name="avg_pool")(x)
    x = Dropout(dropped, name="top_dropout")(x)
    drawn = VarianceScaling(1.0 / 3.0, "fan_out", "uniform")
    x = Dense(
        classes, activation=classifier_activation, kernel_initializer=drawn, name="predictions"
    )(x)
    return finished(inputs, x, name, weights)


@documented
def EfficientNetB0(
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "efficientnetb0",
) -> Model:
    """The network for images of 224 by 224 pixels, as bytes.

    COMMON

    >>> applications.EfficientNetB0(weights=None, include_top=False).output.shape[-1]
    1280
    """
    return _efficientnet(
        "B0", include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip


@documented
def EfficientNetB1(
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "efficientnetb1",
) -> Model:
    """The network for images of 240 by 240 pixels, as bytes.

    COMMON

    >>> applications.EfficientNetB1(weights=None, include_top=False).output.shape[-1]
    1280
    """
    return _efficientnet(
        "B1", include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip


@documented
def EfficientNetB2(
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "efficientnetb2",
) -> Model:
    """The network for images of 260 by 260 pixels, as bytes.

    COMMON

    >>> applications.EfficientNetB2(weights=None, include_top=False).output.shape[-1]
    1408
    """
    return _efficientnet(
        "B2", include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip


@documented
def EfficientNetB3(
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "efficientnetb3",
) -> Model:
    """The network for images of 300 by 300 pixels, as bytes.

    COMMON

    >>> applications.EfficientNetB3(weights=None, include_top=False).output.shape[-1]
    1536
    """
    return _efficientnet(
        "B3", include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip


@documented
def EfficientNetB4(
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "efficientnetb4",
) -> Model:
    """The network for images of 380 by 380 pixels, as bytes.

    COMMON

    >>> applications.EfficientNetB4(weights=None, include_top=False).output.shape[-1]
    1792
    """
    return _efficientnet(
        "B4", include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip


@documented
def EfficientNetB5(
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "efficientnetb5",
) -> Model:
    """The network for images of 456 by 456 pixels, as bytes.

    COMMON

    >>> applications.EfficientNetB5(weights=None, include_top=False).output.shape[-1]
    2048
    """
    return _efficientnet(
        "B5", include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip


@documented
def EfficientNetB6(
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "efficientnetb6",
) -> Model:
    """The network for images of 528 by 528 pixels, as bytes.

    COMMON

    >>> applications.EfficientNetB6(weights=None, include_top=False).output.shape[-1]
    2304
    """
    return _efficientnet(
        "B6", include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip


@documented
def EfficientNetB7(
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "efficientnetb7",
) -> Model:
    """The network for images of 600 by 600 pixels, as bytes.

    COMMON

    >>> applications.EfficientNetB7(weights=None, include_top=False).output.shape[-1]
    2560
    """
    return _efficientnet(
        "B7", include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
