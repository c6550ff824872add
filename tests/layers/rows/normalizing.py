"""Normalizations of groups, lengths and mean squares, and layers that act in training only."""

# ruff: noqa: E501
from __future__ import annotations

import numpy as np

masks, no_masks = dict(supports_masking=True), dict(supports_masking=False)


def standard(x, axes, epsilon=1e-3):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)


def grouped(groups):
    """The last axis in groups of neighbours."""

    def formula(x, gamma=1.0, beta=0.0):
        parts = x.reshape(*x.shape[:-1], groups, -1)
        axes = tuple(a for a in range(1, parts.ndim) if a != parts.ndim - 2)
        return standard(parts, axes).reshape(x.shape) * gamma + beta

    return formula


def unit(x, axes=-1):
    return x / np.sqrt((x * x).sum(axes, keepdims=True))


def rms(x, scale, axes=-1, epsilon=1e-6):
    return x / np.sqrt((x * x).mean(axes, keepdims=True) + epsilon) * scale


def unchanged(x):
    return x


CASES = [
    ("group_norm", "GroupNormalization", dict(groups=2), (3, 4), (3, 4), dict(trainable=2, formula=grouped(2), **masks)),
    ("group_norm_flat", "GroupNormalization", dict(groups=3), (6,), (6,), dict(trainable=2, formula=grouped(3))),
    ("group_norm_of_each", "GroupNormalization", dict(groups=-1), (2, 3, 3), (2, 3, 3), dict(trainable=2, formula=grouped(3))),
    ("group_norm_of_all", "GroupNormalization", dict(groups=1, center=False, scale=False), (2, 3), (2, 3), dict(formula=grouped(1))),
    ("group_norm_axis_1", "GroupNormalization", dict(groups=2, axis=1, scale=False, beta_initializer="ones"), (4, 3), (4, 3), dict(trainable=1, formula=lambda x, b: grouped(2)(x.transpose(0, 2, 1), 1, b).transpose(0, 2, 1))),
    ("unit_norm", "UnitNormalization", {}, (5,), (5,), dict(formula=unit, **masks)),
    ("unit_norm_axes", "UnitNormalization", dict(axis=(1, 2)), (2, 3), (2, 3), dict(formula=lambda x: unit(x, (1, 2)))),
    ("rms_norm", "RMSNormalization", {}, (5,), (5,), dict(trainable=1, formula=rms, **no_masks)),
    ("rms_norm_axes", "RMSNormalization", dict(axis=(1, 2), epsilon=0.1), (2, 3), (2, 3), dict(trainable=1, formula=lambda x, s: rms(x, s, (1, 2), 0.1))),
    ("rms_norm_axis_1", "RMSNormalization", dict(axis=1), (4, 3), (4, 3), dict(trainable=1, formula=lambda x, s: rms(x, s[:, None], 1))),
    ("spatial_dropout1d", "SpatialDropout1D", dict(rate=0.5, seed=1), (4, 3), (4, 3), dict(formula=unchanged, stochastic=True, **masks)),
    ("spatial_dropout2d", "SpatialDropout2D", dict(rate=0.5), (2, 2, 3), (2, 2, 3), dict(formula=unchanged, stochastic=True, **masks)),
    ("spatial_dropout2d_first", "SpatialDropout2D", dict(rate=0.3, data_format="channels_first"), (3, 2, 2), (3, 2, 2), dict(formula=unchanged, stochastic=True)),
    ("spatial_dropout3d", "SpatialDropout3D", dict(rate=0.0), (1, 2, 2, 3), (1, 2, 2, 3), dict(formula=unchanged)),
    ("gaussian_noise", "GaussianNoise", dict(stddev=0.3, seed=1), (5,), (5,), dict(formula=unchanged, stochastic=True, **masks)),
    ("gaussian_dropout", "GaussianDropout", dict(rate=0.3), (5,), (5,), dict(formula=unchanged, stochastic=True, **masks)),
    ("alpha_dropout", "AlphaDropout", dict(rate=0.3, noise_shape=(None, 1, 3)), (2, 3), (2, 3), dict(formula=unchanged, stochastic=True, **masks)),
    ("activity_regularization", "ActivityRegularization", dict(l1=0.1, l2=0.2), (5,), (5,), dict(formula=unchanged, losses=1, **masks)),
]  # fmt: skip
