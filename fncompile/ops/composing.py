"""What ops that are written in other ops begin with: their operands as tensors with operators."""

from __future__ import annotations

from typing import Any

from fncompile.graph.tensor import Tensor
from fncompile.ir.dims import Shape
from fncompile.ops.dispatch import as_float, as_number, node, promote, promote_float


def tensor(x: Any, dtype: str | None = None) -> Tensor:
    """`x` as a tensor, in `dtype` when given."""
    return Tensor(node(x, dtype))


def number(x: Any) -> Tensor:
    """`x` as a tensor that can be counted with: a bool becomes int32."""
    return Tensor(as_number(x))


def real(x: Any) -> Tensor:
    """`x` as a floating-point tensor: whole numbers and bools become floatx."""
    return Tensor(as_float(x))


def common(*xs: Any) -> list[Tensor]:
    """All operands in their common dtype."""
    return [Tensor(n) for n in promote(*xs)]


def reals(*xs: Any) -> list[Tensor]:
    """All operands in one floating-point dtype: floatx where none of them is floating."""
    return [Tensor(n) for n in promote_float(*xs)]


def extents(x: Any) -> Shape:
    """The shape of a tensor with a symbol for each unknown extent, to be counted with."""
    return node(x).shape


def known(what: str, *extents: Any) -> list[int]:
    """The extents, which have to be known; ValueError where one is not."""
    if not all(isinstance(extent, int) for extent in extents):
        raise ValueError(f"{what} must be known when the program is made.")
    return list(extents)
