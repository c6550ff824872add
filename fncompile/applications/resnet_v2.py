"""He, Zhang, Ren and Sun, "Identity Mappings in Deep Residual Networks", 2016."""

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

preprocess_input = preprocessing.scaled_to_signs
decode_predictions = preprocessing.decode_predictions

EPSILON = 1.001e-5


def _active(x: Any, name: str) -> Any:
    x = BatchNormalization(axis=3, epsilon=EPSILON, name=f"{name}_bn")(x)
    return Activation("relu", name=f"{name}_relu")(x)


def _block(x: Any, filters: int, stride: int, shortcut: bool, name: str) -> Any:
    """Three convolutions of what was normalized first, beside what they are added to."""
    active = _active(x, f"{name}_preact")
    if shortcut:
        beside = Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(active)
    else:
        beside = MaxPooling2D(1, strides=stride)(x) if stride > 1 else x
    y = Conv2D(filters, 1, use_bias=False, name=f"{name}_1_conv")(active)
    y = ZeroPadding2D(1, name=f"{name}_2_pad")(_active(y, f"{name}_1"))
    y = Conv2D(filters, 3, strides=stride, use_bias=False, name=f"{name}_2_conv")(y)
    y = Conv2D(4 * filters, 1, name=f"{name}_3_conv")(_active(y, f"{name}_2"))
    return Add(name=f"{name}_out")([beside, y])


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
    x = Conv2D(64, 7, strides=2, name="conv1_conv")(x)
    x = MaxPooling2D(3, strides=2, name="pool1_pool")(ZeroPadding2D(1, name="pool1_pad")(x))
    for stack, depth in enumerate(depths, 2):
        for i in range(1, depth + 1):
            stride = 2 if i == depth and stack < 5 else 1
            x = _block(x, 2 ** (stack + 4), stride, i == 1, f"conv{stack}_block{i}")
    x = _active(x, "post")
    x = averaged_top(x, include_top, pooling, classes, classifier_activation)
    return finished(inputs, x, name, weights)


@documented
def ResNet50V2(
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet50v2",
) -> Model:
    """The second residual network of 50 layers.

    COMMON

    >>> applications.ResNet50V2(weights=None, include_top=False).layers[-1].name
    'post_relu'
    """
    return _resnet(
        (3, 4, 6, 3), include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip


@documented
def ResNet101V2(
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet101v2",
) -> Model:
    """The second residual network of 101 layers.

    COMMON

    >>> applications.ResNet101V2(weights=None, include_top=False).layers[-1].name
    'post_relu'
    """
    return _resnet(
        (3, 4, 23, 3), include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip


@documented
def ResNet152V2(
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet152v2",
) -> Model:
    """The second residual network of 152 layers.

    COMMON

    >>> applications.ResNet152V2(weights=None, include_top=False).layers[-1].name
    'post_relu'
    """
    return _resnet(
        (3, 8, 36, 3), include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
