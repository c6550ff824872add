"""A normalization is built for some inputs and called on others."""

from __future__ import annotations

import numpy as np

from fncompile import layers


def test_rms_normalization_of_more_axes_than_it_was_built_for():
    layer = layers.RMSNormalization()
    layer.build((2, 2, 3))
    x = np.random.default_rng(0).normal(size=(4, 2, 2, 3)).astype("float32")
    expected = x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-6)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5)
