"""The losses of Keras, each a function of `functions` with its options."""

from __future__ import annotations

from typing import Any

from fncompile.losses import functions
from fncompile.losses.loss import FunctionLoss


class MeanSquaredError(FunctionLoss):
    """`functions.mean_squared_error`, weighted and reduced."""

    function = staticmethod(functions.mean_squared_error)


class MeanAbsoluteError(FunctionLoss):
    """`functions.mean_absolute_error`, weighted and reduced."""

    function = staticmethod(functions.mean_absolute_error)


class MeanAbsolutePercentageError(FunctionLoss):
    """`functions.mean_absolute_percentage_error`, weighted and reduced."""

    function = staticmethod(functions.mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(FunctionLoss):
    """`functions.mean_squared_logarithmic_error`, weighted and reduced."""

    function = staticmethod(functions.mean_squared_logarithmic_error)


class LogCosh(FunctionLoss):
    """`functions.log_cosh`, weighted and reduced."""

    function = staticmethod(functions.log_cosh)


class KLDivergence(FunctionLoss):
    """`functions.kl_divergence`, weighted and reduced."""

    function = staticmethod(functions.kl_divergence)


class Poisson(FunctionLoss):
    """`functions.poisson`, weighted and reduced."""

    function = staticmethod(functions.poisson)


class Hinge(FunctionLoss):
    """`functions.hinge`, weighted and reduced."""

    function = staticmethod(functions.hinge)


class SquaredHinge(FunctionLoss):
    """`functions.squared_hinge`, weighted and reduced."""

    function = staticmethod(functions.squared_hinge)


class CategoricalHinge(FunctionLoss):
    """`functions.categorical_hinge`, weighted and reduced."""

    function = staticmethod(functions.categorical_hinge)


class Huber(FunctionLoss):
    """`functions.huber`, weighted and reduced."""

    function = staticmethod(functions.huber)

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "huber_loss",
        dtype: Any = None,
    ):
        super().__init__(reduction, name, dtype, delta=delta)


class CosineSimilarity(FunctionLoss):
    """`functions.cosine_similarity`, weighted and reduced."""

    function = staticmethod(functions.cosine_similarity)

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "cosine_similarity",
        dtype: Any = None,
    ):
        super().__init__(reduction, name, dtype, axis=axis)


class BinaryCrossentropy(FunctionLoss):
    """`functions.binary_crossentropy`, weighted and reduced."""

    function = staticmethod(functions.binary_crossentropy)

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_crossentropy",
        dtype: Any = None,
    ):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(reduction, name, dtype, **options)


class CategoricalCrossentropy(FunctionLoss):
    """`functions.categorical_crossentropy`, weighted and reduced; targets are one-hot."""

    function = staticmethod(functions.categorical_crossentropy)

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_crossentropy",
        dtype: Any = None,
    ):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(reduction, name, dtype, **options)


class SparseCategoricalCrossentropy(FunctionLoss):
    """`functions.sparse_categorical_crossentropy`, weighted and reduced; targets are ints."""

    function = staticmethod(functions.sparse_categorical_crossentropy)
    float_targets = False

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ):
        axis_option = {} if axis == -1 else {"axis": axis}  # older Keras has no such argument
        options = {"from_logits": from_logits, "ignore_class": ignore_class, **axis_option}
        super().__init__(reduction, name, dtype, **options)
