"""Sample weights that broadcast count once for each value that they weigh, as in Keras."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from fncompile import metrics

SHAPES = ((4,), (4, 3), (1, 3), (4, 1), (2, 4, 3))


def result(metric, *arrays, sample_weight=None) -> float:
    metric.update_state(*(np.asarray(a, "float32") for a in arrays), sample_weight=sample_weight)
    return float(metric.result())


def test_mean_of_columns():
    assert result(metrics.Mean(), [[1, 3], [5, 7]], sample_weight=[[1, 0]]) == 3


def test_accuracy_of_columns():
    weights, y_true, y_pred = [[1, 0]], [[1, 2], [3, 4]], [[0, 2], [3, 4]]
    assert result(metrics.Accuracy(), y_true, y_pred, sample_weight=weights) == 0.5


def test_squared_error_with_one_weight_for_all():
    y_true, y_pred = np.zeros((4, 2)), np.arange(8).reshape(4, 2)
    wanted = np.mean(y_pred**2)
    assert result(metrics.MeanSquaredError(), y_true, y_pred, sample_weight=[1.0]) == wanted


def test_a_number_as_weight():
    assert result(metrics.Mean(), [1, 3], sample_weight=0.5) == 2
    assert result(metrics.Sum(), [1, 3], sample_weight=0.5) == 2


def _weights(shape):
    """Of every rank up to that of the values, with any of its extents 1."""
    rng = np.random.default_rng(0)
    for rank in range(1, len(shape) + 1):
        for dims in itertools.product(*((1, d) for d in shape[:rank])):
            yield rng.random(dims).astype("float32")


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_shape_of_weights(shape):
    values = np.random.default_rng(1).standard_normal(shape).astype("float32")
    for weights in _weights(shape):
        inner = values.mean(tuple(range(weights.ndim, values.ndim)), dtype="float64")
        outer = values.sum(tuple(range(weights.ndim, values.ndim)), dtype="float64")
        spread = np.broadcast_to(weights, inner.shape)
        mean = (inner * spread).sum() / spread.sum()
        found = result(metrics.Mean(), values, sample_weight=weights)
        assert found == pytest.approx(mean, rel=1e-5), weights.shape
        found = result(metrics.Sum(), values, sample_weight=weights)
        assert found == pytest.approx((outer * spread).sum(), rel=1e-4), weights.shape
        root = result(metrics.RootMeanSquaredError(), 0 * values, values, sample_weight=weights)
        squares = (values.astype("float64") ** 2).mean(tuple(range(weights.ndim, values.ndim)))
        wanted = np.sqrt((squares * spread).sum() / spread.sum())
        assert root == pytest.approx(wanted, rel=1e-5), weights.shape


@pytest.mark.parametrize(
    ("weights", "wanted"),
    [(None, np.log(10) / 2), ([1.0, 1.0], np.log(10)), ([1.0, 3.0], np.log(10)), (1.0, np.log(10))],
)
def test_an_ignored_class_counts_as_zero_unless_there_are_weights(weights, wanted):
    """Keras' rule: without weights the row is a value of 0, with them its weight is 0."""
    metric = metrics.SparseCategoricalCrossentropy(ignore_class=-1)
    metric.update_state(np.array([-1, 2]), np.full((2, 10), 0.1, "float32"), sample_weight=weights)
    assert float(metric.result()) == pytest.approx(wanted, rel=1e-6)
