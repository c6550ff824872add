"""One ratio of counts at the threshold where it is best while another is good enough."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.metrics.confusion import OUTCOMES, ThresholdMetric, even_between
from fncompile.ops.dispatch import op


class _At(ThresholdMetric):
    """`limit`: the name of the ratio that has to be reached, and of the argument that says it."""

    held = OUTCOMES
    limit: str

    def __init__(
        self,
        value: float,
        num_thresholds: int,
        class_id: int | None,
        name: str | None,
        dtype: Any,
    ):
        if not 0 <= value <= 1:
            raise ValueError(
                f"Argument `{self.limit}` must be in the range [0, 1]. "
                f"Received: {self.limit}={value}"
            )
        if num_thresholds <= 0:
            raise ValueError(
                "Argument `num_thresholds` must be an integer > 0. "
                f"Received: num_thresholds={num_thresholds}"
            )
        n = num_thresholds
        even = [0.5] if n == 1 else [0.0, *even_between(n), 1.0]
        super().__init__(name, dtype, even, None, class_id)
        self.num_thresholds, self.value = num_thresholds, value
        setattr(self, self.limit, value)

    def _ratios(self) -> dict[str, Any]:
        tp, fp, tn, fn = (ops.convert_to_tensor(getattr(self, held)) for held in self.held)
        recall = ops.divide_no_nan(tp, tp + fn)
        return {
            "sensitivity": recall,
            "recall": recall,
            "specificity": ops.divide_no_nan(tn, tn + fp),
            "precision": ops.divide_no_nan(tp, tp + fp),
        }

    def _best(self, wanted: str) -> Any:
        """The largest of one ratio where the other reaches its limit; 0 where it nowhere does."""
        ratios = self._ratios()
        enough = ratios[self.limit] >= self.value
        return ops.max(ops.where(enough, ratios[wanted], 0.0))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("thresholds")
        own = {"num_thresholds": self.num_thresholds, "class_id": self.class_id}
        return {**config, **own, self.limit: self.value}


class SensitivityAtSpecificity(_At):
    """The largest share of targets of 1 that are found while at least `specificity` of those of 0
    are.

    Takes targets of 0 and 1, predictions and weights. `num_thresholds`: how many even thresholds
    are tried; `class_id`: only this class counts; `name` and `dtype` as for `Metric`. ValueError
    where `specificity` is not from 0 to 1, or there is no threshold.

    >>> metric = metrics.SensitivityAtSpecificity(0.5)
    >>> float(metric([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
    0.5
    """

    limit = "specificity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(specificity, num_thresholds, class_id, name, dtype)

    @op
    def result(self) -> Any:
        return self._best("sensitivity")


class SpecificityAtSensitivity(_At):
    """The largest share of targets of 0 that are found while at least `sensitivity` of those of 1
    are.

    Takes targets of 0 and 1, predictions and weights. `num_thresholds`: how many even thresholds
    are tried; `class_id`: only this class counts; `name` and `dtype` as for `Metric`. ValueError
    where `sensitivity` is not from 0 to 1, or there is no threshold.

    >>> metric = metrics.SpecificityAtSensitivity(0.5)
    >>> round(float(metric([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])), 4)
    0.6667
    """

    limit = "sensitivity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)

    @op
    def result(self) -> Any:
        return self._best("specificity")


class PrecisionAtRecall(_At):
    """The largest precision where the recall is at least `recall`.

    Takes targets of 0 and 1, predictions and weights. `num_thresholds`: how many even thresholds
    are tried; `class_id`: only this class counts; `name` and `dtype` as for `Metric`. ValueError
    where `recall` is not from 0 to 1, or there is no threshold.

    >>> metric = metrics.PrecisionAtRecall(0.5)
    >>> float(metric([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
    0.5
    """

    limit = "recall"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(recall, num_thresholds, class_id, name, dtype)

    @op
    def result(self) -> Any:
        return self._best("precision")


class RecallAtPrecision(_At):
    """The largest recall where the precision is at least `precision`.

    Takes targets of 0 and 1, predictions and weights. `num_thresholds`: how many even thresholds
    are tried; `class_id`: only this class counts; `name` and `dtype` as for `Metric`. ValueError
    where `precision` is not from 0 to 1, or there is no threshold.

    >>> metric = metrics.RecallAtPrecision(0.8)
    >>> float(metric([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
    0.5
    """

    limit = "precision"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(precision, num_thresholds, class_id, name, dtype)

    @op
    def result(self) -> Any:
        return self._best("recall")
