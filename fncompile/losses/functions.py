"""Losses as functions of (y_true, y_pred): one value per sample, the mean over the last axis.

Formulas are Keras 3's. Targets are taken in the dtype of the prediction, and a vector of targets is
matched with predictions of shape (n, 1).
"""

from __future__ import annotations

import math
from typing import Any

from fncompile import ops
from fncompile.caller import warn_caller
from fncompile.config import epsilon, floatx
from fncompile.graph.tensor import Tensor
from fncompile.graph.trace import current_trace
from fncompile.losses.reduction import match_ranks


def _pair(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Both as tensors of one float dtype and, if one has a last axis of 1 too many, of one rank."""
    y_pred = ops.convert_to_tensor(y_pred)
    if "float" not in ops.dtype(y_pred):
        y_pred = ops.cast(y_pred, floatx())
    return match_ranks(ops.cast(y_true, y_pred.dtype), y_pred)


def _mean(x: Any) -> Any:
    return ops.mean(x, axis=-1)


# regression -----------------------------------------------------------------------------------


def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """`mean((y_true - y_pred)**2)`.

    `y_true`, `y_pred`: tensors of one shape (..., values), or with one last axis of 1 more;
    ValueError for others. The result lacks the last axis.

    >>> losses.mean_squared_error([[0.0, 1.0]], [[1.0, 3.0]])
    array([2.5], dtype=float32)
    """
    y_true, y_pred = _pair(y_true, y_pred)
    return _mean(ops.square(y_true - y_pred))


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """`mean(|y_true - y_pred|)`.

    `y_true`, `y_pred`: tensors of one shape (..., values), or with one last axis of 1 more;
    ValueError for others. The result lacks the last axis.

    >>> losses.mean_absolute_error([[0.0, 1.0]], [[1.0, 3.0]])
    array([1.5], dtype=float32)
    """
    y_true, y_pred = _pair(y_true, y_pred)
    return _mean(ops.absolute(y_true - y_pred))


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """`100 mean(|y_true - y_pred| / max(|y_true|, epsilon))`.

    `y_true`, `y_pred`: tensors of one shape (..., values), or with one last axis of 1 more;
    ValueError for others. The result lacks the last axis.

    >>> losses.mean_absolute_percentage_error([[2.0, 4.0]], [[1.0, 4.0]])
    array([25.], dtype=float32)
    """
    y_true, y_pred = _pair(y_true, y_pred)
    size = ops.maximum(ops.absolute(y_true), epsilon())
    return 100.0 * _mean(ops.absolute((y_true - y_pred) / size))


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """`mean((log(1 + y_true) - log(1 + y_pred))**2)`, of values not below epsilon.

    `y_true`, `y_pred`: tensors of one shape (..., values), or with one last axis of 1 more;
    ValueError for others. The result lacks the last axis.

    >>> losses.mean_squared_logarithmic_error([[0.0, 1.0]], [[0.0, 3.0]]).round(4)
    array([0.2402], dtype=float32)
    """
    logs = [ops.log(ops.maximum(y, epsilon()) + 1.0) for y in _pair(y_true, y_pred)]
    return _mean(ops.square(logs[0] - logs[1]))


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """`mean(e**2 / 2)` where |e| <= delta, `mean(delta |e| - delta**2 / 2)` beyond.

    `y_true`, `y_pred`: tensors of one shape (..., values), or with one last axis of 1 more;
    ValueError for others. The result lacks the last axis. `delta`: where the parabola becomes a
    line.

    >>> losses.huber([[0.0, 0.0]], [[1.0, 3.0]])
    array([1.5], dtype=float32)
    """
    y_true, y_pred = _pair(y_true, y_pred)
    size = ops.absolute(y_true - y_pred)
    inside = ops.minimum(size, delta)  # so that neither branch overflows or has a kink of its own
    return _mean(0.5 * ops.square(inside) + delta * (size - inside))


def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """`mean(log(cosh(y_pred - y_true)))`, without overflow.

    `y_true`, `y_pred`: tensors of one shape (..., values), or with one last axis of 1 more;
    ValueError for others. The result lacks the last axis.

    >>> losses.log_cosh([[0.0, 0.0]], [[0.0, 1.0]]).round(4)
    array([0.2169], dtype=float32)
    """
    y_true, y_pred = _pair(y_true, y_pred)
    x = y_pred - y_true
    return _mean(x + ops.softplus(-2.0 * x) - math.log(2.0))


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Minus the cosine of the angle between target and prediction: -1 is the best.

    `y_true`, `y_pred`: tensors of one shape; the result lacks `axis`.

    >>> losses.cosine_similarity([[3.0, 4.0]], [[4.0, 3.0]]).round(4)
    array([-0.96], dtype=float32)
    """
    y_true, y_pred = (_normalized(y, axis) for y in _pair(y_true, y_pred))
    return -ops.sum(y_true * y_pred, axis=axis)


def _normalized(x: Any, axis: int) -> Any:
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), 1e-12))


