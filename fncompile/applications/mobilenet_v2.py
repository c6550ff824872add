"""Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018."""

from __future__ import annotations

from typing import Any

from fncompile.applications import preprocessing
from fncompile.applications.building import documented, finished, image_input, pooled
from fncompile.layers import (
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    GlobalAveragePooling2D,
    ReLU,
    ZeroPadding2D,
)
from fncompile.models import Model

preprocess_input = preprocessing.scaled_to_signs
decode_predictions = preprocessing.decode_predictions

# (filters, stride) of the blocks; all but the first widen their input six times.
BLOCKS = ((16, 1), (24, 2), (24, 1), (32, 2), *[(32, 1)] * 2, (64, 2), *[(64, 1)] * 3,
          *[(96, 1)] * 3, (160, 2), *[(160, 1)] * 2, (320, 1))  # fmt: skip


def _width(filters: float) -> int:
    """A multiple of 8 near `filters`, and not more than a tenth below it."""
    near = max(8, int(filters + 4) // 8 * 8)
    return near + 8 if near < 0.9 * filters else near


def _normal(x: Any, name: str) -> Any:
    return BatchNormalization(momentum=0.999, name=name)(x)


def _halving_pad(x: Any, name: str) -> Any:
    """What "same" adds to windows of 3 with strides of 2, both ends alike where it can."""
    edges = tuple((0 if d is None or d % 2 == 0 else 1, 1) for d in x.shape[1:3])
    return ZeroPadding2D(edges, name=name)(x)


def _block(x: Any, filters: int, stride: int, number: int) -> Any:
    """Wider, then channel by channel over a neighbourhood, then narrow without an activation."""
    name = f"block_{number}" if number else "expanded_conv"
    before, channels = x, x.shape[-1]
    if number:
        x = Conv2D(6 * channels, 1, padding="same", use_bias=False, name=f"{name}_expand")(x)
        x = ReLU(6.0, name=f"{name}_expand_relu")(_normal(x, f"{name}_expand_BN"))
    x = _halving_pad(x, f"{name}_pad") if stride == 2 else x
    padding = "same" if stride == 1 else "valid"
    x = DepthwiseConv2D(3, stride, padding, use_bias=False, name=f"{name}_depthwise")(x)
    x = ReLU(6.0, name=f"{name}_depthwise_relu")(_normal(x, f"{name}_depthwise_BN"))
    x = Conv2D(filters, 1, padding="same", use_bias=False, name=f"{name}_project")(x)
    x = _normal(x, f"{name}_project_BN")
    return Add(name=f"{name}_add")([before, x]) if channels == filters and stride == 1 else x


@documented
def MobileNetV2(
    input_shape: Any = None,
    alpha: float = 1.0,
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
) -> Model:
    """The second network for small machines.

    `alpha`: how wide it is. COMMON

    >>> applications.MobileNetV2(weights=None, include_top=False, alpha=0.35).output.shape
    (None, None, None, 1280)
    """
    inputs = image_input(input_tensor, input_shape, 224, include_top)
    name = name or f"mobilenetv2_{alpha:.2f}_{inputs.shape[1] or 224}"
    x = Conv2D(_width(32 * alpha), 3, 2, "same", use_bias=False, name="Conv1")(inputs)
    x = ReLU(6.0, name="Conv1_relu")(_normal(x, "bn_Conv1"))
    for number, (filters, stride) in enumerate(BLOCKS):
        x = _block(x, _width(filters * alpha), stride, number)
    last = _width(1280 * alpha) if alpha > 1 else 1280
    x = _normal(Conv2D(last, 1, use_bias=False, name="Conv_1")(x), "Conv_1_bn")
    x = ReLU(6.0, name="out_relu")(x)
    if not include_top:
        return finished(inputs, pooled(x, pooling), name, weights)
    x = GlobalAveragePooling2D()(x)
    x = Dense(classes, activation=classifier_activation, name="predictions")(x)
    return finished(inputs, x, name, weights)
