"""How much of the targets predictions explain, and how they go together."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.config import epsilon
from fncompile.losses.loss import as_tensors
from fncompile.losses.reduction import match_ranks
from fncompile.metrics.means import FunctionMetric
from fncompile.metrics.metric import Metric, require_two_axes
from fncompile.ops.dispatch import op

_HELD = ("squared_sum", "sum", "total_mse", "count")


class R2Score(Metric):
    """The share of the variance of targets that predictions explain: 1 less the squared error over
    the squared distance from the mean.

    Takes targets and predictions (samples, outputs) and a weight a sample. `class_aggregation`:
    None for a score an output, "uniform_average" for their mean, "variance_weighted_average" for
    that by the variance of their targets. `num_regressors`: of how many the score is adjusted for,
    0 for none. `name` and `dtype` as for `Metric`. ValueError for other values.

    >>> round(float(metrics.R2Score()([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])), 4)
    0.5714
    """

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str = "r2_score",
        dtype: Any = None,
    ):
        super().__init__(dtype, name)
        if class_aggregation not in (None, "uniform_average", "variance_weighted_average"):
            raise ValueError(
                "Invalid value for argument `class_aggregation`. Expected one of (None, "
                "'uniform_average', 'variance_weighted_average'). "
                f"Received: class_aggregation={class_aggregation}"
            )
        if num_regressors < 0:
            raise ValueError(
                "Invalid value for argument `num_regressors`. Expected a value >= 0. "
                f"Received: num_regressors={num_regressors}"
            )
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        self.num_samples = self.add_variable((), dtype="int32", name="num_samples")
        self.built = False

    def build(self, y_true: Any, y_pred: Any) -> None:
        require_two_axes("R2Score", y_true, y_pred)
        if self.built:
            return
        for held in _HELD:
            setattr(self, held, self.add_variable((y_pred[-1],), name=held))
        self.built = True

    @op
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true = ops.cast(as_tensors(y_true), self.dtype)
        y_pred = ops.cast(as_tensors(y_pred), self.dtype)
        self.build_once(y_true, y_pred)
        weights = ops.ones((1, 1), self.dtype)
        if sample_weight is not None:
            weights = ops.cast(as_tensors(sample_weight), self.dtype)
            weights = weights if len(weights.shape) == 2 else ops.expand_dims(weights, -1)
        weights = ops.broadcast_to(weights, ops.shape(y_true))
        found = (ops.square(y_true), y_true, ops.square(y_true - y_pred), ops.ones_like(y_true))
        for held, values in zip(_HELD, found):
            getattr(self, held).assign_add(ops.sum(values * weights, axis=0))
        self.num_samples.assign_add(ops.size(y_true))  # all numbers, as Keras counts

    @op
    def result(self) -> Any:
        squares, total, error, count = (
            ops.convert_to_tensor(getattr(self, held)) for held in _HELD
        )
        spread = squares - total * ops.divide(total, count)
        scores = 1.0 - error / spread
        scores = ops.where(ops.isinf(scores), 0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = ops.mean(scores)
        elif self.class_aggregation == "variance_weighted_average":
            scores = ops.sum(scores * spread / ops.sum(spread))
        return self._adjusted(scores) if self.num_regressors else scores

    def _adjusted(self, scores: Any) -> Any:
        n = ops.cast(self.num_samples, self.dtype)
        p = float(self.num_regressors)
        left = n - p - 1.0
        some = left > 0
        adjusted = 1.0 - (1.0 - scores) * (n - 1.0) / ops.where(some, left, 1.0)
        return ops.where(some, adjusted, scores)

    def get_config(self) -> dict[str, Any]:
        own = {
            "class_aggregation": self.class_aggregation,
            "num_regressors": self.num_regressors,
        }
        return {**super().get_config(), **own}


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """The correlation of targets and predictions along `axis`: 1 for those that go together, -1
    for opposite ones.

    `y_true`, `y_pred`: tensors of one shape; the result lacks `axis`.

    >>> metrics.pearson_correlation([[0.0, 1.0, 0.5]], [[0.1, 0.9, 1.0]]).round(4)
    array([0.8109], dtype=float32)
    """
    y_true, y_pred = _pair(y_true, y_pred)
    return ops.mean(_standard(y_true, axis) * _standard(y_pred, axis), axis=axis)


def _pair(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    y_pred = ops.convert_to_tensor(y_pred)
    return match_ranks(ops.convert_to_tensor(y_true, y_pred.dtype), y_pred)


def _standard(x: Any, axis: int) -> Any:
    """With the mean 0 and the variance 1; NaN where all are equal."""
    x = x - ops.mean(x, axis=axis, keepdims=True)
    return x / ops.sqrt(ops.mean(ops.square(x), axis=axis, keepdims=True))


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """The correlation less what means and variances differ in: `2 covariance / (sum of variances +
    (difference of means)²)` along `axis`.

    `y_true`, `y_pred`: tensors of one shape; the result lacks `axis`.

    >>> metrics.concordance_correlation([[0.0, 1.0, 0.5]], [[0.1, 0.9, 1.0]]).round(4)
    array([0.7477], dtype=float32)
    """
    y_true, y_pred = _pair(y_true, y_pred)
    means = [ops.mean(y, axis=axis, keepdims=True) for y in (y_true, y_pred)]
    apart = [y - mean for y, mean in zip((y_true, y_pred), means)]
    variances = ops.mean(ops.square(apart[0]), axis=axis) + ops.mean(
        ops.square(apart[1]), axis=axis
    )
    offset = ops.squeeze(ops.square(means[0] - means[1]), axis)
    return 2.0 * ops.mean(apart[0] * apart[1], axis=axis) / (variances + offset + epsilon())


class PearsonCorrelation(FunctionMetric):
    """The mean of `metrics.pearson_correlation`.

    `axis`: that of the values that are correlated; `name` and `dtype` as for `Metric`; takes
    targets and predictions of one shape, and weights.

    >>> metric = metrics.PearsonCorrelation()
    >>> round(float(metric([[0.0, 1.0, 0.5]], [[0.1, 0.9, 1.0]])), 4)
    0.8109
    """

    function = staticmethod(pearson_correlation)

    def __init__(self, name: str | None = "pearson_correlation", dtype: Any = None, axis: int = -1):
        super().__init__(name, dtype, axis=axis)


class ConcordanceCorrelation(FunctionMetric):
    """The mean of `metrics.concordance_correlation`.

    `axis`: that of the values that are correlated; `name` and `dtype` as for `Metric`; takes
    targets and predictions of one shape, and weights.

    >>> metric = metrics.ConcordanceCorrelation()
    >>> round(float(metric([[0.0, 1.0, 0.5]], [[0.1, 0.9, 1.0]])), 4)
    0.7477
    """

    function = staticmethod(concordance_correlation)

    def __init__(
        self, name: str | None = "concordance_correlation", dtype: Any = None, axis: int = -1
    ):
        super().__init__(name, dtype, axis=axis)
