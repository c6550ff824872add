"""Constraints on weights: functions from a weight to a weight, applied after each update.

`axis` names the axes over which a norm is taken: 0 for the incoming weights of each Dense unit.
"""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.config import epsilon
from fncompile.identifiers import Described, Family, by_name
from fncompile.missing import explain_missing


class Constraint(Described):
    """Base: `__call__(w)` gives the constrained weight, here `w` itself; `get_config` the
    arguments.

    >>> class Halve(constraints.Constraint):
    ...     def __call__(self, w):
    ...         return w / 2
    >>> Halve()(np.ones(2, "float32"))
    array([0.5, 0.5], dtype=float32)
    """

    def __call__(self, w: Any) -> Any:
        return w

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Constraint:
        """A constraint from what `get_config` gave."""
        return cls(**config)


def _norms(w: Any, axis: Any) -> Any:
    return ops.sqrt(ops.sum(ops.square(w), axis=axis, keepdims=True))


class MaxNorm(Constraint):
    """Scale down weights whose norm is over `max_value`.

    `max_value`: a number; `axis`: one axis or several. The result has the shape of the weight.

    >>> constraints.MaxNorm(1.0)(np.array([[3.0], [4.0]], "float32")).round(3)
    array([[0.6],
           [0.8]], dtype=float32)
    """

    def __init__(self, max_value: float = 2, axis: Any = 0):
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        norms = _norms(w, self.axis)
        return w * (ops.clip(norms, 0.0, self.max_value) / (epsilon() + norms))

    def get_config(self) -> dict[str, Any]:
        return {"max_value": self.max_value, "axis": self.axis}


class NonNeg(Constraint):
    """Set negative weights to 0.

    Takes and gives a tensor of any shape.

    >>> constraints.NonNeg()(np.array([-1.0, 2.0], "float32"))
    array([-0.,  2.], dtype=float32)
    """

    def __call__(self, w: Any) -> Any:
        return w * ops.cast(w >= 0.0, w.dtype)


class UnitNorm(Constraint):
    """Scale weights to norm 1.

    `axis`: one axis or several. The result has the shape of the weight.

    >>> constraints.UnitNorm()(np.array([[3.0], [4.0]], "float32")).round(3)
    array([[0.6],
           [0.8]], dtype=float32)
    """

    def __init__(self, axis: Any = 0):
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        return w / (epsilon() + _norms(w, self.axis))

    def get_config(self) -> dict[str, Any]:
        return {"axis": self.axis}


class MinMaxNorm(Constraint):
    """Move the norm of weights the fraction `rate` of the way to [min_value, max_value].

    `axis`: one axis or several. The result has the shape of the weight.

    >>> constraints.MinMaxNorm(0.0, 1.0)(np.array([[3.0], [4.0]], "float32")).round(3)
    array([[0.6],
           [0.8]], dtype=float32)
    """

    def __init__(
        self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0
    ):
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        norms = _norms(w, self.axis)
        inside = ops.clip(norms, self.min_value, self.max_value)
        wanted = self.rate * inside + (1.0 - self.rate) * norms
        return w * (wanted / (epsilon() + norms))

    def get_config(self) -> dict[str, Any]:
        return {
            "min_value": self.min_value,
            "max_value": self.max_value,
            "rate": self.rate,
            "axis": self.axis,
        }


max_norm, non_neg, unit_norm, min_max_norm = MaxNorm, NonNeg, UnitNorm, MinMaxNorm

_FAMILY = Family("constraint", Constraint, by_name((MaxNorm, NonNeg, UnitNorm, MinMaxNorm)))
get = _FAMILY.get
deserialize = _FAMILY.deserialize
serialize = _FAMILY.serialize

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]

explain_missing(__name__, "Another can be written as a subclass of `constraints.Constraint`.")
