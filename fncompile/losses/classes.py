"""The losses of Keras, each a function of `functions` with its options."""

from __future__ import annotations

from typing import Any

from fncompile.losses import functions
from fncompile.losses.loss import FunctionLoss


class MeanSquaredError(FunctionLoss):
    """`functions.mean_squared_error`, weighted and reduced.

    Called with targets and predictions (..., values), and weights if need be; `reduction`, `name`
    and `dtype` as for `Loss`.

    >>> float(losses.MeanSquaredError()([[0.0, 1.0]], [[1.0, 3.0]]))
    2.5
    >>> loss = losses.MeanSquaredError(reduction="none")
    >>> loss([[0.0], [1.0]], [[1.0], [3.0]], sample_weight=[1.0, 0.5])
    array([1., 2.], dtype=float32)
    """

    function = staticmethod(functions.mean_squared_error)


class MeanAbsoluteError(FunctionLoss):
    """`functions.mean_absolute_error`, weighted and reduced.

    Called with targets and predictions (..., values), and weights if need be; `reduction`, `name`
    and `dtype` as for `Loss`.

    >>> float(losses.MeanAbsoluteError()([[0.0, 1.0]], [[1.0, 3.0]]))
    1.5
    """

    function = staticmethod(functions.mean_absolute_error)


class MeanAbsolutePercentageError(FunctionLoss):
    """`functions.mean_absolute_percentage_error`, weighted and reduced.

    Called with targets and predictions (..., values), and weights if need be; `reduction`, `name`
    and `dtype` as for `Loss`.

    >>> float(losses.MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 4.0]]))
    25.0
    """

    function = staticmethod(functions.mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(FunctionLoss):
    """`functions.mean_squared_logarithmic_error`, weighted and reduced.

    Called with targets and predictions (..., values), and weights if need be; `reduction`, `name`
    and `dtype` as for `Loss`.

    >>> round(float(losses.MeanSquaredLogarithmicError()([[0.0, 1.0]], [[0.0, 3.0]])), 4)
    0.2402
    """

    function = staticmethod(functions.mean_squared_logarithmic_error)


class LogCosh(FunctionLoss):
    """`functions.log_cosh`, weighted and reduced.

    Called with targets and predictions (..., values), and weights if need be; `reduction`, `name`
    and `dtype` as for `Loss`.

    >>> round(float(losses.LogCosh()([[0.0, 0.0]], [[0.0, 1.0]])), 4)
    0.2169
    """

    function = staticmethod(functions.log_cosh)


class KLDivergence(FunctionLoss):
    """`functions.kl_divergence`, weighted and reduced.

    Called with targets and predictions (..., values), and weights if need be; `reduction`, `name`
    and `dtype` as for `Loss`.

    >>> round(float(losses.KLDivergence()([[0.5, 0.5]], [[0.9, 0.1]])), 4)
    0.5108
    """

    function = staticmethod(functions.kl_divergence)


class Poisson(FunctionLoss):
    """`functions.poisson`, weighted and reduced.

    Called with targets and predictions (..., values), and weights if need be; `reduction`, `name`
    and `dtype` as for `Loss`.

    >>> round(float(losses.Poisson()([[1.0, 1.0]], [[1.0, 2.0]])), 4)
    1.1534
    """

    function = staticmethod(functions.poisson)


class Hinge(FunctionLoss):
    """`functions.hinge`, weighted and reduced.

    Called with targets and predictions (..., values), and weights if need be; `reduction`, `name`
    and `dtype` as for `Loss`.

    >>> float(losses.Hinge()([[1.0, -1.0]], [[0.5, 0.5]]))
    1.0
    """

    function = staticmethod(functions.hinge)


class SquaredHinge(FunctionLoss):
    """`functions.squared_hinge`, weighted and reduced.

    Called with targets and predictions (..., values), and weights if need be; `reduction`, `name`
    and `dtype` as for `Loss`.

    >>> float(losses.SquaredHinge()([[1.0, -1.0]], [[0.5, 0.5]]))
    1.25
    """

    function = staticmethod(functions.squared_hinge)


class CategoricalHinge(FunctionLoss):
    """`functions.categorical_hinge`, weighted and reduced.

    Called with targets and predictions (..., values), and weights if need be; `reduction`, `name`
    and `dtype` as for `Loss`.

    >>> round(float(losses.CategoricalHinge()([[0.0, 1.0]], [[0.4, 0.6]])), 4)
    0.8
    """

    function = staticmethod(functions.categorical_hinge)


class Huber(FunctionLoss):
    """`functions.huber`, weighted and reduced.

    Called with targets and predictions (..., values), and weights if need be; `reduction`, `name`
    and `dtype` as for `Loss`. `delta`: where the parabola becomes a line.

    >>> float(losses.Huber(delta=2.0)([[0.0, 0.0]], [[1.0, 3.0]]))
    2.25
    """

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
    """`functions.cosine_similarity`, weighted and reduced.

    Called with targets and predictions (..., values), and weights if need be; `reduction`, `name`
    and `dtype` as for `Loss`. `axis`: that of the vectors.

    >>> round(float(losses.CosineSimilarity()([[3.0, 4.0]], [[4.0, 3.0]])), 4)
    -0.96
    """

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
    """`functions.binary_crossentropy`, weighted and reduced.

    Called with targets and predictions (..., values), and weights if need be; `reduction`, `name`
    and `dtype` as for `Loss`. `from_logits`, `label_smoothing` and `axis` as for the function.

    >>> round(float(losses.BinaryCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.6931
    """

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
    """`functions.categorical_crossentropy`, weighted and reduced; targets are one-hot.

    Called with targets and predictions (..., values), and weights if need be; `reduction`, `name`
    and `dtype` as for `Loss`. `from_logits`, `label_smoothing` and `axis` as for the function.

    >>> loss = losses.CategoricalCrossentropy(from_logits=True)
    >>> round(float(loss([[0.0, 1.0]], [[2.0, 2.0]])), 4)
    0.6931
    """

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
    """`functions.sparse_categorical_crossentropy`, weighted and reduced; targets are ints.

    Called with targets and predictions (..., values), and weights if need be; `reduction`, `name`
    and `dtype` as for `Loss`. `from_logits`, `ignore_class` and `axis` as for the function.

    >>> loss = losses.SparseCategoricalCrossentropy(ignore_class=0)
    >>> round(float(loss([1, 0], [[0.5, 0.5], [0.5, 0.5]])), 4)
    0.6931
    """

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
