"""Losses as metrics: the mean of each over the samples seen."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.losses import functions
from fncompile.losses.loss import as_tensors
from fncompile.losses.reduction import match_ranks
from fncompile.metrics.means import FunctionMetric, Mean
from fncompile.ops.dispatch import op


class MeanSquaredError(FunctionMetric):
    """The mean of `losses.mean_squared_error`.

    `name` and `dtype` as for `Metric`; takes targets and predictions of one shape (..., values),
    and weights.

    >>> float(metrics.MeanSquaredError()([[0.0, 1.0]], [[1.0, 3.0]]))
    2.5
    """

    function = staticmethod(functions.mean_squared_error)


class MeanAbsoluteError(FunctionMetric):
    """The mean of `losses.mean_absolute_error`.

    `name` and `dtype` as for `Metric`; takes targets and predictions of one shape (..., values),
    and weights.

    >>> float(metrics.MeanAbsoluteError()([[0.0, 1.0]], [[1.0, 3.0]]))
    1.5
    """

    function = staticmethod(functions.mean_absolute_error)


class MeanAbsolutePercentageError(FunctionMetric):
    """The mean of `losses.mean_absolute_percentage_error`.

    `name` and `dtype` as for `Metric`; takes targets and predictions of one shape (..., values),
    and weights.

    >>> float(metrics.MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 4.0]]))
    25.0
    """

    function = staticmethod(functions.mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(FunctionMetric):
    """The mean of `losses.mean_squared_logarithmic_error`.

    `name` and `dtype` as for `Metric`; takes targets and predictions of one shape (..., values),
    and weights.

    >>> round(float(metrics.MeanSquaredLogarithmicError()([[0.0, 1.0]], [[0.0, 3.0]])), 4)
    0.2402
    """

    function = staticmethod(functions.mean_squared_logarithmic_error)


class KLDivergence(FunctionMetric):
    """The mean of `losses.kl_divergence`.

    `name` and `dtype` as for `Metric`; takes targets and predictions of one shape (..., values),
    and weights.

    >>> round(float(metrics.KLDivergence()([[0.5, 0.5]], [[0.9, 0.1]])), 4)
    0.5108
    """

    function = staticmethod(functions.kl_divergence)


class Poisson(FunctionMetric):
    """The mean of `losses.poisson`.

    `name` and `dtype` as for `Metric`; takes targets and predictions of one shape (..., values),
    and weights.

    >>> round(float(metrics.Poisson()([[1.0, 1.0]], [[1.0, 2.0]])), 4)
    1.1534
    """

    function = staticmethod(functions.poisson)


class Hinge(FunctionMetric):
    """The mean of `losses.hinge`.

    `name` and `dtype` as for `Metric`; takes targets and predictions of one shape (..., values),
    and weights.

    >>> float(metrics.Hinge()([[1.0, -1.0]], [[0.5, 0.5]]))
    1.0
    """

    function = staticmethod(functions.hinge)


class SquaredHinge(FunctionMetric):
    """The mean of `losses.squared_hinge`.

    `name` and `dtype` as for `Metric`; takes targets and predictions of one shape (..., values),
    and weights.

    >>> float(metrics.SquaredHinge()([[1.0, -1.0]], [[0.5, 0.5]]))
    1.25
    """

    function = staticmethod(functions.squared_hinge)


class CategoricalHinge(FunctionMetric):
    """The mean of `losses.categorical_hinge`.

    `name` and `dtype` as for `Metric`; takes targets and predictions of one shape (..., values),
    and weights.

    >>> round(float(metrics.CategoricalHinge()([[0.0, 1.0]], [[0.4, 0.6]])), 4)
    0.8
    """

    function = staticmethod(functions.categorical_hinge)


class LogCoshError(FunctionMetric):
    """The mean of `losses.log_cosh`.

    `name` and `dtype` as for `Metric`; takes targets and predictions of one shape (..., values),
    and weights.

    >>> round(float(metrics.LogCoshError()([[0.0, 0.0]], [[0.0, 1.0]])), 4)
    0.2169
    """

    function = staticmethod(functions.log_cosh)

    def __init__(self, name: str = "logcosh", dtype: Any = None):
        super().__init__(name, dtype)


def cosine(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """The cosine of the angle between target and prediction: 1 is the best, unlike for the loss."""
    return -functions.cosine_similarity(y_true, y_pred, axis)


class CosineSimilarity(FunctionMetric):
    """The mean cosine of the angle between target and prediction.

    `name` and `dtype` as for `Metric`; takes targets and predictions of one shape (..., values),
    and weights. `axis`: that of the vectors.

    >>> round(float(metrics.CosineSimilarity()([[3.0, 4.0]], [[4.0, 3.0]])), 4)
    0.96
    """

    function = staticmethod(cosine)

    def __init__(self, name: str | None = None, dtype: Any = None, axis: int = -1):
        super().__init__(name, dtype, axis=axis)


class RootMeanSquaredError(Mean):
    """The root of the mean squared error over all elements seen.

    `name` and `dtype` as for `Metric`; takes targets and predictions of one shape (..., values),
    and weights.

    >>> round(float(metrics.RootMeanSquaredError()([[0.0, 1.0]], [[1.0, 3.0]])), 4)
    1.5811
    """

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None):
        super().__init__(name, dtype)

    @op
    def update_state(  # type: ignore[override]  # as Keras has it
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        y_pred = ops.cast(as_tensors(y_pred), self.dtype)
        y_true, y_pred = match_ranks(ops.cast(as_tensors(y_true), self.dtype), y_pred)
        super().update_state(ops.square(y_true - y_pred), sample_weight)

    @op
    def result(self) -> Any:
        return ops.sqrt(super().result())


class BinaryCrossentropy(FunctionMetric):
    """The mean of `losses.binary_crossentropy`.

    `name` and `dtype` as for `Metric`; takes targets and predictions of one shape (..., values),
    and weights. `from_logits` and `label_smoothing` as for the loss.

    >>> round(float(metrics.BinaryCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.6931
    """

    function = staticmethod(functions.binary_crossentropy)

    def __init__(
        self,
        name: str | None = None,
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ):
        super().__init__(name, dtype, from_logits=from_logits, label_smoothing=label_smoothing)


class CategoricalCrossentropy(FunctionMetric):
    """The mean of `losses.categorical_crossentropy`.

    `name` and `dtype` as for `Metric`; takes targets and predictions of one shape (..., values),
    and weights. `from_logits`, `label_smoothing` and `axis` as for the loss.

    >>> round(float(metrics.CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.6931
    """

    function = staticmethod(functions.categorical_crossentropy)

    def __init__(
        self,
        name: str | None = None,
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(name, dtype, **options)


class SparseCategoricalCrossentropy(FunctionMetric):
    """The mean of `losses.sparse_categorical_crossentropy`.

    Takes class numbers, predictions (..., classes) and weights. `from_logits`, `ignore_class` and
    `axis` as for the loss, `name` and `dtype` as for `Metric`.

    >>> round(float(metrics.SparseCategoricalCrossentropy()([1], [[0.5, 0.5]])), 4)
    0.6931
    """

    function = staticmethod(functions.sparse_categorical_crossentropy)

    def __init__(
        self,
        name: str | None = None,
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ):
        options = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(name, dtype, **options)
