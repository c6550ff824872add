"""What users may pass as axes and shapes, checked and brought into one form."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from fncompile.ir.dims import Dim as Dim
from fncompile.ir.dims import Poly, Shape
from fncompile.ir.dims import divide_checked as divide_checked  # these three for layers and losses
from fncompile.ir.dims import is_static as is_static
from fncompile.ir.dims import product as product


def canonical_axis(axis: Any, ndim: int) -> int:
    """`axis` counted from the front; negative ones count from the end, as in NumPy."""
    axis = operator.index(axis)
    if not -ndim <= axis < ndim:
        raise ValueError(f"axis {axis} is out of bounds for an array with dimension {ndim}.")
    return axis % ndim


def canonical_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """One axis, several, or None for all, as a tuple counted from the front."""
    if axis is None:
        return tuple(range(ndim))
    many = axis if isinstance(axis, (tuple, list)) else (axis,)
    axes = tuple(canonical_axis(a, ndim) for a in many)
    if len(set(axes)) != len(axes):
        raise ValueError(f"Axes must be different from each other. Received: axis={axis}")
    return axes


def canonical_dim(dim: Any) -> Dim:
    """An extent as int or symbolic dimension."""
    if isinstance(dim, Poly):
        return dim
    if dim is None:
        raise ValueError(
            "A shape cannot hold None here; use ops.shape(x)[i] for an unknown extent."
        )
    return operator.index(dim)


def canonical_shape(shape: Any) -> Shape:
    """A shape as a tuple; a single extent stands for a shape of rank 1."""
    many: Sequence[Any] = shape if isinstance(shape, (tuple, list)) else _as_sequence(shape)
    dims = tuple(canonical_dim(d) for d in many)
    if any(isinstance(d, int) and d < 0 for d in dims):
        raise ValueError(f"Extents of a shape cannot be negative. Received: shape={tuple(many)}")
    return dims


def _as_sequence(shape: Any) -> Sequence[Any]:
    if isinstance(shape, Poly) or not hasattr(shape, "__iter__"):
        return (shape,)
    return tuple(shape)


def differ(a: Dim, b: Dim) -> bool:
    """Whether two extents are known, and different."""
    return isinstance(a, int) and isinstance(b, int) and a != b


def display(shape: Sequence[Dim | None]) -> tuple[int | None, ...]:
    """A shape as users see it: None where the extent is unknown."""
    return tuple(d if isinstance(d, int) else None for d in shape)
