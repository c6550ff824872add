"""How often predictions are right: functions with a 0 or 1 per prediction, and metrics."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.config import floatx
from fncompile.losses.reduction import match_ranks
from fncompile.metrics.means import FunctionMetric


def _right(x: Any) -> Any:
    return ops.cast(x, floatx())


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where prediction and target are equal."""
    y_true, y_pred = match_ranks(ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred))
    return _right(ops.equal(ops.cast(y_true, y_pred.dtype), y_pred))


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """1 where `y_pred > threshold` says what the target (0 or 1) says.

    `y_true`, `y_pred`: tensors of one shape, which the result has.

    >>> metrics.binary_accuracy([1, 0, 1], [0.9, 0.8, 0.2])
    array([1., 0., 0.], dtype=float32)
    """
    y_true, y_pred = match_ranks(ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred))
    return _right(ops.equal(y_true, ops.cast(y_pred > threshold, y_true.dtype)))


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest prediction is at the largest target (one-hot).

    `y_true`, `y_pred`: tensors of one shape (..., classes); the result lacks the last axis.

    >>> metrics.categorical_accuracy([[0, 1], [1, 0]], [[0.2, 0.8], [0.3, 0.7]])
    array([1., 0.], dtype=float32)
    """
    return _right(ops.equal(ops.argmax(y_true, axis=-1), ops.argmax(y_pred, axis=-1)))


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest prediction is at the class number given, of shape (...) or (..., 1).

    `y_true`: whole numbers; `y_pred`: (..., classes), whose last axis the result lacks.

    >>> metrics.sparse_categorical_accuracy([1, 0], [[0.2, 0.8], [0.3, 0.7]])
    array([1., 0.], dtype=float32)
    """
    return _right(ops.equal(_class_numbers(y_true, y_pred), ops.argmax(y_pred, axis=-1)))


def _class_numbers(y_true: Any, y_pred: Any) -> Any:
    y_true = ops.cast(y_true, "int32")
    if len(y_true.shape) == ops.ndim(y_pred) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    return y_true


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """1 where the class of the largest target is among the `k` largest predictions.

    `y_true`, `y_pred`: tensors of one shape (..., classes); the result lacks the last axis.

    >>> metrics.top_k_categorical_accuracy([[0, 0, 1]], [[0.5, 0.1, 0.4]], k=2)
    array([1.], dtype=float32)
    """
    return sparse_top_k_categorical_accuracy(ops.argmax(y_true, axis=-1), y_pred, k)


def sparse_top_k_categorical_accuracy(
    y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False
) -> Any:
    """1 where fewer than `k` predictions exceed that of the class number, which must be finite.

    `y_true`: whole numbers; `y_pred`: (..., classes), whose last axis the result lacks; with
    `from_sorted_ids` they are class numbers, the most likely first.

    >>> metrics.sparse_top_k_categorical_accuracy([2, 1], [[0.5, 0.1, 0.4], [0.5, 0.1, 0.4]], k=2)
    array([1., 0.], dtype=float32)
    """
    y_true, y_pred = _class_numbers(y_true, y_pred), ops.convert_to_tensor(y_pred)
    if from_sorted_ids:
        first = ops.cast(y_pred[..., :k], "int32")
        return _right(ops.any(ops.equal(ops.expand_dims(y_true, -1), first), axis=-1))
    here = ops.equal(ops.expand_dims(y_true, -1), ops.arange(y_pred.shape[-1]))
    score = ops.sum(ops.where(here, y_pred, 0.0), axis=-1, keepdims=True)
    above = ops.sum(ops.cast(y_pred > score, "int32"), axis=-1)
    known = ops.logical_and(ops.any(here, axis=-1), ops.isfinite(ops.squeeze(score, -1)))
    return _right(ops.logical_and(above < k, known))


class Accuracy(FunctionMetric):
    """How often `y_pred` equals `y_true`.

    `name` and `dtype` as for `Metric`; takes targets and predictions of one shape (..., values),
    and weights.

    >>> float(metrics.Accuracy()([1, 2, 3, 4], [1, 2, 3, 0]))
    0.75
    """

    function = staticmethod(accuracy)


class BinaryAccuracy(FunctionMetric):
    """How often `y_pred > threshold` agrees with labels 0 and 1.

    `name` and `dtype` as for `Metric`; takes targets and predictions of one shape (..., values),
    and weights. `threshold`: a number.

    >>> float(metrics.BinaryAccuracy()([1, 0, 1, 1], [0.9, 0.8, 0.2, 0.7]))
    0.5
    """

    function = staticmethod(binary_accuracy)

    def __init__(self, name: str | None = None, dtype: Any = None, threshold: float = 0.5):
        super().__init__(name, dtype, threshold=threshold)


class CategoricalAccuracy(FunctionMetric):
    """How often the largest prediction is at the 1 of a one-hot target.

    `name` and `dtype` as for `Metric`; takes targets and predictions of one shape (..., values),
    and weights.

    >>> float(metrics.CategoricalAccuracy()([[0, 1], [1, 0]], [[0.2, 0.8], [0.3, 0.7]]))
    0.5
    """

    function = staticmethod(categorical_accuracy)


class SparseCategoricalAccuracy(FunctionMetric):
    """How often the largest prediction is at the class number.

    Takes class numbers, predictions (..., classes) and weights; `name` and `dtype` as for `Metric`.

    >>> metric = metrics.SparseCategoricalAccuracy()
    >>> metric.update_state([1, 0], [[0.2, 0.8], [0.3, 0.7]])
    >>> metric.update_state([1, 1], [[0.2, 0.8], [0.3, 0.7]])
    >>> float(metric.result())
    0.75
    """

    function = staticmethod(sparse_categorical_accuracy)


class TopKCategoricalAccuracy(FunctionMetric):
    """How often the class of a one-hot target is among the `k` largest predictions.

    `name` and `dtype` as for `Metric`; takes targets and predictions of one shape (..., values),
    and weights.

    >>> float(metrics.TopKCategoricalAccuracy(k=2)([[0, 0, 1]], [[0.5, 0.1, 0.4]]))
    1.0
    """

    function = staticmethod(top_k_categorical_accuracy)

    def __init__(self, k: int = 5, name: str | None = None, dtype: Any = None):
        super().__init__(name, dtype, k=k)
        self.k = k


class SparseTopKCategoricalAccuracy(FunctionMetric):
    """How often the class number is among the `k` largest predictions.

    Takes class numbers, predictions (..., classes) and weights; `name` and `dtype` as for `Metric`.
    `from_sorted_ids`: predictions are class numbers, the most likely first.

    >>> metric = metrics.SparseTopKCategoricalAccuracy(k=1)
    >>> float(metric([2, 0], [[0.5, 0.1, 0.4], [0.5, 0.1, 0.4]]))
    0.5
    """

    function = staticmethod(sparse_top_k_categorical_accuracy)

    def __init__(
        self,
        k: int = 5,
        name: str | None = None,
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ):
        super().__init__(name, dtype, k=k, from_sorted_ids=from_sorted_ids)
        self.k, self.from_sorted_ids = k, from_sorted_ids
