"""He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2015."""

from __future__ import annotations

from typing import Any

from fncompile.applications import preprocessing
from fncompile.applications.building import averaged_top, documented, finished, image_input
from fncompile.layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    MaxPooling2D,
    ZeroPadding2D,
)
from fncompile.models import Model

preprocess_input = preprocessing.centred_colours
decode_predictions = preprocessing.decode_predictions

EPSILON = 1.001e-5


def _normal(x: Any, name: str) -> Any:
    return BatchNormalization(axis=3, epsilon=EPSILON, name=f"{name}_bn")(x)


def _block(x: Any, filters: int, stride: int, shortcut: bool, name: str) -> Any:
    """Three convolutions beside what they are added to, which has one where sizes change."""
    beside = x
    if shortcut:
        beside = Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(x)
        beside = _normal(beside, f"{name}_0")
    x = _normal(Conv2D(filters, 1, strides=stride, name=f"{name}_1_conv")(x), f"{name}_1")
    x = Activation("relu", name=f"{name}_1_relu")(x)
    x = Conv2D(filters, 3, padding="same", name=f"{name}_2_conv")(x)
    x = Activation("relu", name=f"{name}_2_relu")(_normal(x, f"{name}_2"))
    x = _normal(Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x), f"{name}_3")
    x = Add(name=f"{name}_add")([beside, x])
    return Activation("relu", name=f"{name}_out")(x)


def _resnet(
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
    inputs = image_input(input_tensor, input_shape, 224, include_top)
    x = ZeroPadding2D(3, name="conv1_pad")(inputs)
    x = _normal(Conv2D(64, 7, strides=2, name="conv1_conv")(x), "conv1")
    x = Activation("relu", name="conv1_relu")(x)
    x = MaxPooling2D(3, strides=2, name="pool1_pool")(ZeroPadding2D(1, name="pool1_pad")(x))
    for stack, depth in enumerate(depths, 2):
        for i in range(1, depth + 1):
            stride = 2 if i == 1 and stack > 2 else 1
            x = _block(x, 2 ** (stack + 4), stride, i == 1, f"conv{stack}_block{i}")
    x = averaged_top(x, include_top, pooling, classes, classifier_activation)
    return finished(inputs, x, name, weights)


@documented
def ResNet50(
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet50",
) -> Model:
    """The residual network of 50 layers.

    COMMON

    >>> applications.ResNet50(weights=None, include_top=False).count_params()
    23587712
    """
    return _resnet(
        (3, 4, 6, 3), include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip


@documented
def ResNet101(
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet101",
) -> Model:
    """The residual network of 101 layers.

    COMMON

    >>> applications.ResNet101(weights=None, include_top=False).layers[-1].name
    'conv5_block3_out'
    """
    return _resnet(
        (3, 4, 23, 3), include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip


@documented
def ResNet152(
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet152",
) -> Model:
    """The residual network of 152 layers.

    COMMON

    >>> applications.ResNet152(weights=None, include_top=False).layers[-1].name
    'conv5_block3_out'
    """
    return _resnet(
        (3, 8, 36, 3), include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
