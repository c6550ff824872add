"""Weights, masks and reductions of losses."""

from __future__ import annotations

import numpy as np
import pytest

from fncompile import losses, ops
from fncompile.graph.eager import run_eagerly

rng = np.random.default_rng(1)
Y, P, W = rng.normal(size=(5, 3)), rng.normal(size=(5, 3)), rng.uniform(0, 2, 5)
VALUES = ((Y - P) ** 2).mean(-1)


def mse(reduction="sum_over_batch_size"):
    return losses.MeanSquaredError(reduction=reduction)


@pytest.mark.parametrize("reduction, formula", [
    ("sum_over_batch_size", lambda v, w: np.sum(v * w) / 5),
    ("mean", lambda v, w: np.sum(v * w) / 5),
    ("auto", lambda v, w: np.sum(v * w) / 5),
    ("sum", lambda v, w: np.sum(v * w)),
    ("mean_with_sample_weight", lambda v, w: np.sum(v * w) / np.sum(w)),
    ("none", lambda v, w: v * w),
    (None, lambda v, w: v * w),
])  # fmt: skip
def test_reductions(reduction, formula):
    np.testing.assert_allclose(mse(reduction)(Y, P, W), formula(VALUES, W), rtol=1e-5)
    by_column = np.asarray(mse(reduction)(Y, P, W[:, None]))
    np.testing.assert_allclose(by_column.ravel(), np.ravel(formula(VALUES, W)), rtol=1e-5)
    assert by_column.shape == ((5, 1) if reduction in (None, "none") else ())  # as in Keras
    np.testing.assert_allclose(mse(reduction)(Y, P), formula(VALUES, np.ones(5)), rtol=1e-5)


def test_unknown_reduction():
    with pytest.raises(ValueError, match="Invalid value for argument `reduction`"):
        mse("foo")


def test_weights_of_samples_spread_over_their_positions():
    """Keras fails here, or pairs weights with the wrong axis; they are meant per sample."""
    y, p, w = np.ones((4, 3, 2)), np.zeros((4, 3, 2)), np.arange(4.0)
    assert mse()(y, p, w) == pytest.approx(w.mean())
    per_position = rng.uniform(size=(4, 3))
    assert mse()(y, p, per_position) == pytest.approx(per_position.mean(), rel=1e-6)


def test_zero_weights():
    assert mse()(Y, P, np.zeros(5)) == 0
    assert mse("mean_with_sample_weight")(Y, P, np.zeros(5)) == 0


def test_a_weight_of_zero_does_not_hide_nan():
    bad = np.where(np.arange(5)[:, None] == 0, np.nan, P)
    assert np.isnan(mse()(Y, bad, [0.0, 1, 1, 1, 1]))


@pytest.mark.parametrize("reduction, expected", [("sum_over_batch_size", 0), ("sum", 0)])
def test_no_samples(reduction, expected):
    assert mse(reduction)(np.ones((0, 2)), np.ones((0, 2))) == expected


def test_one_sample():
    assert mse()(Y[:1], P[:1]) == pytest.approx(VALUES[0], rel=1e-5)


def masked_loss(loss, mask, y, p, weights=None):
    def call(y, p, mask, weights):
        p = ops.multiply(p, 1.0)
        p._keras_mask = ops.convert_to_tensor(mask)
        return loss(y, p, weights)

    return run_eagerly(call, (y, p, mask, weights), {})


def test_mask_leaves_positions_out_and_the_mean_is_of_the_rest():
    y, p = rng.normal(size=(3, 4, 2)), rng.normal(size=(3, 4, 2))
    mask = rng.uniform(size=(3, 4)) > 0.4
    values = ((y - p) ** 2).mean(-1)
    assert masked_loss(mse(), mask, y, p) == pytest.approx(values[mask].mean(), rel=1e-5)
    assert masked_loss(mse("sum"), mask, y, p) == pytest.approx(values[mask].sum(), rel=1e-5)
    weights = rng.uniform(size=3)
    expected = (values * weights[:, None])[mask].mean()
    assert masked_loss(mse(), mask, y, p, weights) == pytest.approx(expected, rel=1e-5)


def test_everything_masked():
    assert masked_loss(mse(), np.zeros(5, bool), Y, P) == 0


def test_ignored_classes_are_not_in_the_mean():
    labels, p = np.array([1, -1, 0]), np.array([[0.2, 0.8], [0.5, 0.5], [0.6, 0.4]])
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-1)
    assert loss(labels, p) == pytest.approx(-np.log([0.8, 0.6]).mean(), rel=1e-5)


def test_lists_of_numbers():
    assert losses.MeanAbsoluteError()([[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [1.0, 0.0]]) == 0.5


def test_integer_targets_are_taken_as_floats():
    assert mse()(np.array([[1], [2]]), np.array([[1.5], [2.5]])) == 0.25
    assert losses.BinaryCrossentropy()(
        np.array([True, False]), np.array([[0.5], [0.5]])
    ) == pytest.approx(np.log(2))


class Quartic(losses.Loss):
    def call(self, y_true, y_pred):
        return ops.mean((y_true - y_pred) ** 4, axis=-1)


def test_a_users_loss():
    loss = Quartic()
    assert loss.name == "quartic"
    assert loss(Y, P) == pytest.approx(((Y - P) ** 4).mean(), rel=1e-5)


def test_a_loss_without_call():
    with pytest.raises(NotImplementedError, match="call"):
        losses.Loss()(Y, P)
