"""The area under curves of counts over thresholds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fncompile import ops
from fncompile.config import epsilon
from fncompile.losses.loss import as_tensors
from fncompile.metrics.confusion import OUTCOMES, are_even, counts, even_between
from fncompile.metrics.metric import Metric
from fncompile.ops.dispatch import op

_CURVES = {
    "ROC": "ROC", "roc": "ROC", "PR": "PR", "pr": "PR", "PRGAIN": "PRGAIN", "prgain": "PRGAIN",
}  # fmt: skip
_SUMS = {
    "interpolation": "interpolation", "Interpolation": "interpolation",
    "majoring": "majoring", "Majoring": "majoring", "minoring": "minoring", "Minoring": "minoring",
}  # fmt: skip


class AUC(Metric):
    """The area under the curve of true over false positive rates, or of precision over recall.

    Takes targets of 0 and 1, predictions from 0 to 1 and weights. The curve is known at
    `num_thresholds` even thresholds, or at `thresholds`, from 0 to 1. `curve`: "ROC", "PR",
    or "PRGAIN" for the gain of both over a guess (Flach and Kull 2015);
    `summation_method`: "interpolation" (trapezoids; for "PR" the formula of Davis and Goadrich),
    "minoring" or "majoring" rectangles. `multi_label`: each label is its own curve, and the result
    the mean of their areas, weighted by `label_weights`; `num_labels`: how many there are, else
    the first batch tells. `from_logits`: predictions go through a sigmoid. `name` and `dtype` as
    for `Metric`. ValueError for other values.

    >>> float(metrics.AUC(num_thresholds=3)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
    0.75
    """

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ):
        if curve not in _CURVES:
            raise ValueError(
                f'Invalid AUC curve value: "{curve}". Expected values are ["PR", "ROC", "PRGAIN"]'
            )
        if summation_method not in _SUMS:
            raise ValueError(
                f'Invalid AUC summation method value: "{summation_method}". Expected values are '
                '["interpolation", "majoring", "minoring"]'
            )
        if num_labels is not None and not multi_label:
            raise ValueError("`num_labels` is needed only when `multi_label` is True.")
        super().__init__(dtype, name)
        self._given = thresholds is not None
        inner = _inner(num_thresholds, thresholds)
        self._even = are_even([0.0, *inner, 1.0])
        self._thresholds = [-epsilon(), *inner, 1.0 + epsilon()]
        self.num_thresholds = len(self._thresholds)
        self.curve, self.summation_method = _CURVES[curve], _SUMS[summation_method]
        self.multi_label, self.num_labels = multi_label, num_labels
        self.label_weights, self._from_logits = label_weights, from_logits
        self.built = False
        if not multi_label or num_labels:
            self._make((len(self._thresholds), *([num_labels] if num_labels else [])))

    @property
    def thresholds(self) -> list[float]:
        """The thresholds at which the curve is known."""
        return list(self._thresholds)

    def build(self, y_true: Any, y_pred: Any) -> None:
        shape = tuple(y_pred)
        if self.multi_label and len(shape) != 2:
            raise ValueError(
                "`y_pred` must have rank 2 when `multi_label=True`. "
                f"Found rank {len(shape)}. Full shape received for `y_pred`: {shape}"
            )
        if not self.built:
            self.num_labels = shape[1]
            self._make((len(self._thresholds), self.num_labels))

    def _make(self, shape: tuple[int, ...]) -> None:
        for held in OUTCOMES:
            setattr(self, held, self.add_variable(shape, name=held))
        self.built = True

    @op
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = as_tensors(y_true), ops.cast(as_tensors(y_pred), self.dtype)
        self.build_once(y_true, y_pred)
        if self._from_logits:
            y_pred = ops.sigmoid(y_pred)
        found = counts(
            y_true, y_pred, self._thresholds, sample_weight, by_label=self.multi_label,
            label_weights=None if self.multi_label else self.label_weights, even=self._even,
            dtype=self.dtype,
        )  # fmt: skip
        for held in OUTCOMES:
            getattr(self, held).assign_add(found[held])

    @op
    def result(self) -> Any:
        tp, fp, tn, fn = self._counts()
        recall = ops.divide_no_nan(tp, tp + fn)
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._mean(_precision_over_recall(tp, fp, fn))
        if self.curve == "ROC":
            x, y = ops.divide_no_nan(fp, fp + tn), recall
        elif self.curve == "PRGAIN":
            odds = ops.divide_no_nan(tp + fn, fp + tn)
            x, y = (ops.maximum(1.0 - odds * _over(part, tp), 0.0) for part in (fn, fp))
        else:
            x, y = recall, ops.divide_no_nan(tp, tp + fp)
        between: Any = {
            "interpolation": _middle,
            "minoring": ops.minimum,
            "majoring": ops.maximum,
        }[self.summation_method]
        return self._mean(ops.sum((x[:-1] - x[1:]) * between(y[:-1], y[1:]), axis=0))

    def _counts(self) -> list[Any]:
        return [ops.convert_to_tensor(getattr(self, held)) for held in OUTCOMES]

    def _mean(self, areas: Any) -> Any:
        """Of the labels, if each has its area."""
        if not self.multi_label:
            return areas
        if self.label_weights is None:
            return ops.mean(areas)
        weights = ops.cast(as_tensors(self.label_weights), self.dtype)
        return ops.divide_no_nan(ops.sum(areas * weights), ops.sum(weights))

    def get_config(self) -> dict[str, Any]:
        own = {
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": self.label_weights,
            "from_logits": self._from_logits,
        }
        if self._given:
            own["thresholds"] = self._thresholds[1:-1]
        return {**super().get_config(), **own}


def _middle(a: Any, b: Any) -> Any:
    return (a + b) / 2.0


def _over(part: Any, whole: Any) -> Any:
    """Infinite over 0, but 0 over 0 is 0."""
    empty = ops.equal(whole, 0)
    ratio = part / ops.where(empty, 1.0, whole)
    return ops.where(empty & (part > 0), math.inf, ratio)


def _inner(count: int, thresholds: Sequence[float] | None) -> list[float]:
    if thresholds is not None:
        wrong = [t for t in thresholds if t < 0 or t > 1]
        if wrong:
            raise ValueError(f"Threshold values must be in [0, 1]. Received: {wrong}")
        return sorted(thresholds)
    if count <= 1:
        raise ValueError(
            f"Argument `num_thresholds` must be an integer > 1. Received: num_thresholds={count}"
        )
    return even_between(count)


def _precision_over_recall(tp: Any, fp: Any, fn: Any) -> Any:
    """Between two thresholds false positives grow linearly with true ones (Davis and Goadrich
    2006), so that precision is tp / (slope tp + intercept), whose integral this is."""
    positive = tp + fp
    more = tp[:-1] - tp[1:]
    slope = ops.divide_no_nan(more, ops.maximum(positive[:-1] - positive[1:], 0.0))
    intercept = tp[1:] - slope * positive[1:]
    both = (positive[:-1] > 0) & (positive[1:] > 0)
    ratio = ops.where(both, ops.divide_no_nan(positive[:-1], positive[1:]), 1.0)
    areas = slope * (more + intercept * ops.log(ratio))
    return ops.sum(ops.divide_no_nan(areas, ops.maximum(tp[1:] + fn[1:], 0.0)), axis=0)
