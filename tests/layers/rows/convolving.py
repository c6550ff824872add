"""Convolutions and pooling, against loops over windows (tests/op_rows)."""

# ruff: noqa: E501
from __future__ import annotations

import functools

import numpy as np

from tests.op_rows.convolution import depthwise_conv, separable_conv, transposed
from tests.op_rows.windows import conv, pool

no_masks = dict(supports_masking=False)
FIRST = dict(data_format="channels_first")
SAME = dict(padding="same")
max_pool, average_pool = pool(np.max, -np.inf), pool(np.nanmean, np.nan)


def with_bias(function, data_format=None, **options):
    """The layer's formula: `function` of input and kernels, and a bias for each filter."""

    def formula(x, *weights):
        *kernels, bias = weights
        x = np.moveaxis(x, 1, -1) if data_format == "channels_first" else x
        out = function(x.astype("float64"), *kernels, **options) + bias
        return np.moveaxis(out, -1, 1) if data_format == "channels_first" else out

    return formula


def row(name, kind, function, init, shape, output, trainable=2, **more):
    """A layer with a bias; its options are those of the function."""
    keep = ("strides", "padding", "data_format", "dilation_rate", "output_padding")
    options = {key: value for key, value in init.items() if key in keep}
    init = dict(bias_initializer="ones", **init)
    return (name, kind, init, shape, output, dict(trainable=trainable, formula=with_bias(function, **options), **more))


def causal(x, w, dilation_rate=1, padding="causal", strides=1):
    wide = np.pad(x, [(0, 0), ((len(w) - 1) * dilation_rate, 0), (0, 0)])
    return conv(wide, w, strides, "valid", None, dilation_rate)


def pooling(name, kind, function, init, shape, output, **more):
    return (name, kind, init, shape, output, dict(formula=functools.partial(function, **init), **no_masks, **more))


def F(filters, size, **more):
    return dict(filters=filters, kernel_size=size, **more)


