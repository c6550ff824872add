"""Penalties on weights and activities, added to the loss once per batch.

A regularizer is a callable from a tensor to a scalar. Formulas are Keras': `L2` has no factor 1/2.
"""

from __future__ import annotations

import math
from typing import Any

from fncompile import ops
from fncompile.identifiers import Described, Family, by_name
from fncompile.missing import explain_missing


class Regularizer(Described):
    """Base: `__call__(x)` gives the scalar penalty; `get_config` the constructor's arguments.

    >>> class Cubes(regularizers.Regularizer):
    ...     def __call__(self, x):
    ...         return ops.sum(abs(x) ** 3)
    >>> float(Cubes()(np.array([1.0, 2.0], "float32")))
    9.0
    """

    def __call__(self, x: Any) -> Any:
        raise NotImplementedError("Regularizer subclasses must implement the `__call__()` method.")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON."""
        raise NotImplementedError(f"{self} does not implement get_config()")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Regularizer:
        """A regularizer from what `get_config` gave."""
        return cls(**config)


def _factor(name: str, value: Any) -> float:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or math.isnan(value) or math.isinf(value) or value < 0:
        raise ValueError(
            f"Invalid value for argument {name}: expected a non-negative float. Received: "
            f"{name}={value}"
        )
    return float(value)


def _l1(x: Any, factor: float) -> Any:
    return factor * ops.sum(ops.absolute(x))


def _l2(x: Any, factor: float) -> Any:
    return factor * ops.sum(ops.square(x))


class L1L2(Regularizer):
    """`l1 * sum(|x|) + l2 * sum(x**2)`.

    `l1`, `l2`: numbers not below 0, ValueError otherwise; None is 0.

    >>> float(regularizers.L1L2(1.0, 1.0)(np.array([1.0, -2.0], "float32")))
    8.0
    """

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0):
        self.l1 = _factor("l1", 0.0 if l1 is None else l1)
        self.l2 = _factor("l2", 0.0 if l2 is None else l2)

    def __call__(self, x: Any) -> Any:
        terms = [fn(x, factor) for fn, factor in ((_l1, self.l1), (_l2, self.l2)) if factor]
        return sum(terms[1:], terms[0]) if terms else ops.zeros(())

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1, "l2": self.l2}


class L1(Regularizer):
    """`l1 * sum(|x|)`.

    `l1`: a number not below 0, ValueError otherwise.

    >>> float(regularizers.L1(0.5)(np.array([1.0, -2.0], "float32")))
    1.5
    """

    def __init__(self, l1: float | None = 0.01):
        self.l1 = _factor("l1", 0.01 if l1 is None else l1)

    def __call__(self, x: Any) -> Any:
        return _l1(x, self.l1)

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1}


class L2(Regularizer):
    """`l2 * sum(x**2)`.

    `l2`: a number not below 0, ValueError otherwise.

    >>> float(regularizers.L2(0.5)(np.array([1.0, -2.0], "float32")))
    2.5
    """

    def __init__(self, l2: float | None = 0.01):
        self.l2 = _factor("l2", 0.01 if l2 is None else l2)

    def __call__(self, x: Any) -> Any:
        return _l2(x, self.l2)

    def get_config(self) -> dict[str, Any]:
        return {"l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """`factor` times the mean absolute cosine between different rows (or columns) of a matrix.

    `mode`: "rows" or "columns", ValueError otherwise; takes tensors of rank 2, ValueError
    otherwise.

    >>> float(regularizers.OrthogonalRegularizer(1.0)(np.eye(2, dtype="float32")))
    0.0
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows"):
        if mode not in ("rows", "columns"):
            raise ValueError(
                'Invalid value for argument `mode`. Expected one of {"rows", "columns"}. '
                f"Received: mode={mode}"
            )
        self.factor = _factor("factor", factor)
        self.mode = mode

    def __call__(self, x: Any) -> Any:
        if len(x.shape) != 2:
            raise ValueError(
                "Inputs to OrthogonalRegularizer must have rank 2. Received: "
                f"inputs.shape={x.shape}"
            )
        rows = x if self.mode == "rows" else ops.transpose(x)
        rows = rows / ops.sqrt(ops.maximum(ops.sum(ops.square(rows), axis=1, keepdims=True), 1e-12))
        size = rows.shape[0]
        cosines = ops.matmul(rows, ops.transpose(rows)) * (1.0 - ops.eye(size))
        pairs = size * (size - 1) / 2
        return self.factor * 0.5 * ops.sum(ops.absolute(cosines)) / max(pairs, 1.0)

    def get_config(self) -> dict[str, Any]:
        return {"factor": self.factor, "mode": self.mode}


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer

_FAMILY = Family(
    "regularizer",
    Regularizer,
    by_name(
        (L1, L2, L1L2, OrthogonalRegularizer), {"l1_l2": L1L2, "orthogonal": OrthogonalRegularizer}
    ),
)
get = _FAMILY.get
deserialize = _FAMILY.deserialize
serialize = _FAMILY.serialize

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
    "serialize",
]

explain_missing(
    __name__, "Another can be written as a subclass of `regularizers.Regularizer`."
)
