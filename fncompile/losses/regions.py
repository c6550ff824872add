"""Losses of regions that overlap, of embeddings and of sequences, as functions."""

from __future__ import annotations

import math
from typing import Any

from fncompile import ops
from fncompile.config import epsilon
from fncompile.losses.functions import _pair
from fncompile.ops.dispatch import op


def dice(y_true: Any, y_pred: Any, axis: Any = None) -> Any:
    """`1 - 2 sum(y_true y_pred) / (sum(y_true) + sum(y_pred))`.

    `y_true`, `y_pred`: tensors of one shape; `axis`: one axis or several, all if None.

    >>> round(float(losses.dice([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.5
    """
    y_true, y_pred = _pair(y_true, y_pred)
    both = ops.sum(y_true * y_pred, axis=axis)
    total = ops.sum(y_true, axis=axis) + ops.sum(y_pred, axis=axis)
    return 1.0 - ops.divide(2.0 * both, total + epsilon())


def tversky(
    y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None
) -> Any:
    """`1 - t / (t + alpha m + beta f)` of what is found (t), missed (m) and found falsely (f).

    `y_true`, `y_pred`: tensors of one shape; `axis`: one axis or several, all if None.

    >>> round(float(losses.tversky([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.5
    """
    y_true, y_pred = _pair(y_true, y_pred)
    found = ops.sum(y_true * y_pred, axis=axis)
    falsely = ops.sum((1.0 - y_true) * y_pred, axis=axis)
    missed = ops.sum(y_true * (1.0 - y_pred), axis=axis)
    return 1.0 - ops.divide(found, found + missed * alpha + falsely * beta + epsilon())


@op
def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Any:
    """Of each embedding `softplus` of how close others with another label are, and how far those
    with its own (Sun et al. 2020).

    `y_true`: labels (n,); `y_pred`: embeddings of length 1 (n, features); `ref_labels` and
    `ref_embeddings`: those to compare with, itself if None, and then with `remove_diagonal` not
    each with itself. `gamma`: how steep, `margin`: how far apart.

    >>> x = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    >>> losses.circle([0, 0, 1], x, gamma=2.0).round(3)
    array([0.452, 0.776, 0.   ], dtype=float32)
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.cast(y_true, "int32")
    labels = y_true if ref_labels is None else ops.cast(ref_labels, "int32")
    others = y_pred if ref_embeddings is None else ops.cast(ref_embeddings, y_pred.dtype)
    y_true, labels = ops.reshape(y_true, (-1, 1)), ops.reshape(labels, (1, -1))
    near = ops.equal(y_true, labels)
    far = ops.logical_not(near)
    if remove_diagonal:
        rows = ops.arange(ops.shape(y_true)[0], dtype="int32")
        columns = ops.arange(ops.shape(labels)[1], dtype="int32")
        near = near & ops.not_equal(ops.expand_dims(rows, 1), columns)
    distance = ops.maximum(1.0 - ops.matmul(y_pred, ops.transpose(others)), 0.0)
    pull = (distance + margin) * (distance - margin)
    push = ops.maximum(1.0 + margin - distance, 0.0) * (1.0 - margin - distance)
    terms = [_logsumexp(gamma * x, mask) for x, mask in ((pull, near), (push, far))]
    values = ops.softplus(terms[0] + terms[1])
    values._keras_mask = ops.any(near, axis=1) & ops.any(far, axis=1)
    return values


def _logsumexp(x: Any, mask: Any) -> Any:
    return ops.logsumexp(ops.where(mask, x, -math.inf), axis=1)


def ctc(y_true: Any, y_pred: Any) -> Any:
    """Connectionist temporal classification: minus the logarithm of how likely the labels are, in
    any alignment (Graves et al. 2006).

    `y_true`: class numbers (samples, labels), of which as many count as are not 0; `y_pred`: logits
    (samples, steps, classes). ValueError for other ranks.

    >>> losses.ctc([[1, 2]], np.zeros((1, 3, 3))).round(4)
    array([1.6864], dtype=float32)
    """
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    if len(y_true.shape) != 2:
        raise ValueError(
            "Targets `y_true` must be a tensor of shape `(batch_size, max_length)` with integer "
            f"labels. Received: y_true.shape={y_true.shape}"
        )
    if len(y_pred.shape) != 3:
        raise ValueError(
            "Logits `y_pred` must be a tensor of shape `(batch_size, max_length, num_classes)`. "
            f"Received: y_pred.shape={y_pred.shape}"
        )
    rows, steps, _ = ops.shape(y_pred)
    labels = ops.count_nonzero(y_true, axis=1)
    return ops.ctc_loss(y_true, y_pred, labels, ops.full((rows,), steps, "int32"), mask_index=0)
