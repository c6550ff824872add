"""Layers of neighbourhoods and of images, as rows for `layer_cases`: strides, dilations, groups,
paddings and layouts over extents of one, odd and prime numbers, kernels of one and even ones."""

# ruff: noqa: E501
from __future__ import annotations

from typing import Any

from tests.keras_reference.placeholders import B, F

SAME, FIRST, CAUSAL = dict(padding="same"), dict(data_format="channels_first"), dict(padding="causal")


def K(filters: int, size: Any, **more: Any) -> dict[str, Any]:
    return dict(filters=filters, kernel_size=size, **more)


ROWS = {
    "conv1d": ("Conv1D", K(3, 3), (2, 7, 2)),
    "conv1d_even_same": ("Conv1D", K(2, 4, **SAME), (2, 5, 2)),
    "conv1d_strides_same": ("Conv1D", K(2, 3, strides=3, **SAME), (2, 11, 2)),
    "conv1d_dilated_causal": ("Conv1D", K(2, 3, dilation_rate=2, **CAUSAL), (2, 7, 2)),
    "conv1d_causal_strides": ("Conv1D", K(2, 2, strides=2, **CAUSAL), (2, 7, 2)),
    "conv1d_groups": ("Conv1D", K(4, 1, groups=2), (2, 3, 6)),
    "conv1d_of_one": ("Conv1D", K(2, 3, **SAME), (2, 1, 1)),
    "conv1d_first": ("Conv1D", K(2, 2, dilation_rate=3, activation="softmax", **FIRST), (2, 2, 6)),
    "conv2d": ("Conv2D", K(2, (2, 3)), (2, 3, 5, 2)),
    "conv2d_strides": ("Conv2D", K(2, 3, strides=(2, 3)), (2, 5, 7, 2)),
    "conv2d_strides_same": ("Conv2D", K(2, (3, 2), strides=2, **SAME), (2, 5, 4, 2)),
    "conv2d_strides_above_kernel": ("Conv2D", K(2, 1, strides=3, **SAME), (2, 7, 5, 2)),
    "conv2d_dilated_same": ("Conv2D", K(1, 3, dilation_rate=(2, 1), **SAME), (2, 3, 5, 2)),
    "conv2d_groups": ("Conv2D", K(6, 2, groups=3, activation="relu"), (2, 3, 3, 3)),
    "conv2d_kernel_above_input": ("Conv2D", K(2, 5, **SAME), (2, 2, 1, 2)),
    "conv2d_first": ("Conv2D", K(3, 2, strides=2, use_bias=False, **FIRST), (2, 2, 5, 4)),
    "conv3d": ("Conv3D", K(2, (1, 2, 2), strides=(1, 1, 2), **SAME), (2, 1, 2, 3, 2)),
    "conv1d_transpose": ("Conv1DTranspose", K(2, 2, strides=3), (2, 3, 2)),
    "conv1d_transpose_same": ("Conv1DTranspose", K(2, 4, strides=2, **SAME), (2, 3, 2)),
    "conv2d_transpose": ("Conv2DTranspose", K(1, 3, strides=(2, 1), output_padding=(1, 0)), (2, 2, 3, 2)),
    "conv2d_transpose_dilated": ("Conv2DTranspose", K(1, 2, dilation_rate=2, **SAME), (2, 3, 3, 2)),
    "conv2d_transpose_first": ("Conv2DTranspose", K(2, (2, 3), strides=2, **SAME, **FIRST), (2, 2, 2, 1)),
    "conv3d_transpose": ("Conv3DTranspose", K(1, 2, strides=(1, 2, 1)), (2, 1, 2, 2, 2)),
    "depthwise1d": ("DepthwiseConv1D", dict(kernel_size=3, depth_multiplier=2, strides=2), (2, 7, 2)),
    "depthwise2d": ("DepthwiseConv2D", dict(kernel_size=(3, 2), depth_multiplier=2, **SAME), (2, 3, 3, 2)),
    "depthwise2d_first": ("DepthwiseConv2D", dict(kernel_size=2, dilation_rate=2, **FIRST), (2, 3, 3, 4)),
    "separable1d": ("SeparableConv1D", K(3, 3, depth_multiplier=2), (2, 5, 2)),
    "separable2d": ("SeparableConv2D", K(2, 3, strides=2, **SAME), (2, 3, 5, 3)),
    "max_pool1d": ("MaxPooling1D", dict(pool_size=3, strides=2, **SAME), (2, 7, 2)),
    "max_pool2d": ("MaxPooling2D", dict(pool_size=(2, 3)), (2, 5, 7, 2)),
    "max_pool3d": ("MaxPooling3D", dict(pool_size=2, strides=1, **FIRST), (2, 2, 2, 3, 2)),
    "average_pool1d": ("AveragePooling1D", dict(pool_size=4, strides=1, **SAME), (2, 5, 2)),
    "average_pool2d": ("AveragePooling2D", dict(pool_size=(3, 2), strides=2, **SAME), (2, 5, 3, 2)),
    "average_pool3d": ("AveragePooling3D", dict(pool_size=(1, 2, 2)), (2, 2, 3, 5, 1)),
    "adaptive_max": ("AdaptiveMaxPooling2D", dict(output_size=(3, 2)), (2, 7, 5, 1)),
    "adaptive_average": ("AdaptiveAveragePooling1D", dict(output_size=4), (2, 11, 2)),
    "global_max": ("GlobalMaxPooling2D", dict(keepdims=True), (2, 3, 5, 2)),
    "global_average": ("GlobalAveragePooling3D", dict(FIRST), (2, 3, 1, 2, 5)),
    "zero_padding": ("ZeroPadding2D", dict(padding=((1, 0), (0, 2))), (2, 2, 3, 1)),
    "cropping": ("Cropping2D", dict(cropping=((1, 0), (1, 2)), **FIRST), (2, 2, 3, 5)),
    "up_sampling": ("UpSampling2D", dict(size=(2, 3)), (2, 2, 2, 1)),
    "up_sampling_bilinear": ("UpSampling2D", dict(interpolation="bilinear"), (2, 3, 2, 1)),
    "up_sampling_bicubic": ("UpSampling2D", dict(interpolation="bicubic"), (2, 3, 2, 1)),
    "resizing": ("Resizing", dict(height=3, width=7), (2, 5, 4, 1)),
    "resizing_nearest": ("Resizing", dict(height=3, width=7, interpolation="nearest"), (2, 5, 4, 1)),
    "resizing_lanczos": ("Resizing", dict(height=3, width=4, interpolation="lanczos3"), (2, 5, 3, 1)),
    "resizing_antialias": ("Resizing", dict(height=2, width=3, antialias=True), (2, 7, 8, 1)),
    "resizing_crop": ("Resizing", dict(height=3, width=3, crop_to_aspect_ratio=True), (2, 4, 7, 1)),
    "resizing_pad": ("Resizing", dict(height=3, width=3, pad_to_aspect_ratio=True, fill_value=2.0), (2, 4, 6, 1)),
    "center_crop": ("CenterCrop", dict(height=2, width=3), (2, 5, 6, 1)),
    "center_crop_larger": ("CenterCrop", dict(height=4, width=3), (2, 3, 6, 1)),
    "group_norm": ("GroupNormalization", dict(groups=2), (2, 3, 4)),
    "instance_norm": ("GroupNormalization", dict(groups=-1, axis=1), (2, 2, 3, 2)),
    "rms_norm": ("RMSNormalization", dict(axis=(1, 2)), (2, 3, 4)),
    "unit_norm": ("UnitNormalization", dict(axis=(1, 2)), (2, 3, 2)),
}  # fmt: skip
CASES = {name: (kind, init, (F(shape),), {}) for name, (kind, init, shape) in ROWS.items()}
CASES["global_average_masked"] = (
    "GlobalAveragePooling1D", {}, (F((2, 5, 2)),), dict(mask=B((2, 5))),
)  # fmt: skip
