"""The base of losses, and the losses that wrap a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fncompile import ops
from fncompile.config import floatx
from fncompile.graph.naming import checked_text, to_snake_case
from fncompile.graph.nest import flatten, map_structure
from fncompile.graph.required import required
from fncompile.graph.tensor import Tensor
from fncompile.identifiers import Described
from fncompile.losses.reduction import check_reduction, match_ranks, reduce_weighted
from fncompile.ops.dispatch import compute_dtype, op


class Loss(Described):
    """Base of losses: a subclass's `call(y_true, y_pred)` gives one value per sample.

    Calling the loss weights and reduces those values: see `reduction.reduce_weighted`. A mask that
    `y_pred` or the values carry leaves out what it marks False.

    `reduction`: "sum_over_batch_size", "sum", "mean", "mean_with_sample_weight" or "none" (None),
    ValueError otherwise; `name`: made from the class if None; `dtype`: what to compute in, floatx
    if None.

    >>> class Distance(losses.Loss):
    ...     def call(self, y_true, y_pred):
    ...         return ops.mean(abs(y_true - y_pred), axis=-1)
    >>> round(float(Distance()([[0.0, 1.0]], [[1.0, 3.0]])), 4)
    1.5
    """

    # Whether targets are taken in the dtype of the loss; class numbers stay integers.
    float_targets = True

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
    ):
        self.name = checked_text(name) or to_snake_case(type(self).__name__)
        self.reduction = check_reduction(reduction)
        self.dtype = compute_dtype(dtype) if dtype else floatx()

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One value per sample; a subclass overrides it."""
        raise NotImplementedError("Loss subclasses must implement `call(self, y_true, y_pred)`.")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """A scalar, or with reduction "none" the weighted values. ValueError if shapes differ."""
        return _evaluate(self, y_true, y_pred, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        """A loss from what `get_config` gave."""
        return cls(**config)


@op
def _evaluate(loss: Loss, y_true: Any, y_pred: Any, sample_weight: Any) -> Any:
    mask = getattr(y_pred, "_keras_mask", None)
    y_pred = cast_all(y_pred, loss.dtype)
    y_true = cast_all(y_true, loss.dtype) if loss.float_targets else as_tensors(y_true)
    values = loss.call(y_true, y_pred)
    own_mask = getattr(values, "_keras_mask", None)
    values = ops.cast(values, loss.dtype)
    if own_mask is not None and mask is not None:
        mask = ops.logical_and(mask, own_mask)
    mask = own_mask if mask is None else mask
    weights = None if sample_weight is None else ops.cast(sample_weight, loss.dtype)
    return reduce_weighted(values, weights, mask, loss.reduction)


def as_tensors(structure: Any) -> Any:
    """Nested lists of numbers as one tensor; structures of tensors as they are."""
    if any(isinstance(x, Tensor) for x in flatten(structure)):
        return structure
    return ops.convert_to_tensor(structure)


def cast_all(structure: Any, dtype: str) -> Any:
    """Every tensor of a structure in `dtype`."""
    return map_structure(lambda x: ops.cast(x, dtype), as_tensors(structure))


class FunctionLoss(Loss):
    """A loss whose values are `function(y_true, y_pred, **options)`."""

    function: Callable[..., Any]

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **options: Any,
    ):
        super().__init__(name, reduction, dtype)
        self.options = options

    def call(self, y_true: Any, y_pred: Any) -> Any:
        if isinstance(y_true, Tensor) and isinstance(y_pred, Tensor):
            y_true, y_pred = match_ranks(y_true, y_pred)
        return self.function(y_true, y_pred, **self.options)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.options}


class LossFunctionWrapper(FunctionLoss):
    """Any function of (y_true, y_pred, **kwargs) as a loss.

    `fn`: gives one value per sample; `reduction`, `name` and `dtype` as for `Loss`, the name that
    of `fn` if None.

    >>> loss = losses.LossFunctionWrapper(losses.huber, delta=2.0)
    >>> float(loss([[0.0, 0.0]], [[1.0, 3.0]]))
    2.25
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        super().__init__(reduction, name or getattr(fn, "__name__", None), dtype, **kwargs)
        self.function = fn

    def get_config(self) -> dict[str, Any]:
        from fncompile.saving import serialize_keras_object

        return {**super().get_config(), "fn": serialize_keras_object(self.function)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        from fncompile.saving import deserialize_keras_object

        function = deserialize_keras_object(required(config, "fn", cls.__name__))
        return cls(**{**config, "fn": function})