def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """`sum(y_true log(y_true / y_pred))`, both clipped to [epsilon, 1].

    `y_true`, `y_pred`: tensors of one shape (..., values), or with one last axis of 1 more;
    ValueError for others. The result lacks the last axis.

    >>> losses.kl_divergence([[0.5, 0.5]], [[0.9, 0.1]]).round(4)
    array([0.5108], dtype=float32)
    """
    y_true, y_pred = (ops.clip(y, epsilon(), 1.0) for y in _pair(y_true, y_pred))
    return ops.sum(y_true * ops.log(y_true / y_pred), axis=-1)


def poisson(y_true: Any, y_pred: Any) -> Any:
    """`mean(y_pred - y_true log(y_pred + epsilon))`.

    `y_true`, `y_pred`: tensors of one shape (..., values), or with one last axis of 1 more;
    ValueError for others. The result lacks the last axis.

    >>> losses.poisson([[1.0, 1.0]], [[1.0, 2.0]]).round(4)
    array([1.1534], dtype=float32)
    """
    y_true, y_pred = _pair(y_true, y_pred)
    return _mean(y_pred - y_true * ops.log(y_pred + epsilon()))


# margins --------------------------------------------------------------------------------------


def _signs(y_true: Any) -> Any:
    """Labels 0 and 1 as -1 and 1; other labels as they are."""
    binary = ops.all(ops.logical_or(y_true == 0.0, y_true == 1.0))
    return ops.where(binary, 2.0 * y_true - 1.0, y_true)


def hinge(y_true: Any, y_pred: Any) -> Any:
    """`mean(max(1 - y_true y_pred, 0))` for labels -1 and 1, or 0 and 1.

    `y_true`, `y_pred`: tensors of one shape (..., values), or with one last axis of 1 more;
    ValueError for others. The result lacks the last axis.

    >>> losses.hinge([[1.0, -1.0]], [[0.5, 0.5]])
    array([1.], dtype=float32)
    """
    y_true, y_pred = _pair(y_true, y_pred)
    return _mean(ops.maximum(1.0 - _signs(y_true) * y_pred, 0.0))


def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """`mean(max(1 - y_true y_pred, 0)**2)` for labels -1 and 1, or 0 and 1.

    `y_true`, `y_pred`: tensors of one shape (..., values), or with one last axis of 1 more;
    ValueError for others. The result lacks the last axis.

    >>> losses.squared_hinge([[1.0, -1.0]], [[0.5, 0.5]])
    array([1.25], dtype=float32)
    """
    y_true, y_pred = _pair(y_true, y_pred)
    return _mean(ops.square(ops.maximum(1.0 - _signs(y_true) * y_pred, 0.0)))


