"""`KerasTensor` and `Variable` as users get them: operators and initializers by name are there."""

from __future__ import annotations

from fncompile import initializers, ops  # noqa: F401  # they tell graph/ what they do
from fncompile.graph.tensor import KerasTensor
from fncompile.graph.variable import Variable

__all__ = ["KerasTensor", "Variable"]
