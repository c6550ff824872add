"""Means of precision and recall of classes."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.config import epsilon
from fncompile.losses.loss import as_tensors
from fncompile.metrics.metric import Metric, require_two_axes
from fncompile.ops.dispatch import op

_HELD = ("true_positives", "false_positives", "false_negatives", "intermediate_weights")


class FBetaScore(Metric):
    """`(1 + beta²) precision recall / (beta² precision + recall)` of each class.

    Takes targets of 0 and 1 and predictions (samples, classes), and a weight a sample. `average`:
    None for a score a class, "micro" for one of all predictions together, "macro" for the mean of
    classes, "weighted" for that by how many targets they have. `beta`: how much recall counts.
    `threshold`: a prediction above it says yes; if None the largest of a sample does. `name` and
    `dtype` as for `Metric`. ValueError for other values.

    >>> metric = metrics.FBetaScore(beta=2.0, threshold=0.5)
    >>> metric([[1, 1, 1], [1, 0, 0]], [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6]]).round(4)
    array([0.    , 0.8333, 0.8333], dtype=float32)
    """

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str = "fbeta_score",
        dtype: Any = None,
    ):
        super().__init__(dtype, name)
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(
                "Invalid `average` argument value. Expected one of: "
                f"{{None, 'micro', 'macro', 'weighted'}}. Received: average={average}"
            )
        if not isinstance(beta, float):
            raise ValueError(
                "Invalid `beta` argument value. It should be a Python float. "
                f"Received: beta={beta} of type '{type(beta)}'"
            )
        if beta <= 0:
            raise ValueError(
                f"Invalid `beta` argument value. It should be > 0. Received: beta={beta}"
            )
        if threshold is not None and not isinstance(threshold, float):
            raise ValueError(
                "Invalid `threshold` argument value. It should be a Python float. "
                f"Received: threshold={threshold} of type '{type(threshold)}'"
            )
        if threshold is not None and not 0 < threshold <= 1:
            raise ValueError(
                "Invalid `threshold` argument value. It should verify 0 < threshold <= 1. "
                f"Received: threshold={threshold}"
            )
        self.average, self.beta, self.threshold = average, beta, threshold
        self.built = False

    def build(self, y_true: Any, y_pred: Any) -> None:
        require_two_axes("FBetaScore", y_true, y_pred)
        if self.built:
            return
        shape = () if self.average == "micro" else (y_pred[-1],)
        for held in _HELD:
            setattr(self, held, self.add_variable(shape, name=held))
        self.built = True

    @op
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true = ops.cast(as_tensors(y_true), self.dtype)
        y_pred = ops.cast(as_tensors(y_pred), self.dtype)
        self.build_once(y_true, y_pred)
        if self.threshold is None:
            largest = ops.equal(y_pred, ops.max(y_pred, axis=-1, keepdims=True))
            said = largest & (ops.absolute(y_pred) > 1e-9)
        else:
            said = y_pred > self.threshold
        yes = ops.cast(said, self.dtype)
        weights = ops.ones((), self.dtype)
        if sample_weight is not None:
            weights = ops.cast(as_tensors(sample_weight), self.dtype)
            weights = weights if len(weights.shape) == 2 else ops.expand_dims(weights, -1)
        axis = None if self.average == "micro" else 0
        found = (yes * y_true, yes * (1.0 - y_true), (1.0 - yes) * y_true, y_true)
        for held, values in zip(_HELD, found):
            getattr(self, held).assign_add(ops.sum(values * weights, axis=axis))

    @op
    def result(self) -> Any:
        tp, fp, fn, share = (ops.convert_to_tensor(getattr(self, held)) for held in _HELD)
        precision = ops.divide(tp, tp + fp + epsilon())
        recall = ops.divide(tp, tp + fn + epsilon())
        square = self.beta**2
        score = (1 + square) * precision * recall / (square * precision + recall + epsilon())
        if self.average == "weighted":
            return ops.sum(score * share / (ops.sum(share) + epsilon()))
        return ops.mean(score) if self.average is not None else score

    def get_config(self) -> dict[str, Any]:
        own = {"average": self.average, "beta": self.beta, "threshold": self.threshold}
        return {**super().get_config(), **own}


class F1Score(FBetaScore):
    """`2 precision recall / (precision + recall)` of each class.

    Takes targets of 0 and 1 and predictions (samples, classes), and a weight a sample. `average`,
    `threshold`, `name` and `dtype` as for `FBetaScore`.

    >>> metric = metrics.F1Score(average="macro", threshold=0.5)
    >>> round(float(metric([[1, 1, 1], [1, 0, 0]], [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6]])), 4)
    0.4444
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str = "f1_score",
        dtype: Any = None,
    ):
        super().__init__(average, 1.0, threshold, name, dtype)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["beta"]
        return config
