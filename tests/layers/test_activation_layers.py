"""ReLU with all its options and Softmax with masks, against their formulas in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from fncompile import activations, layers

X = np.array([-9, -5, -3, -2, -1, -0.5, 0, 0.5, 1, 2, 3, 5, 6, 9, np.inf, -np.inf], "float32")


def test_relu_is_zero_at_its_threshold():
    assert activations.relu(np.float32([5.0, 5.5]), threshold=5.0).tolist() == [0, 5.5]
    assert np.asarray(layers.ReLU(threshold=5.0)(np.float32([[5.0, 6.0]]))).tolist() == [[0, 6]]


@pytest.mark.parametrize("slope", [0.0, 0.1, 2.0])
@pytest.mark.parametrize("largest", [None, 0.0, 1.0, 6.0])
@pytest.mark.parametrize("threshold", [0.0, 1.0, 5.0, -1.0, -2.5])
def test_relu_with_options(slope, largest, threshold):
    with np.errstate(invalid="ignore"):
        above = np.where(threshold < X, X, 0)
        if largest is not None:
            above = np.clip(above, 0, largest)
        below = slope * np.maximum(threshold - X, 0) if slope else 0
    found = activations.relu(X, slope, largest, threshold)
    np.testing.assert_allclose(found, above - below, rtol=1e-6)


def test_relu_keeps_nan():
    assert np.isnan(activations.relu(np.float32([np.nan]), 0.0, 6.0, 1.0)).all()


def softmax(x, mask, axis):
    e = np.where(mask, np.exp(x.astype("float64")), 0)
    total = e.sum(axis, keepdims=True)
    return e / np.where(total == 0, 1, total)


def test_softmax_with_everything_hidden_is_zero():
    hidden = np.zeros((2, 3), bool)
    assert not np.asarray(layers.Softmax()(np.float32([[1, 2, 3], [0, 0, 0]]), mask=hidden)).any()


@pytest.mark.parametrize("axis", [-1, 1, (1, 2)], ids=str)
@pytest.mark.parametrize(
    "shape", [(2, 3, 4), (3, 4), (4,), (2, 1, 4), (2, 3, 1), (1, 1, 1)], ids=str
)
def test_softmax_with_masks(shape, axis):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, 4)).astype("float32")
    layer = layers.Softmax(axis=axis)
    for rate in (0.0, 0.2, 0.5, 0.8, 1.0):
        mask = rng.random(shape) < rate
        wanted = softmax(x, np.broadcast_to(mask, x.shape), axis)
        np.testing.assert_allclose(layer(x, mask=mask), wanted, rtol=1e-5, atol=1e-7)
        numbers = np.where(mask, 0.8, 0.5).astype("float32")  # more than a half keeps
        np.testing.assert_allclose(layer(x, mask=numbers), wanted, rtol=1e-5, atol=1e-7)


def test_hidden_infinities_and_nan_stay_hidden():
    x = np.float32([[np.nan, np.inf, 1, 1]])
    mask = np.array([[False, False, True, True]])
    assert np.asarray(layers.Softmax()(x, mask=mask)).tolist() == [[0, 0, 0.5, 0.5]]


@pytest.mark.parametrize("shape", [(2, 2, 3), (5,), (2, 1, 3)], ids=str)
def test_a_mask_larger_than_the_inputs_is_refused(shape):
    with pytest.raises(ValueError, match="must be broadcastable .* not have more dimensions"):
        layers.Softmax()(np.zeros((2, 3), "float32"), mask=np.ones(shape, bool))
