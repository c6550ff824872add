"""Layers of sequences, images and volumes that hold no weights: padding, cropping, repeating,
pooling of all, resizing."""

# ruff: noqa: E501
from __future__ import annotations

import numpy as np

no_masks = dict(supports_masking=False)
FIRST = dict(data_format="channels_first")


def padded(*edges):
    return lambda x: np.pad(x, [(0, 0), *edges])


def cut(*slices):
    return lambda x: x[(slice(None), *slices)]


def repeated(axes, counts):
    def formula(x):
        for axis, count in zip(axes, counts):
            x = np.repeat(x, count, axis)
        return x

    return formula


def linear(x, axis, target):
    """Along one axis by np.interp between pixel centres, which holds the ends."""
    size = x.shape[axis]
    at = (np.arange(target) + 0.5) * size / target - 0.5
    return np.apply_along_axis(lambda row: np.interp(at, np.arange(size), row), axis, x)


def bilinear(*targets, axes=(1, 2)):
    def formula(x):
        for axis, target in zip(axes, targets):
            x = linear(x, axis, target)
        return x

    return formula


def over(function, *axes, keepdims=False):
    return lambda x: function(x, axis=axes, keepdims=keepdims)


P, C = (0, 0), slice(None)
CASES = [
    ("zero_padding1d", "ZeroPadding1D", {}, (3, 2), (5, 2), dict(formula=padded((1, 1), P), **no_masks)),
    ("zero_padding1d_pair", "ZeroPadding1D", dict(padding=(2, 0)), (3, 2), (5, 2), dict(formula=padded((2, 0), P))),
    ("zero_padding1d_first", "ZeroPadding1D", dict(padding=(0, 3), **FIRST), (2, 3), (2, 6), dict(formula=padded(P, (0, 3)))),
    ("zero_padding2d", "ZeroPadding2D", {}, (3, 1, 2), (5, 3, 2), dict(formula=padded((1, 1), (1, 1), P), **no_masks)),
    ("zero_padding2d_pairs", "ZeroPadding2D", dict(padding=((0, 1), (2, 3))), (2, 3, 1), (3, 8, 1), dict(formula=padded((0, 1), (2, 3), P))),
    ("zero_padding2d_first", "ZeroPadding2D", dict(padding=(0, 1), **FIRST), (2, 3, 3), (2, 3, 5), dict(formula=padded(P, P, (1, 1)))),
    ("zero_padding3d", "ZeroPadding3D", dict(padding=(1, 0, 2)), (1, 2, 3, 2), (3, 2, 7, 2), dict(formula=padded((1, 1), P, (2, 2), P), **no_masks)),
    ("zero_padding3d_first", "ZeroPadding3D", dict(padding=((1, 0), (0, 0), (0, 2)), **FIRST), (1, 2, 2, 2), (1, 3, 2, 4), dict(formula=padded(P, (1, 0), P, (0, 2)))),
    ("cropping1d", "Cropping1D", {}, (3, 2), (1, 2), dict(formula=cut(slice(1, -1)), **no_masks)),
    ("cropping1d_pair", "Cropping1D", dict(cropping=(2, 0)), (5, 2), (3, 2), dict(formula=cut(slice(2, None)))),
    ("cropping2d", "Cropping2D", dict(cropping=((1, 0), (0, 2))), (3, 4, 2), (2, 2, 2), dict(formula=cut(slice(1, None), slice(0, 2)), **no_masks)),
    ("cropping2d_of_none", "Cropping2D", {}, (3, 4, 2), (3, 4, 2), dict(formula=lambda x: x)),
    ("cropping2d_first", "Cropping2D", dict(cropping=1, **FIRST), (2, 3, 4), (2, 1, 2), dict(formula=cut(C, slice(1, 2), slice(1, 3)))),
    ("cropping3d", "Cropping3D", {}, (3, 4, 3, 2), (1, 2, 1, 2), dict(formula=cut(*[slice(1, -1)] * 3), **no_masks)),
    ("cropping3d_first", "Cropping3D", dict(cropping=(0, 1, 0), **FIRST), (2, 2, 3, 2), (2, 2, 1, 2), dict(formula=cut(C, C, slice(1, 2)))),
    ("up_sampling1d", "UpSampling1D", {}, (3, 2), (6, 2), dict(formula=repeated([1], [2]), **no_masks)),
    ("up_sampling1d_of_one", "UpSampling1D", dict(size=1), (3, 2), (3, 2), dict(formula=lambda x: x)),
    ("up_sampling2d", "UpSampling2D", {}, (2, 3, 2), (4, 6, 2), dict(formula=repeated([1, 2], [2, 2]), **no_masks)),
    ("up_sampling2d_first", "UpSampling2D", dict(size=(1, 3), **FIRST), (2, 2, 3), (2, 2, 9), dict(formula=repeated([3], [3]))),
    ("up_sampling2d_bilinear", "UpSampling2D", dict(size=(2, 3), interpolation="bilinear"), (3, 2, 2), (6, 6, 2), dict(formula=bilinear(6, 6))),
    ("up_sampling2d_bilinear_first", "UpSampling2D", dict(interpolation="bilinear", **FIRST), (2, 1, 5), (2, 2, 10), dict(formula=bilinear(2, 10, axes=(2, 3)))),
    ("up_sampling3d", "UpSampling3D", dict(size=(1, 2, 3)), (2, 2, 1, 2), (2, 4, 3, 2), dict(formula=repeated([2, 3], [2, 3]), **no_masks)),
    ("up_sampling3d_first", "UpSampling3D", dict(FIRST), (2, 2, 1, 2), (2, 4, 2, 4), dict(formula=repeated([2, 3, 4], [2, 2, 2]))),
    ("global_max_pooling1d", "GlobalMaxPooling1D", {}, (5, 2), (2,), dict(formula=over(np.max, 1), **no_masks)),
    ("global_max_pooling1d_first", "GlobalMaxPooling1D", dict(keepdims=True, **FIRST), (2, 5), (2, 1), dict(formula=over(np.max, 2, keepdims=True))),
    ("global_max_pooling2d", "GlobalMaxPooling2D", {}, (3, 1, 2), (2,), dict(formula=over(np.max, 1, 2), **no_masks)),
    ("global_max_pooling2d_first", "GlobalMaxPooling2D", dict(FIRST), (2, 3, 4), (2,), dict(formula=over(np.max, 2, 3))),
    ("global_max_pooling3d", "GlobalMaxPooling3D", dict(keepdims=True), (2, 3, 1, 2), (1, 1, 1, 2), dict(formula=over(np.max, 1, 2, 3, keepdims=True), **no_masks)),
    ("global_average_pooling1d", "GlobalAveragePooling1D", {}, (5, 2), (2,), dict(formula=over(np.mean, 1), supports_masking=True)),
    ("global_average_pooling1d_first", "GlobalAveragePooling1D", dict(keepdims=True, **FIRST), (2, 5), (2, 1), dict(formula=over(np.mean, 2, keepdims=True))),
    ("global_average_pooling2d", "GlobalAveragePooling2D", {}, (3, 7, 2), (2,), dict(formula=over(np.mean, 1, 2), **no_masks)),
    ("global_average_pooling2d_first", "GlobalAveragePooling2D", dict(keepdims=True, **FIRST), (2, 3, 4), (2, 1, 1), dict(formula=over(np.mean, 2, 3, keepdims=True))),
    ("global_average_pooling3d", "GlobalAveragePooling3D", {}, (2, 3, 1, 2), (2,), dict(formula=over(np.mean, 1, 2, 3), **no_masks)),
    ("resizing", "Resizing", dict(height=3, width=5), (4, 4, 2), (3, 5, 2), dict(formula=bilinear(3, 5), **no_masks)),
    ("resizing_nearest", "Resizing", dict(height=1, width=5, interpolation="nearest"), (3, 2, 1), (1, 5, 1), dict(formula=lambda x: x[:, [1]][:, :, [0, 0, 1, 1, 1]])),
    ("resizing_crop", "Resizing", dict(height=2, width=2, crop_to_aspect_ratio=True), (3, 6, 1), (2, 2, 1), dict(formula=lambda x: bilinear(2, 2)(x[:, :, 1:4]))),
    ("resizing_pad", "Resizing", dict(height=2, width=2, pad_to_aspect_ratio=True, fill_value=7.0), (2, 4, 1), (2, 2, 1), dict(formula=lambda x: bilinear(2, 2)(np.pad(x, [P, (1, 1), P, P], constant_values=7)))),
    ("resizing_first", "Resizing", dict(height=7, width=2, **FIRST), (2, 3, 4), (2, 7, 2), dict(formula=bilinear(7, 2, axes=(2, 3)))),
    ("center_crop", "CenterCrop", dict(height=2, width=3), (3, 6, 2), (2, 3, 2), dict(formula=cut(slice(0, 2), slice(1, 4)), **no_masks)),
    ("center_crop_first", "CenterCrop", dict(height=1, width=1, **FIRST), (2, 3, 3), (2, 1, 1), dict(formula=cut(C, slice(1, 2), slice(1, 2)))),
    ("center_crop_larger", "CenterCrop", dict(height=4, width=2), (2, 3, 1), (4, 2, 1), dict(formula=lambda x: bilinear(4, 2)(x[:, :, 1:2]))),
]  # fmt: skip
