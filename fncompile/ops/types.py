"""What ops take and give, as annotations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from fncompile.graph.tensor import KerasTensor, Tensor
from fncompile.graph.variable import Variable
from fncompile.ir.dims import Poly
from fncompile.ir.node import Node

# A tensor of the graph or of a trace, an array, a variable, a number, or nested lists of them.
TensorLike: TypeAlias = (
    np.ndarray | np.generic | KerasTensor | Tensor | Variable | Node | Poly | Sequence[Any] | float
)
# What comes out: an array of arrays, a KerasTensor where one is among the arguments, a Tensor
# inside a layer's `call`. All three have shape, dtype and Python's operators.
Result: TypeAlias = Any
Axis: TypeAlias = int | Sequence[int] | None
Extent: TypeAlias = int | Poly
ShapeLike: TypeAlias = int | Poly | Sequence[Any] | np.ndarray
DTypeLike: TypeAlias = str | np.dtype | type
