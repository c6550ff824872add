"""Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision
Applications", 2017."""

from __future__ import annotations

from typing import Any

from fncompile.applications import preprocessing
from fncompile.applications.building import documented, finished, image_input, pooled
from fncompile.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    ReLU,
    Reshape,
    ZeroPadding2D,
)
from fncompile.models import Model

preprocess_input = preprocessing.scaled_to_signs
decode_predictions = preprocessing.decode_predictions

# (filters, stride) of each block after the first convolution.
BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2),
          (1024, 1))  # fmt: skip


def _active(x: Any, name: str) -> Any:
    return ReLU(6.0, name=f"{name}_relu")(BatchNormalization(name=f"{name}_bn")(x))


def _block(x: Any, filters: int, multiplier: int, stride: int, number: int) -> Any:
    """Channel by channel over a neighbourhood, then over the channels of each place."""
    deep, across = f"conv_dw_{number}", f"conv_pw_{number}"
    x = ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{number}")(x) if stride > 1 else x
    x = DepthwiseConv2D(
        3, stride, "same" if stride == 1 else "valid", multiplier, use_bias=False, name=deep
    )(x)
    x = _active(x, deep)
    return _active(Conv2D(filters, 1, padding="same", use_bias=False, name=across)(x), across)


@documented
def MobileNet(
    input_shape: Any = None,
    alpha: float = 1.0,
    depth_multiplier: int = 1,
    dropout: float = 1e-3,
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
) -> Model:
    """The network of 28 layers for small machines.

    `alpha`: how wide it is; `depth_multiplier`: kernels of each channel; `dropout`: the rate before
    the classes. COMMON

    >>> applications.MobileNet(weights=None, include_top=False, alpha=0.25).output.shape
    (None, None, None, 256)
    """
    inputs = image_input(input_tensor, input_shape, 224, include_top)
    rows = inputs.shape[1]
    name = name or f"mobilenet_{alpha:.2f}_{rows or 224}"
    first = Conv2D(int(32 * alpha), 3, 2, "same", use_bias=False, name="conv1")
    x = _active(first(inputs), "conv1")
    for number, (filters, stride) in enumerate(BLOCKS, 1):
        x = _block(x, int(filters * alpha), depth_multiplier, stride, number)
    if not include_top:
        return finished(inputs, pooled(x, pooling), name, weights)
    x = Dropout(dropout, name="dropout")(GlobalAveragePooling2D(keepdims=True)(x))
    x = Conv2D(classes, 1, padding="same", name="conv_preds")(x)
    x = Reshape((classes,), name="reshape_2")(x)
    return finished(
        inputs, Activation(classifier_activation, name="predictions")(x), name, weights
    )