def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """`max(neg - pos + 1, 0)`: the largest wrong score, the score of the right class.

    `y_true`: one-hot (..., classes); `y_pred`: scores of the same shape. The result lacks the last
    axis.

    >>> losses.categorical_hinge([[0.0, 1.0]], [[0.4, 0.6]]).round(4)
    array([0.8], dtype=float32)
    """
    y_true, y_pred = _pair(y_true, y_pred)
    right = ops.sum(y_true * y_pred, axis=-1)
    wrong = ops.max((1.0 - y_true) * y_pred, axis=-1)
    return ops.maximum(wrong - right + 1.0, 0.0)


# crossentropies -------------------------------------------------------------------------------


def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """`mean(-y log p - (1 - y) log(1 - p))`, p clipped by epsilon, or the sigmoid of logits.

    Label smoothing a moves labels from 0 and 1 to a/2 and 1 - a/2.

    `y_true`: 0 or 1, or between; `y_pred`: of the same shape, probabilities, or logits with
    `from_logits`; `label_smoothing`: how much of a target goes to 1/2. The result lacks `axis`.

    >>> losses.binary_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(4)
    array([0.6931], dtype=float32)
    """
    y_true, y_pred = _pair(y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    return ops.mean(ops.binary_crossentropy(y_true, y_pred, from_logits=from_logits), axis=axis)


def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """`-sum(y log p)`, p the normalised and clipped prediction, or the softmax of logits.

    Label smoothing a moves labels from 0 and 1 to a/K and 1 - a + a/K, of K classes.

    `y_true`: one-hot (..., classes); `y_pred`: of the same shape, probabilities, or logits with
    `from_logits`; `label_smoothing`: how much of a target is spread over all classes. The result
    lacks `axis`.

    >>> losses.categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(4)
    array([0.6931], dtype=float32)
    """
    if isinstance(axis, bool):
        raise ValueError(
            f"`axis` must be of type `int`. Received: axis={axis} of type {type(axis)}"
        )
    y_true, y_pred = _pair(y_true, y_pred)
    if y_pred.shape and y_pred.shape[-1] == 1:
        warn_caller(
            "In loss categorical_crossentropy, expected y_pred.shape to be (batch_size, "
            "num_classes) "
            f"with num_classes > 1. Received: y_pred.shape={y_pred.shape}. Consider using "
            "'binary_crossentropy' if you only have 2 classes.",
            SyntaxWarning,
        )
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / y_true.shape[-1]
    return ops.categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)


def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Any:
    """`categorical_crossentropy` for class numbers of shape (...) or (..., 1).

    Where the label is `ignore_class` the value is 0, and a loss takes its mean over the others. A
    label that is no class is a ValueError where it is a target or an array, else gives NaN.

    `y_true`: whole numbers; `y_pred`: (..., classes), probabilities, or logits with `from_logits`;
    `ignore_class`: a number whose rows give 0; `axis`: that of the classes.

    >>> losses.sparse_categorical_crossentropy([1], [[0.5, 0.5]]).round(4)
    array([0.6931], dtype=float32)
    """
    y_pred = ops.convert_to_tensor(y_pred)
    _note_labels(y_true, y_pred, axis, ignore_class)
    y_true = ops.cast(y_true, "int32")
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1 and len(y_true.shape) > 1:
        y_true = ops.squeeze(y_true, -1)
    if ignore_class is None:
        return _sparse(y_true, y_pred, from_logits, axis)
    valid = ops.not_equal(y_true, ignore_class)
    values = _sparse(ops.where(valid, y_true, 0), y_pred, from_logits, axis)
    values = ops.where(valid, values, 0.0)
    if hasattr(values, "_keras_mask"):  # an array has no mask
        values._keras_mask = valid
    return values


def _note_labels(y_true: Any, y_pred: Any, axis: int, ignore_class: int | None) -> None:
    trace = current_trace()
    if trace is not None and isinstance(y_true, Tensor) and len(y_pred.shape) > 0:
        trace.note_range(y_true.node, y_pred.shape[axis], "loss", ignore_class or 0)


def _sparse(y_true: Any, y_pred: Any, from_logits: bool, axis: int) -> Any:
    return ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)
