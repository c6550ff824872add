"""Loss functions against NumPy in float64, in both precisions."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile as keras
from fncompile import losses, metrics

EPSILON = 1e-7
rng = np.random.default_rng(0)
PROBABLE, TARGET = rng.uniform(0.05, 1, (6, 4)), rng.uniform(0.05, 1, (6, 4))
LOGITS, LABELS = 3 * rng.normal(size=(6, 4)), rng.integers(0, 4, 6)
ONE_HOT, BITS = np.eye(4)[LABELS], rng.integers(0, 2, (6, 4))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def clip(p):
    return np.clip(p, EPSILON, 1 - EPSILON)


def bce(y, p):
    return np.mean(-y * np.log(clip(p)) - (1 - y) * np.log(1 - clip(p)), -1)


def cce(y, p):
    return -np.sum(y * np.log(clip(p / p.sum(-1, keepdims=True))), -1)


def cosine(a, b):
    return np.sum(a * b, -1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)


def huber(e, delta):
    return np.where(abs(e) <= delta, e**2 / 2, delta * abs(e) - delta**2 / 2).mean(-1)


def categorical_hinge(y, x):
    return np.maximum(np.max((1 - y) * x, -1) - np.sum(y * x, -1) + 1, 0)


SIGNS = 2 * BITS - 1
CASES = [
    ("mean_squared_error", LOGITS, TARGET, {}, lambda y, p: np.mean((y - p) ** 2, -1)),
    ("mean_absolute_error", LOGITS, TARGET, {}, lambda y, p: np.mean(abs(y - p), -1)),
    ("mean_absolute_percentage_error", LOGITS, TARGET, {}, lambda y,
     p: 100 * np.mean(abs(y - p) / abs(y), -1)),
    ("mean_squared_logarithmic_error", TARGET, LOGITS, {}, lambda y,
     p: np.mean((np.log1p(y) - np.log1p(np.maximum(p, EPSILON))) ** 2, -1)),
    ("huber", LOGITS, TARGET, {}, lambda y, p: huber(y - p, 1.0)),
    ("huber", LOGITS, TARGET, {"delta": 0.4}, lambda y, p: huber(y - p, 0.4)),
    ("log_cosh", LOGITS, TARGET, {}, lambda y, p: np.mean(np.log(np.cosh(p - y)), -1)),
    ("cosine_similarity", LOGITS, TARGET, {}, lambda y, p: -cosine(y, p)),
    ("cosine_similarity", LOGITS, TARGET, {"axis": 0}, lambda y, p: -cosine(y.T, p.T)),
    ("kl_divergence", TARGET, PROBABLE, {}, lambda y, p: np.sum(y * np.log(y / p), -1)),
    ("poisson", TARGET, PROBABLE, {}, lambda y, p: np.mean(p - y * np.log(p + EPSILON), -1)),
    ("hinge", BITS, LOGITS, {}, lambda y, p: np.mean(np.maximum(1 - SIGNS * p, 0), -1)),
    ("hinge", SIGNS, LOGITS, {}, lambda y, p: np.mean(np.maximum(1 - y * p, 0), -1)),
    ("squared_hinge", BITS, LOGITS, {}, lambda y,
     p: np.mean(np.maximum(1 - SIGNS * p, 0) ** 2, -1)),
    ("categorical_hinge", ONE_HOT, LOGITS, {}, categorical_hinge),
    ("binary_crossentropy", BITS, PROBABLE, {}, bce),
    ("binary_crossentropy", BITS, PROBABLE, {"label_smoothing": 0.2}, lambda y,
     p: bce(0.8 * y + 0.1, p)),
    ("binary_crossentropy", BITS, LOGITS, {"from_logits": True}, lambda y, x: bce(y, sigmoid(x))),
    ("categorical_crossentropy", ONE_HOT, PROBABLE, {}, cce),
    ("categorical_crossentropy", ONE_HOT, PROBABLE, {"label_smoothing": 0.2}, lambda y,
     p: cce(0.8 * y + 0.05, p)),
    ("categorical_crossentropy", ONE_HOT, LOGITS, {"from_logits": True}, lambda y,
     x: cce(y, softmax(x))),
    ("sparse_categorical_crossentropy", LABELS, PROBABLE, {}, lambda y, p: cce(np.eye(4)[y], p)),
    ("sparse_categorical_crossentropy", LABELS[:, None], LOGITS, {"from_logits": True}, lambda y,
     x: cce(np.eye(4)[y[:, 0]], softmax(x))),
]  # fmt: skip


@pytest.fixture(params=["float32", "float64"])
def floatx(request):
    keras.config.set_floatx(request.param)
    yield request.param
    keras.config.set_floatx("float32")


@pytest.mark.parametrize("name, y_true, y_pred, options, formula", CASES)
def test_formula(name, y_true, y_pred, options, formula, floatx):
    found = getattr(losses, name)(y_true, y_pred.astype(floatx), **options)
    tolerance = 1e-12 if floatx == "float64" else 2e-5
    assert found.dtype == floatx
    np.testing.assert_allclose(found, formula(y_true, y_pred), rtol=tolerance, atol=tolerance)


def test_predictions_of_zero_and_one_are_clipped_to_epsilon():
    p = np.array([[0.0, 1.0]])
    expected = -np.log(1e-7)
    assert losses.binary_crossentropy([[1.0, 0.0]], p)[0] == pytest.approx(expected, rel=0.02)
    assert losses.categorical_crossentropy([[1.0, 0.0]], p)[0] == pytest.approx(expected, rel=1e-5)
    assert losses.sparse_categorical_crossentropy([0], p)[0] == pytest.approx(expected, rel=1e-5)


def test_huge_logits_neither_overflow_nor_lose_the_loss():
    x = np.array([[1000.0, -1000.0]])
    assert losses.categorical_crossentropy([[0.0, 1.0]], x, from_logits=True)[0] == 2000
    assert losses.sparse_categorical_crossentropy([1], x, from_logits=True)[0] == 2000
    assert losses.binary_crossentropy([[0.0, 1.0]], x, from_logits=True)[0] == 1000
    assert losses.log_cosh([[0.0]], [[1e4]])[0] == pytest.approx(1e4 - np.log(2), rel=1e-6)


@pytest.mark.parametrize(
    "name", ["mean_squared_error", "mean_absolute_error", "huber", "log_cosh", "poisson"]
)
def test_nan_goes_through(name):
    y = np.array([[np.nan, 1.0], [1.0, 1.0]])
    values = getattr(losses, name)(np.ones((2, 2)), y)
    assert np.isnan(values[0]) and not np.isnan(values[1])


def test_a_vector_of_targets_meets_predictions_of_one_column():
    values = losses.mean_squared_error(np.array([1.0, 2.0]), np.array([[1.0], [0.0]]))
    np.testing.assert_array_equal(values, [0.0, 4.0])


def test_ignored_classes_give_zero():
    p = np.full((3, 2), 0.5)
    values = losses.sparse_categorical_crossentropy(np.array([1, -1, 0]), p, ignore_class=-1)
    np.testing.assert_allclose(values, [np.log(2), 0, np.log(2)], rtol=1e-6)


def test_cosine_similarity_of_nothing_is_zero():
    assert losses.cosine_similarity(np.zeros((1, 3)), np.ones((1, 3)))[0] == 0


@pytest.mark.parametrize("name, target, message", [
    ("categorical_crossentropy", np.ones((4, 2)), "must have the same shape"),
    ("binary_crossentropy", np.ones((4, 2)), "must have the same shape"),
    ("sparse_categorical_crossentropy", np.ones((4, 2)), "same shape up until the last dimension"),
    ("mean_squared_error", np.ones((4, 2)), "broadcast"),
])  # fmt: skip
def test_shapes_that_do_not_fit(name, target, message):
    with pytest.raises(ValueError, match=message):
        getattr(losses, name)(target, np.ones((4, 3)))


def test_one_class_is_pointed_out():
    with pytest.warns(SyntaxWarning, match="Consider using 'binary_crossentropy'"):
        losses.categorical_crossentropy(np.ones((4, 1)), np.ones((4, 1)))


@pytest.mark.parametrize("function", [
    *(getattr(losses, name) for name in losses.__all__ if name in vars(losses.functions)),
    metrics.binary_accuracy, metrics.categorical_accuracy, metrics.sparse_categorical_accuracy,
    metrics.top_k_categorical_accuracy, metrics.sparse_top_k_categorical_accuracy,
], ids=lambda f: f.__name__)  # fmt: skip
def test_every_function_takes_lists(function):
    sparse = "sparse" in function.__name__
    y_true = [1, 0] if sparse else [[0.0, 1.0], [1.0, 0.0]]
    y_pred = [[0.25, 0.75], [0.5, 0.5]]
    got = function(y_true, y_pred)
    np.testing.assert_array_equal(got, function(np.array(y_true), np.array(y_pred, "float32")))