CASES = [
    row("conv1d", "Conv1D", conv, F(3, 3), (7, 2), (5, 3), **no_masks),
    row("conv1d_same_strides", "Conv1D", conv, F(3, 2, strides=2, **SAME), (7, 2), (4, 3)),
    row("conv1d_causal", "Conv1D", causal, F(2, 3, padding="causal", dilation_rate=2), (5, 1), (5, 2)),
    row("conv1d_causal_strides", "Conv1D", causal, F(2, 2, padding="causal", strides=2), (5, 1), (3, 2)),
    row("conv1d_first", "Conv1D", conv, F(3, 3, dilation_rate=2, **FIRST), (2, 7), (3, 3)),
    row("conv1d_groups", "Conv1D", conv, F(4, 3, groups=2), (5, 6), (3, 4)),
    row("conv2d", "Conv2D", conv, F(3, (3, 2)), (4, 5, 2), (2, 4, 3), **no_masks),
    row("conv2d_same", "Conv2D", conv, F(2, 4, **SAME), (3, 5, 1), (3, 5, 2)),
    row("conv2d_strides", "Conv2D", conv, F(2, 3, strides=(2, 3), **SAME), (5, 7, 2), (3, 3, 2)),
    row("conv2d_strides_above_kernel", "Conv2D", conv, F(2, 1, strides=3), (5, 7, 2), (2, 3, 2)),
    row("conv2d_dilation", "Conv2D", conv, F(2, (1, 3), dilation_rate=(1, 2)), (2, 6, 2), (2, 2, 2)),
    row("conv2d_groups", "Conv2D", conv, F(6, 2, groups=3, **SAME), (3, 3, 3), (3, 3, 6)),
    row("conv2d_first", "Conv2D", conv, F(3, 2, **FIRST), (2, 4, 3), (3, 3, 2)),
    row("conv2d_of_one", "Conv2D", conv, F(1, 1), (1, 1, 1), (1, 1, 1)),
    row("conv2d_kernel_above_input", "Conv2D", conv, F(2, 5, **SAME), (2, 3, 1), (2, 3, 2)),
    ("conv2d_relu", "Conv2D", F(2, 3, activation="relu", use_bias=False), (3, 4, 2), (1, 2, 2), dict(trainable=1, formula=lambda x, w: np.maximum(conv(x, w), 0))),
    ("conv2d_penalized", "Conv2D", F(2, 2, kernel_regularizer="l2", bias_regularizer="l1", activity_regularizer="l2", kernel_constraint="max_norm"), (3, 3, 2), (2, 2, 2), dict(trainable=2, losses=3)),
    row("conv3d", "Conv3D", conv, F(2, (1, 2, 3)), (2, 3, 4, 2), (2, 2, 2, 2), **no_masks),
    row("conv3d_first", "Conv3D", conv, F(2, 2, strides=2, **SAME, **FIRST), (1, 3, 2, 4), (2, 2, 1, 2)),
    row("conv1d_transpose", "Conv1DTranspose", transposed, F(3, 3), (4, 2), (6, 3), **no_masks),
    row("conv1d_transpose_same", "Conv1DTranspose", transposed, F(3, 3, strides=2, **SAME), (4, 2), (8, 3)),
    row("conv1d_transpose_output_padding", "Conv1DTranspose", transposed, F(1, 2, strides=3, output_padding=1), (3, 2), (9, 1)),
    row("conv2d_transpose", "Conv2DTranspose", transposed, F(2, 3, strides=2), (3, 2, 2), (7, 5, 2), **no_masks),
    row("conv2d_transpose_same", "Conv2DTranspose", transposed, F(2, (2, 3), **SAME), (3, 3, 1), (3, 3, 2)),
    row("conv2d_transpose_dilation", "Conv2DTranspose", transposed, F(2, 2, dilation_rate=2), (2, 3, 2), (4, 5, 2)),
    row("conv2d_transpose_first", "Conv2DTranspose", transposed, F(3, 2, strides=(1, 2), **SAME, **FIRST), (2, 2, 3), (3, 2, 6)),
    row("conv3d_transpose", "Conv3DTranspose", transposed, F(1, 2, strides=(1, 2, 1)), (2, 2, 1, 2), (3, 4, 2, 1), **no_masks),
    row("depthwise_conv1d", "DepthwiseConv1D", depthwise_conv, dict(kernel_size=3, depth_multiplier=2), (5, 3), (3, 6), **no_masks),
    row("depthwise_conv2d", "DepthwiseConv2D", depthwise_conv, dict(kernel_size=3, **SAME), (4, 3, 3), (4, 3, 3), **no_masks),
    row("depthwise_conv2d_strides", "DepthwiseConv2D", depthwise_conv, dict(kernel_size=2, strides=2, depth_multiplier=2), (4, 5, 2), (2, 2, 4)),
    row("depthwise_conv2d_first", "DepthwiseConv2D", depthwise_conv, dict(kernel_size=(1, 2), dilation_rate=2, **FIRST), (2, 3, 4), (2, 3, 2)),
    row("separable_conv1d", "SeparableConv1D", separable_conv, F(4, 3, depth_multiplier=2), (5, 2), (3, 4), 3, **no_masks),
    row("separable_conv2d", "SeparableConv2D", separable_conv, F(3, 2, strides=2, **SAME), (3, 4, 2), (2, 2, 3), 3, **no_masks),
    row("separable_conv2d_first", "SeparableConv2D", separable_conv, F(3, 2, **FIRST), (2, 3, 3), (3, 2, 2), 3),
    pooling("max_pooling1d", "MaxPooling1D", max_pool, dict(pool_size=2), (7, 2), (3, 2)),
    pooling("max_pooling1d_same", "MaxPooling1D", max_pool, dict(pool_size=3, strides=2, **SAME), (5, 2), (3, 2)),
    pooling("max_pooling2d", "MaxPooling2D", max_pool, dict(pool_size=(2, 3), strides=1), (3, 4, 2), (2, 2, 2)),
    pooling("max_pooling2d_first", "MaxPooling2D", max_pool, dict(pool_size=2, **FIRST), (2, 4, 5), (2, 2, 2)),
    pooling("max_pooling3d", "MaxPooling3D", max_pool, dict(pool_size=(1, 2, 2), **SAME), (2, 3, 2, 2), (2, 2, 1, 2)),
    pooling("average_pooling1d", "AveragePooling1D", average_pool, dict(pool_size=3, strides=1, **SAME), (4, 2), (4, 2)),
    pooling("average_pooling2d", "AveragePooling2D", average_pool, dict(pool_size=2), (4, 5, 2), (2, 2, 2)),
    pooling("average_pooling2d_same", "AveragePooling2D", average_pool, dict(pool_size=(3, 2), strides=2, **SAME), (5, 3, 2), (3, 2, 2)),
    pooling("average_pooling3d_first", "AveragePooling3D", average_pool, dict(pool_size=2, **FIRST), (2, 2, 3, 4), (2, 1, 1, 2)),
    ("adaptive_max_pooling1d", "AdaptiveMaxPooling1D", dict(output_size=3), (5, 2), (3, 2), dict(formula=lambda x: np.stack([x[:, a:b].max(1) for a, b in ((0, 2), (1, 4), (3, 5))], 1), **no_masks)),
    pooling("adaptive_max_pooling2d", "AdaptiveMaxPooling2D", lambda x, output_size: max_pool(x, (2, 1)), dict(output_size=(2, 3)), (4, 3, 2), (2, 3, 2)),
    pooling("adaptive_max_pooling3d", "AdaptiveMaxPooling3D", lambda x, output_size: max_pool(x, 2), dict(output_size=1), (2, 2, 2, 2), (1, 1, 1, 2)),
    ("adaptive_average_pooling1d", "AdaptiveAveragePooling1D", dict(output_size=2, **FIRST), (2, 5), (2, 2), dict(formula=lambda x: np.stack([x[..., :3].mean(-1), x[..., 2:].mean(-1)], -1))),
    pooling("adaptive_average_pooling2d", "AdaptiveAveragePooling2D", lambda x, output_size: average_pool(x, (2, 3)), dict(output_size=2), (4, 6, 1), (2, 2, 1)),
    pooling("adaptive_average_pooling3d", "AdaptiveAveragePooling3D", lambda x, output_size: average_pool(x, (1, 2, 2)), dict(output_size=(2, 1, 1)), (2, 2, 2, 2), (2, 1, 1, 2)),
]  # fmt: skip
