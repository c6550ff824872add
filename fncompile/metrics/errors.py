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
    """The mean of `losses.mean_squared_error`."""

    function = staticmethod(functions.mean_squared_error)


class MeanAbsoluteError(FunctionMetric):
    """The mean of `losses.mean_absolute_error`."""

    function = staticmethod(functions.mean_absolute_error)


class MeanAbsolutePercentageError(FunctionMetric):
    """The mean of `losses.mean_absolute_percentage_error`."""

    function = staticmethod(functions.mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(FunctionMetric):
    """The mean of `losses.mean_squared_logarithmic_error`."""

    function = staticmethod(functions.mean_squared_logarithmic_error)


class KLDivergence(FunctionMetric):
    """The mean of `losses.kl_divergence`."""

    function = staticmethod(functions.kl_divergence)


class Poisson(FunctionMetric):
    """The mean of `losses.poisson`."""

    function = staticmethod(functions.poisson)


class Hinge(FunctionMetric):
    """The mean of `losses.hinge`."""

    function = staticmethod(functions.hinge)


class SquaredHinge(FunctionMetric):
    """The mean of `losses.squared_hinge`."""

    function = staticmethod(functions.squared_hinge)


class CategoricalHinge(FunctionMetric):
    """The mean of `losses.categorical_hinge`."""

    function = staticmethod(functions.categorical_hinge)


class LogCoshError(FunctionMetric):
    """The mean of `losses.log_cosh`."""

    function = staticmethod(functions.log_cosh)

    def __init__(self, name: str = "logcosh", dtype: Any = None):
        super().__init__(name, dtype)


def cosine(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """The cosine of the angle between target and prediction: 1 is the best, unlike for the loss."""
    return -functions.cosine_similarity(y_true, y_pred, axis)


class CosineSimilarity(FunctionMetric):
    """The mean cosine of the angle between target and prediction."""

    function = staticmethod(cosine)

    def __init__(self, name: str | None = None, dtype: Any = None, axis: int = -1):
        super().__init__(name, dtype, axis=axis)


class RootMeanSquaredError(Mean):
    """The root of the mean squared error over all elements seen."""

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None):
        super().__init__(name, dtype)

    @op
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_pred = ops.cast(as_tensors(y_pred), self.dtype)
        y_true, y_pred = match_ranks(ops.cast(as_tensors(y_true), self.dtype), y_pred)
        super().update_state(ops.square(y_true - y_pred), sample_weight)

    @op
    def result(self) -> Any:
        return ops.sqrt(super().result())


class BinaryCrossentropy(FunctionMetric):
    """The mean of `losses.binary_crossentropy`."""

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
    """The mean of `losses.categorical_crossentropy`."""

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
    """The mean of `losses.sparse_categorical_crossentropy`."""

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
