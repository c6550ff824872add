"""Sums and means over samples, and metrics that are the mean of a function's values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fncompile import ops
from fncompile.graph.naming import to_snake_case
from fncompile.losses.loss import as_tensors
from fncompile.losses.reduction import count, masked_weights, match_ranks
from fncompile.metrics.metric import Metric
from fncompile.ops.dispatch import op


def _samplewise(values: Any, weights: Any, dtype: str, reduce: Callable) -> tuple[Any, Any]:
    """One value and, unless `weights` is None, one weight per sample.

    Axes of `values` that `weights` lacks are reduced before weighting, the rest after it. Weights
    broadcast to the values, and count once for each. As in Keras a mask of `values` (classes that a
    crossentropy ignores) works on weights alone: without them an ignored value counts as 0.
    """
    mask = getattr(values, "_keras_mask", None)
    values = ops.cast(values, dtype)
    if weights is not None and mask is not None:
        weights = masked_weights(weights, mask, dtype, rescale=False)
    if weights is not None:
        values, weights = match_ranks(values, ops.cast(weights, dtype))
        values = _reduced(values, len(weights.shape), reduce)
        weights = ops.broadcast_to(weights, ops.shape(values))
        values = values * weights
        weights = _reduced(weights, 1, ops.mean if reduce is ops.mean else ops.sum)
    return _reduced(values, 1, reduce), weights


def _reduced(x: Any, first: int, reduce: Callable) -> Any:
    axes = tuple(range(first, len(x.shape)))
    return reduce(x, axis=axes) if axes else x


class Sum(Metric):
    """The weighted sum of all values.

    `name` and `dtype` as for `Metric`.

    >>> float(metrics.Sum()([1.0, 2.0, 3.0]))
    6.0
    """

    def __init__(self, name: str = "sum", dtype: Any = None):
        super().__init__(dtype, name)
        self.total = self.add_variable((), name="total")

    @op
    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, _ = _samplewise(as_tensors(values), sample_weight, self.dtype, ops.sum)
        self.total.assign_add(ops.sum(values))

    @op
    def result(self) -> Any:
        return ops.convert_to_tensor(self.total)


class Mean(Metric):
    """The mean of all values, each sample weighted by `sample_weight`; 0 when there were none.

    `name` and `dtype` as for `Metric`.

    >>> float(metrics.Mean()([1.0, 3.0], sample_weight=[3.0, 1.0]))
    1.5
    """

    def __init__(self, name: str = "mean", dtype: Any = None):
        super().__init__(dtype, name)
        self.total = self.add_variable((), name="total")
        self.count = self.add_variable((), name="count")

    @op
    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, weights = _samplewise(as_tensors(values), sample_weight, self.dtype, ops.mean)
        self.total.assign_add(ops.sum(values))
        self.count.assign_add(count(values) if weights is None else ops.sum(weights))

    @op
    def result(self) -> Any:
        return ops.divide_no_nan(self.total, self.count)


class MeanMetricWrapper(Mean):
    """The mean of `fn(y_true, y_pred, **kwargs)` over samples.

    `fn`: written in ops; `name`: that of `fn` if None; `dtype` as for `Metric`.

    >>> metric = metrics.MeanMetricWrapper(losses.huber, name="huber", delta=2.0)
    >>> float(metric([[0.0, 0.0]], [[1.0, 3.0]]))
    2.25
    """

    def __init__(
        self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **kwargs: Any
    ):
        super().__init__(name or getattr(fn, "__name__", None) or "mean_metric_wrapper", dtype)
        self._fn = fn
        self._options = kwargs

    @op
    def update_state(  # type: ignore[override]  # as Keras has it
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        mask = getattr(y_pred, "_keras_mask", None)
        y_true, y_pred = as_tensors(y_true), as_tensors(y_pred)
        values = self._fn(y_true, y_pred, **self._options)
        if mask is not None:
            sample_weight = masked_weights(sample_weight, mask, self.dtype, rescale=False)
        super().update_state(values, sample_weight)

    def get_config(self) -> dict[str, Any]:
        from fncompile.saving import serialize_keras_object

        config = {**super().get_config(), **self._options}
        if not isinstance(self, FunctionMetric):
            config["fn"] = serialize_keras_object(self._fn)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Metric:
        from fncompile.saving import deserialize_keras_object

        if "fn" in config:
            config = {**config, "fn": deserialize_keras_object(config["fn"])}
        return cls(**config)


class FunctionMetric(MeanMetricWrapper):
    """A MeanMetricWrapper whose class names the `function`; its own name is that of the class."""

    function: Callable[..., Any]

    def __init__(self, name: str | None = None, dtype: Any = None, **options: Any):
        name = name or to_snake_case(type(self).__name__)
        super().__init__(type(self).function, name, dtype, **options)
