"""Crossentropies that count what is easy for less, as functions."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.config import epsilon
from fncompile.losses.functions import _pair


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """The mean over `axis` of the binary crossentropy times `(1 - p)**gamma`, where p is what the
    target was given (Lin et al. 2017).

    `y_true`, `y_pred`: tensors of one shape (..., values); the result lacks `axis`.
    `apply_class_balancing`: targets of 1 count `alpha`, those of 0 `1 - alpha`. `from_logits`: the
    predictions go through a sigmoid; `label_smoothing`: how far targets are moved towards 0.5.

    >>> losses.binary_focal_crossentropy([[0.0, 1.0]], [[0.4, 0.9]]).round(4)
    array([0.0414], dtype=float32)
    """
    y_true, y_pred = _pair(y_true, y_pred)
    y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        y_pred = ops.sigmoid(y_pred)
    given = y_true * y_pred + (1.0 - y_true) * (1.0 - y_pred)
    values = ops.power(1.0 - given, gamma) * ops.binary_crossentropy(y_true, y_pred)
    if apply_class_balancing:
        values = (y_true * alpha + (1.0 - y_true) * (1.0 - alpha)) * values
    return ops.mean(values, axis=axis)


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """The categorical crossentropy times `alpha (1 - p)**gamma` of each class (Lin et al. 2017).

    `y_true`, `y_pred`: tensors of one shape, with the classes along `axis`, which the result lacks.
    `from_logits`: predictions go through a softmax; `label_smoothing`: what share of each target is
    spread over all classes.

    >>> losses.categorical_focal_crossentropy([[0.0, 1.0]], [[0.4, 0.6]]).round(4)
    array([0.0204], dtype=float32)
    """
    y_true, y_pred = _pair(y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / y_true.shape[axis]
    if from_logits:
        y_pred = ops.softmax(y_pred, axis=axis)
    shares = y_pred / ops.sum(y_pred, axis=axis, keepdims=True)
    shares = ops.clip(shares, epsilon(), 1.0 - epsilon())
    factor = alpha * ops.power(1.0 - shares, gamma)
    return ops.sum(factor * -y_true * ops.log(shares), axis=axis)


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """`(1 - p**q) / q`, where p is what the target was given (Zhang and Sabuncu 2018).

    `y_true`: whole numbers; `y_pred`: (..., classes), whose last axis the result lacks; `q`: from 0
    (a crossentropy) to 1 (an absolute error).

    >>> losses.categorical_generalized_cross_entropy([1], [[0.4, 0.6]], q=0.5).round(4)
    array([0.4508], dtype=float32)
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.cast(y_true, "int32")
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    hot = ops.one_hot(y_true, y_pred.shape[-1], dtype=y_pred.dtype)
    given = ops.sum(hot * y_pred, axis=-1)
    return (1.0 - ops.power(given, q)) / q
