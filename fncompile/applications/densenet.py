"""Huang, Liu, van der Maaten and Weinberger, "Densely Connected Convolutional Networks", 2016."""

from __future__ import annotations

from typing import Any

from fncompile.applications import preprocessing
from fncompile.applications.building import averaged_top, documented, finished, image_input
from fncompile.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    MaxPooling2D,
    ZeroPadding2D,
)
from fncompile.models import Model

preprocess_input = preprocessing.scaled_by_deviation
decode_predictions = preprocessing.decode_predictions

GROWTH, EPSILON = 32, 1.001e-5


def _active(x: Any, bn: str, relu: str) -> Any:
    x = BatchNormalization(axis=3, epsilon=EPSILON, name=bn)(x)
    return Activation("relu", name=relu)(x)


def _conv(x: Any, filters: int, size: int, name: str, padding: str = "valid") -> Any:
    return Conv2D(filters, size, padding=padding, use_bias=False, name=name)(x)


def _block(x: Any, name: str) -> Any:
    """The input, and beside it `GROWTH` channels more."""
    y = _active(x, f"{name}_0_bn", f"{name}_0_relu")
    y = _active(_conv(y, 4 * GROWTH, 1, f"{name}_1_conv"), f"{name}_1_bn", f"{name}_1_relu")
    y = _conv(y, GROWTH, 3, f"{name}_2_conv", "same")
    return Concatenate(axis=3, name=f"{name}_concat")([x, y])


def _halved(x: Any, name: str) -> Any:
    """Half the channels, half the height and width."""
    x = _active(x, f"{name}_bn", f"{name}_relu")
    x = _conv(x, x.shape[-1] // 2, 1, f"{name}_conv")
    return AveragePooling2D(2, strides=2, name=f"{name}_pool")(x)


def _densenet(
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
    first = Conv2D(64, 7, strides=2, use_bias=False, name="conv1_conv")
    x = _active(first(ZeroPadding2D(3)(inputs)), "conv1_bn", "conv1_relu")
    x = MaxPooling2D(3, strides=2, name="pool1")(ZeroPadding2D(1)(x))
    for stack, depth in enumerate(depths, 2):
        for i in range(1, depth + 1):
            x = _block(x, f"conv{stack}_block{i}")
        x = _halved(x, f"pool{stack}") if stack < 5 else x
    x = _active(x, "bn", "relu")
    x = averaged_top(x, include_top, pooling, classes, classifier_activation)
    return finished(inputs, x, name, weights)


@documented
def DenseNet121(
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "densenet121",
) -> Model:
    """The dense network of 121 layers.

    COMMON

    >>> applications.DenseNet121(weights=None, include_top=False).output.shape[-1]
    1024
    """
    return _densenet(
        (6, 12, 24, 16), include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip


@documented
def DenseNet169(
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "densenet169",
) -> Model:
    """The dense network of 169 layers.

    COMMON

    >>> applications.DenseNet169(weights=None, include_top=False).output.shape[-1]
    1664
    """
    return _densenet(
        (6, 12, 32, 32), include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip


@documented
def DenseNet201(
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "densenet201",
) -> Model:
    """The dense network of 201 layers.

    COMMON

    >>> applications.DenseNet201(weights=None, include_top=False).output.shape[-1]
    1920
    """
    return _densenet(
        (6, 12, 48, 32), include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
