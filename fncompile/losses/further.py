"""Losses of regions, embeddings and sequences, and focal ones, as classes."""

from __future__ import annotations

from typing import Any

from fncompile.losses import focal, regions
from fncompile.losses.loss import FunctionLoss

_REDUCTION = "sum_over_batch_size"


class BinaryFocalCrossentropy(FunctionLoss):
    """`losses.binary_focal_crossentropy` of targets of 0 and 1.

    `apply_class_balancing`, `alpha`, `gamma`, `from_logits`, `label_smoothing`, `axis` as for the
    function; `reduction`, `name` and `dtype` as for `Loss`.

    >>> round(float(losses.BinaryFocalCrossentropy()([[0.0, 1.0]], [[0.4, 0.9]])), 4)
    0.0414
    """

    function = staticmethod(focal.binary_focal_crossentropy)

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = _REDUCTION,
        name: str | None = "binary_focal_crossentropy",
        dtype: Any = None,
    ):
        options = {
            "apply_class_balancing": apply_class_balancing,
            "alpha": alpha,
            "gamma": gamma,
            "from_logits": from_logits,
            "label_smoothing": label_smoothing,
            "axis": axis,
        }
        super().__init__(reduction, name, dtype, **options)


class CategoricalFocalCrossentropy(FunctionLoss):
    """`losses.categorical_focal_crossentropy` of one-hot targets.

    `alpha`, `gamma`, `from_logits`, `label_smoothing`, `axis` as for the function; `reduction`,
    `name` and `dtype` as for `Loss`.

    >>> round(float(losses.CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.4, 0.6]])), 4)
    0.0204
    """

    function = staticmethod(focal.categorical_focal_crossentropy)

    def __init__(
        self,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = _REDUCTION,
        name: str | None = "categorical_focal_crossentropy",
        dtype: Any = None,
    ):
        options = {
            "alpha": alpha,
            "gamma": gamma,
            "from_logits": from_logits,
            "label_smoothing": label_smoothing,
            "axis": axis,
        }
        super().__init__(reduction, name, dtype, **options)


class CategoricalGeneralizedCrossEntropy(FunctionLoss):
    """`losses.categorical_generalized_cross_entropy` of class numbers.

    `q` as for the function; `reduction`, `name` and `dtype` as for `Loss`.

    >>> round(float(losses.CategoricalGeneralizedCrossEntropy()([1], [[0.4, 0.6]])), 4)
    0.4508
    """

    function = staticmethod(focal.categorical_generalized_cross_entropy)
    float_targets = False

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = _REDUCTION,
        name: str | None = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ):
        super().__init__(reduction, name, dtype, q=q)


class Circle(FunctionLoss):
    """`losses.circle` of labels and embeddings of length 1.

    `gamma`, `margin`, `remove_diagonal` as for the function; `reduction`, `name` and `dtype` as
    for `Loss`.

    >>> x = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    >>> round(float(losses.Circle(gamma=2.0)([0, 0, 1], x)), 3)
    0.614
    """

    function = staticmethod(regions.circle)
    float_targets = False

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = _REDUCTION,
        name: str | None = "circle",
        dtype: Any = None,
    ):
        options = {"gamma": gamma, "margin": margin, "remove_diagonal": remove_diagonal}
        super().__init__(reduction, name, dtype, **options)


class Dice(FunctionLoss):
    """`losses.dice` of regions that overlap.

    `axis` as for the function; `reduction`, `name` and `dtype` as for `Loss`.

    >>> round(float(losses.Dice()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.5
    """

    function = staticmethod(regions.dice)

    def __init__(
        self,
        reduction: str | None = _REDUCTION,
        name: str | None = "dice",
        axis: Any = None,
        dtype: Any = None,
    ):
        super().__init__(reduction, name, dtype, axis=axis)


class Tversky(FunctionLoss):
    """`losses.tversky` of regions that overlap.

    `alpha`, `beta`, `axis` as for the function; `reduction`, `name` and `dtype` as for `Loss`.

    >>> round(float(losses.Tversky()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.5
    """

    function = staticmethod(regions.tversky)

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = _REDUCTION,
        name: str | None = "tversky",
        axis: Any = None,
        dtype: Any = None,
    ):
        super().__init__(reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)


class CTC(FunctionLoss):
    """`losses.ctc` of class numbers and logits.

    `reduction`, `name` and `dtype` as for `Loss`.

    >>> round(float(losses.CTC()([[1, 2]], np.zeros((1, 3, 3)))), 4)
    1.6864
    """

    function = staticmethod(regions.ctc)
    float_targets = False

    def __init__(
        self,
        reduction: str | None = _REDUCTION,
        name: str | None = "ctc",
        dtype: Any = None,
    ):
        super().__init__(reduction, name, dtype)
