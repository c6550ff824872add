"""Counts of true and false positives and negatives at thresholds, and the ratios made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fncompile import ops
from fncompile.config import epsilon
from fncompile.losses.loss import as_tensors
from fncompile.losses.reduction import align_weights, match_ranks
from fncompile.metrics.metric import Metric
from fncompile.ops.dispatch import op

OUTCOMES = ("true_positives", "false_positives", "true_negatives", "false_negatives")
BELOW_ALL = -1e10  # what stands for predictions that are not among the largest


def checked_thresholds(thresholds: Any, default: float = 0.5) -> list[float]:
    """As a list; ValueError for one that is not from 0 to 1."""
    if thresholds is None:
        return [default]
    found = list(thresholds) if isinstance(thresholds, (list, tuple)) else [thresholds]
    wrong = [t for t in found if t is None or t < 0 or t > 1]
    if wrong:
        raise ValueError(f"Threshold values must be in [0, 1]. Received: {wrong}")
    return found


def even_between(count: int) -> list[float]:
    """What is between 0 and 1 of `count` even thresholds from 0 to 1."""
    return [(i + 1) / (count - 1) for i in range(count - 2)]


def are_even(thresholds: Sequence[float]) -> bool:
    """Are they as far apart as each other, from 0 to 1?"""
    if len(thresholds) < 3:
        return False
    even = np.linspace(0, 1, len(thresholds))
    return bool(np.allclose(thresholds, even, atol=epsilon()))


def counts(
    y_true: Any,
    y_pred: Any,
    thresholds: Sequence[float],
    sample_weight: Any = None,
    top_k: int | None = None,
    class_id: int | None = None,
    by_label: bool = False,
    label_weights: Any = None,
    even: bool = False,
    dtype: str = "float32",
) -> dict[str, Any]:
    """How many true positives, false positives, true negatives and false negatives there are at
    each threshold, with each label for itself if asked for: (thresholds,) or (thresholds, labels).

    A prediction is positive above the threshold. `even`: the thresholds are even, and each
    prediction is put into the interval between two of them.
    """
    y_pred, y_true = ops.cast(as_tensors(y_pred), dtype), ops.cast(as_tensors(y_true), dtype)
    y_true, y_pred = match_ranks(y_true, y_pred)
    if top_k is not None:
        y_pred = ops.where(_among_largest(y_pred, top_k), y_pred, BELOW_ALL)
    if class_id is not None:
        if len(y_pred.shape) == 1:
            raise ValueError(
                "When class_id is provided, y_pred must be a 2D array with shape (num_samples, "
                f"num_classes), found shape: {y_pred.shape}"
            )
        y_true, y_pred = y_true[..., class_id, None], y_pred[..., class_id, None]
    weights = ops.ones_like(y_pred)
    if sample_weight is not None:
        weights = weights * align_weights(y_pred, ops.cast(as_tensors(sample_weight), dtype))
    if label_weights is not None:
        weights = weights * ops.cast(label_weights, dtype)
    positive = ops.cast(ops.not_equal(y_true, 0), dtype)
    parts = {"true": positive * weights, "false": (1.0 - positive) * weights}
    above = _in_intervals if even else _above
    found, all_of = {}, {}
    for name, part in parts.items():
        found[name] = above(y_pred, part, list(thresholds), by_label)
        all_of[name] = ops.sum(part, axis=0) if by_label else ops.sum(part)
    return {
        "true_positives": found["true"],
        "false_positives": found["false"],
        "true_negatives": all_of["false"] - found["false"],
        "false_negatives": all_of["true"] - found["true"],
    }


def _above(y_pred: Any, weights: Any, thresholds: list[float], by_label: bool) -> Any:
    """The weights of the predictions above each threshold, added up."""
    if not by_label:
        y_pred, weights = ops.ravel(y_pred), ops.ravel(weights)
    limits = ops.convert_to_tensor(thresholds, y_pred.dtype)
    limits = ops.reshape(limits, (-1,) + (1,) * len(y_pred.shape))
    return ops.sum(ops.where(y_pred > limits, weights, 0.0), axis=1)


def _in_intervals(y_pred: Any, weights: Any, thresholds: list[float], by_label: bool) -> Any:
    """The same for even thresholds: each prediction is looked up, not compared with each."""
    last = len(thresholds) - 1
    interval = ops.ceil(ops.clip(y_pred, 0.0, 1.0) * last) - 1.0
    interval = ops.cast(ops.maximum(interval, 0.0), "int32")
    if by_label:
        labels = y_pred.shape[1]
        interval = interval * labels + ops.arange(labels, dtype="int32")
        sums = ops.segment_sum(ops.ravel(weights), ops.ravel(interval), (last + 1) * labels)
        sums = ops.reshape(sums, (last + 1, labels))
    else:
        sums = ops.segment_sum(ops.ravel(weights), ops.ravel(interval), last + 1)
    return ops.flip(ops.cumsum(ops.flip(sums, 0), axis=0), 0)


def _among_largest(y_pred: Any, k: int) -> Any:
    """Is it one of the `k` largest of the last axis, of equals the first?"""
    this, other = ops.expand_dims(y_pred, -1), ops.expand_dims(y_pred, -2)
    index = ops.arange(y_pred.shape[-1])
    earlier = ops.expand_dims(index, 0) < ops.expand_dims(index, 1)
    before = (other > this) | (ops.equal(other, this) & earlier)
    return ops.sum(ops.cast(before, "int32"), axis=-1) < k


class ThresholdMetric(Metric):
    """A metric of counts at thresholds: `held` names those that it adds up."""

    held: tuple[str, ...]

    def __init__(
        self,
        name: str | None,
        dtype: Any,
        thresholds: Any,
        top_k: int | None = None,
        class_id: int | None = None,
    ):
        super().__init__(dtype, name)
        self.init_thresholds = thresholds
        self.top_k, self.class_id = top_k, class_id
        self.thresholds = checked_thresholds(thresholds, 0.5 if top_k is None else BELOW_ALL)
        self._even = are_even(self.thresholds)
        for held in self.held:
            shape = (len(self.thresholds),)
            setattr(self, held, self.add_variable(shape, name=held))

    @op
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        found = counts(
            y_true, y_pred, self.thresholds, sample_weight, self.top_k, self.class_id,
            even=self._even, dtype=self.dtype,
        )  # fmt: skip
        for held in self.held:
            getattr(self, held).assign_add(found[held])

    def _number(self, found: Any) -> Any:
        """One number where there is one threshold."""
        return found[0] if len(self.thresholds) == 1 else found

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "thresholds": self.init_thresholds}


class _Count(ThresholdMetric):
    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None):
        super().__init__(name, dtype, thresholds)

    @op
    def result(self) -> Any:
        return self._number(ops.convert_to_tensor(getattr(self, self.held[0])))


class TruePositives(_Count):
    """How many predictions above the threshold are right.

    Takes targets of 0 and 1, predictions and weights. `thresholds`: a number from 0 to 1, or
    several for as many results, 0.5 if None; `name` and `dtype` as for `Metric`.

    >>> float(metrics.TruePositives()([1, 0, 1], [0.9, 0.8, 0.2]))
    1.0
    """

    held = ("true_positives",)


class FalsePositives(_Count):
    """How many predictions above the threshold are wrong.

    Takes targets of 0 and 1, predictions and weights. `thresholds`: a number from 0 to 1, or
    several for as many results, 0.5 if None; `name` and `dtype` as for `Metric`.

    >>> float(metrics.FalsePositives()([1, 0, 1], [0.9, 0.8, 0.2]))
    1.0
    """

    held = ("false_positives",)


class TrueNegatives(_Count):
    """How many predictions up to the threshold are right.

    Takes targets of 0 and 1, predictions and weights. `thresholds`: a number from 0 to 1, or
    several for as many results, 0.5 if None; `name` and `dtype` as for `Metric`.

    >>> float(metrics.TrueNegatives()([1, 0, 0], [0.9, 0.8, 0.2]))
    1.0
    """

    held = ("true_negatives",)


class FalseNegatives(_Count):
    """How many predictions up to the threshold are wrong.

    Takes targets of 0 and 1, predictions and weights. `thresholds`: a number from 0 to 1, or
    several for as many results, 0.5 if None; `name` and `dtype` as for `Metric`.

    >>> float(metrics.FalseNegatives()([1, 0, 1], [0.9, 0.8, 0.2]))
    1.0
    """

    held = ("false_negatives",)


class _Share(ThresholdMetric):
    """The first count over the sum of both."""

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(name, dtype, thresholds, top_k, class_id)

    @op
    def result(self) -> Any:
        right, wrong = (ops.convert_to_tensor(getattr(self, held)) for held in self.held)
        return self._number(ops.divide_no_nan(right, right + wrong))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "top_k": self.top_k, "class_id": self.class_id}


class Precision(_Share):
    """What share of the predictions above the threshold is right.

    Takes targets of 0 and 1, predictions and weights. `thresholds`: a number from 0 to 1, or
    several for as many results, 0.5 if None; `top_k`: only so many of the largest predictions of a
    sample count; `class_id`: only this class does; `name` and `dtype` as for `Metric`.

    >>> float(metrics.Precision()([1, 0, 1], [0.9, 0.8, 0.2]))
    0.5
    """

    held = ("true_positives", "false_positives")


class Recall(_Share):
    """What share of the targets of 1 has predictions above the threshold.

    Takes targets of 0 and 1, predictions and weights. `thresholds`: a number from 0 to 1, or
    several for as many results, 0.5 if None; `top_k`: only so many of the largest predictions of a
    sample count; `class_id`: only this class does; `name` and `dtype` as for `Metric`.

    >>> float(metrics.Recall()([1, 0, 1, 1, 1], [0.9, 0.8, 0.2, 0.1, 0.4]))
    0.25
    """

    held = ("true_positives", "false_negatives")
