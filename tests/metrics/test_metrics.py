"""Metrics against NumPy, over batches, with weights and masks."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fncompile import Input, Model, Variable, layers, losses, metrics, ops
from fncompile.graph.eager import run_eagerly

rng = np.random.default_rng(2)
P, T = rng.uniform(0.05, 1, (7, 4)), rng.uniform(0.05, 1, (7, 4))
LABELS, BITS = rng.integers(0, 4, 7), rng.integers(0, 2, (7, 4))
ONE_HOT, W = np.eye(4)[LABELS], rng.uniform(0, 2, 7)


def top(k):
    return np.array([y in np.argsort(p)[-k:] for y, p in zip(LABELS, P, strict=True)])


def mse(y, p):
    return ((y - p) ** 2).mean(-1)


def cce(y, p):
    return -np.sum(y * np.log(p / p.sum(-1, keepdims=True)), -1)


# class, options, targets, one value per sample
CASES = [
    ("Accuracy", {}, LABELS, lambda: P.argmax(-1) == LABELS),
    ("BinaryAccuracy", {}, BITS, lambda: ((P > 0.5) == BITS).mean(-1)),
    ("BinaryAccuracy", {"threshold": 0.7}, BITS, lambda: ((P > 0.7) == BITS).mean(-1)),
    ("CategoricalAccuracy", {}, ONE_HOT, lambda: P.argmax(-1) == LABELS),
    ("SparseCategoricalAccuracy", {}, LABELS, lambda: P.argmax(-1) == LABELS),
    ("SparseCategoricalAccuracy", {}, LABELS[:, None], lambda: P.argmax(-1) == LABELS),
    ("TopKCategoricalAccuracy", {"k": 2}, ONE_HOT, lambda: top(2)),
    ("SparseTopKCategoricalAccuracy", {"k": 3}, LABELS, lambda: top(3)),
    ("SparseTopKCategoricalAccuracy", {"k": 9}, LABELS, lambda: top(4)),
    ("MeanSquaredError", {}, T, lambda: mse(T, P)),
    ("MeanAbsoluteError", {}, T, lambda: abs(T - P).mean(-1)),
    ("MeanAbsolutePercentageError", {}, T, lambda: 100 * (abs(T - P) / T).mean(-1)),
    ("MeanSquaredLogarithmicError", {}, T, lambda: mse(np.log1p(T), np.log1p(P))),
    ("LogCoshError", {}, T, lambda: np.log(np.cosh(T - P)).mean(-1)),
    ("KLDivergence", {}, T, lambda: (T * np.log(T / P)).sum(-1)),
    ("CosineSimilarity", {}, T, lambda: (T * P).sum(-1) / np.sqrt((T**2).sum(-1) * (P**2).sum(-1))),
    ("CategoricalCrossentropy", {}, ONE_HOT, lambda: cce(ONE_HOT, P)),
    ("SparseCategoricalCrossentropy", {}, LABELS, lambda: cce(ONE_HOT, P)),
    ("BinaryCrossentropy", {}, BITS, lambda: -np.log(np.where(BITS, P, 1 - P) + 1e-12).mean(-1)),
]  # fmt: skip


@pytest.mark.parametrize("name, options, y_true, values", CASES)
def test_mean_over_batches_of_different_size(name, options, y_true, values):
    metric = getattr(metrics, name)(**options)
    y_pred = P.argmax(-1) if name == "Accuracy" else np.minimum(P, 1 - 1e-6)
    for rows in (slice(0, 3), slice(3, 7)):
        metric.update_state(y_true[rows], y_pred[rows])
    assert metric.result() == pytest.approx(values().mean(), rel=2e-5)
    metric.reset_state()
    weighted = metric(y_true, y_pred, sample_weight=W)
    assert weighted == pytest.approx(np.average(values(), weights=W), rel=2e-5)


def test_root_mean_squared_error_takes_the_root_of_the_mean_over_all_batches():
    metric = metrics.RootMeanSquaredError()
    metric.update_state(T[:2], P[:2])
    metric.update_state(T[2:], P[2:])
    assert metric.result() == pytest.approx(np.sqrt(mse(T, P).mean()), rel=1e-5)
    assert metrics.RootMeanSquaredError()(T, P, W) == pytest.approx(
        np.sqrt(np.average(mse(T, P), weights=W)), rel=1e-5
    )


@pytest.mark.parametrize("values, weights, expected", [
    ([1, 3, 5, 7], None, 4), ([1, 3, 5, 7], [1, 1, 0, 0], 2), ([[1, 3], [5, 7]], [1, 0], 2),
    ([[1, 3], [5, 7]], [[1, 0], [1, 1]], 13 / 3), ([1, 3], [0, 0], 0), (3.0, None, 3),
    ([], None, 0),
])  # fmt: skip
def test_mean(values, weights, expected):
    assert metrics.Mean()(values, weights) == pytest.approx(expected)


def test_sum():
    metric = metrics.Sum()
    metric.update_state([1.0, 2.0])
    metric.update_state(3.0)
    metric.update_state([1.0, 10.0], sample_weight=[2.0, 0.0])
    assert metric.result() == 8


def test_nan_stays():
    metric = metrics.Mean()
    metric.update_state([1.0, np.nan])
    metric.update_state([1.0])
    assert np.isnan(metric.result())


def test_state_variables_have_keras_names_and_reset():
    metric = metrics.MeanSquaredError(name="m")
    assert [v.path for v in metric.variables] == ["m/total", "m/count"]
    metric.update_state(T, P)
    assert int(metric.count) == 7
    metric.reset_state()
    assert [float(v) for v in metric.variables] == [0, 0]


def test_threshold_is_exclusive():
    assert metrics.BinaryAccuracy()([[0.0]], [[0.5]]) == 1


def test_ties_and_nan_in_the_top():
    metric = metrics.SparseTopKCategoricalAccuracy(k=2)
    metric.update_state([1, 2, 0], [[0.1, 0.1, 0.1], [0.5, 0.4, 0.3], [np.nan, 0.3, 0.2]])
    assert metric.result() == pytest.approx(1 / 3)


def test_a_label_without_a_class_is_never_right():
    assert metrics.SparseTopKCategoricalAccuracy(k=2)([5], [[-1.0, -2.0]]) == 0
    assert metrics.SparseCategoricalAccuracy()([5], [[1.0, 2.0]]) == 0


def test_mask_of_the_prediction():
    def update(metric, y, p, mask, weights):
        p = ops.multiply(p, 1.0)
        p._keras_mask = ops.convert_to_tensor(mask)
        metric.update_state(y, p, weights)

    y, p = rng.integers(0, 2, (3, 4)), rng.uniform(size=(3, 4, 2))
    mask = rng.uniform(size=(3, 4)) > 0.4
    right = y == p.argmax(-1)
    metric = metrics.SparseCategoricalAccuracy()
    run_eagerly(update, (metric, y, p, mask, None), {})
    assert metric.result() == pytest.approx(right[mask].mean())
    metric.reset_state()
    weights = np.array([1.0, 2.0, 0.5])
    run_eagerly(update, (metric, y, p, mask, weights), {})
    expected = np.average(right, weights=mask * weights[:, None])
    assert metric.result() == pytest.approx(expected, rel=1e-5)


def test_ignored_classes_count_as_zero():
    """In this metric, though not in the loss, as in Keras; with weights see test_weights.py."""
    metric = metrics.SparseCategoricalCrossentropy(ignore_class=-1)
    metric.update_state([1, -1, 0], [[0.2, 0.8], [0.5, 0.5], [0.6, 0.4]])
    assert metric.result() == pytest.approx(-np.log([0.8, 0.6]).sum() / 3, rel=1e-5)


class LargestError(metrics.Metric):
    def __init__(self, name="largest_error", **kwargs):
        super().__init__(name=name, **kwargs)
        self.largest = self.add_weight(shape=(), initializer="zeros", name="largest")
        self.inner = metrics.Mean()

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.largest.assign(ops.maximum(self.largest, ops.max(ops.abs(y_true - y_pred))))
        self.inner.update_state(y_pred)

    def result(self):
        return self.largest


def test_a_users_metric():
    metric = LargestError()
    metric.update_state(T[:3], P[:3])
    metric.update_state(T[3:], P[3:])
    assert float(metric.result()) == pytest.approx(abs(T - P).max(), rel=1e-6)
    assert len(metric.variables) == 3
    metric.reset_state()
    assert [float(v) for v in metric.variables] == [0, 0, 0]


class Counts(metrics.Metric):
    """Its state is in attributes that it never told of by `add_variable`."""

    def __init__(self, hold):
        super().__init__(name="counts")
        self.seen = Variable(0.0)
        self.held = hold(self.seen, Variable(0.0))

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.seen.assign_add(ops.sum(y_true))

    def result(self):
        return self.seen


@pytest.mark.parametrize("hold", [
    lambda a, b: b, lambda a, b: [a, b], lambda a, b: {"x": (b, a)}, lambda a, b: {"x": [b, b]},
])  # fmt: skip
def test_variables_on_attributes_are_state_of_a_metric(hold):
    metric = Counts(hold)
    assert len(metric.variables) == 2
    x = Input((2,))
    model = Model(x, layers.Dense(1)(x))
    model.compile("sgd", "mse", metrics=[metric])
    for _ in range(2):  # each begins anew
        logs = model.evaluate(np.ones((6, 2)), np.full((6, 1), 0.5), verbose=0, return_dict=True)
        assert logs["counts"] == 3.0
    metric.reset_state()
    assert [float(v) for v in metric.variables] == [0, 0]


def test_a_metric_without_its_methods():
    with pytest.raises(NotImplementedError, match="update_state"):
        metrics.Metric().update_state()
    with pytest.raises(NotImplementedError, match="result"):
        metrics.Metric().result()


@pytest.mark.parametrize("name, cls", [
    ("mse", metrics.MeanSquaredError), ("MAE", metrics.MeanAbsoluteError),
    ("bce", metrics.BinaryCrossentropy),
    ("accuracy", metrics.Accuracy), ("top_k_categorical_accuracy", metrics.TopKCategoricalAccuracy),
    ("RootMeanSquaredError", metrics.RootMeanSquaredError),
    ("cosine_similarity", metrics.CosineSimilarity),
])  # fmt: skip
def test_names(name, cls):
    assert type(metrics.get(name)) is cls


def test_unknown_name_and_functions():
    with pytest.raises(ValueError, match="Could not interpret metric identifier: foo"):
        metrics.get("foo")
    assert metrics.get(losses.mean_squared_error) is losses.mean_squared_error


CONFIGS = [
    (metrics.Mean(), {"name": "mean"}),
    (metrics.BinaryAccuracy(threshold=0.2), {"name": "binary_accuracy", "threshold": 0.2}),
    (metrics.TopKCategoricalAccuracy(3), {"name": "top_k_categorical_accuracy", "k": 3}),
    (metrics.LogCoshError(), {"name": "logcosh"}),
    (metrics.CategoricalCrossentropy(), {"name": "categorical_crossentropy", "from_logits": False,
                                         "label_smoothing": 0, "axis": -1}),
    (metrics.MeanMetricWrapper(losses.mean_squared_error, name="q"),
     {"name": "q", "fn": {"module": "builtins", "class_name": "function",
                          "config": "mean_squared_error", "registered_name": "function"}}),
]  # fmt: skip


@pytest.mark.parametrize("metric, config", CONFIGS)
def test_configuration_is_keras_own_and_comes_back(metric, config):
    described = json.loads(json.dumps(metrics.serialize(metric)))
    assert described["module"] == "keras.metrics"
    assert described["config"] == {"dtype": "float32", **config}
    again = metrics.deserialize(described)
    assert type(again) is type(metric)
    assert json.loads(json.dumps(metrics.serialize(again))) == described


@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 1, 1), (1,), ()])
def test_weights_of_overlaps_may_have_axes_of_one(shape):
    """Keras' own numbers for vectors, columns and scalars; a column was refused."""
    weights = np.resize([1.0, 0.0, 2.0, 3.0], shape)
    flat = np.broadcast_to(weights.ravel(), 4)
    counts = np.zeros((3, 3))
    np.add.at(counts, ([0, 1, 2, 0], [0, 1, 1, 0]), flat)
    right = counts.diagonal()
    union = counts.sum(0) + counts.sum(1) - right
    want = (right[union > 0] / union[union > 0]).mean()
    metric = metrics.MeanIoU(3, dtype="float32")
    metric.update_state([0, 1, 2, 0], [0, 1, 1, 0], sample_weight=weights)
    np.testing.assert_allclose(metric.result(), want, 1e-6)
