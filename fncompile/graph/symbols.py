"""Symbolic extents: `B` for the batch, one symbol for every other `None` of an input's shape."""

from __future__ import annotations

import operator
import re
from collections.abc import Sequence
from numbers import Integral
from typing import Any

from fncompile.graph.tensor import KerasTensor
from fncompile.graph.texts import type_of
from fncompile.ir.dims import Dim, symbol
from fncompile.ir.types import TensorType

BATCH = symbol("B")


def symbolic_type(shape: Sequence[int | None], dtype: str, name: str) -> TensorType:
    """The type of an input of this shape, batch axis first: `(None, None, 3)` -> `[B, name_1,
    3]`."""
    extents = tuple(_extent(d, axis, name) for axis, d in enumerate(shape))
    return type_of(dtype, extents)


def _extent(dim: int | None, axis: int, name: str) -> Dim:
    if dim is not None:
        return int(dim)
    return BATCH if axis == 0 else symbol(f"{identifier(name)}_{axis}")


def identifier(name: str) -> str:
    """`name` as a C identifier; different names stay different."""
    safe = re.sub(r"\W", lambda m: f"_x{ord(m[0]):x}_", name, flags=re.ASCII)
    return safe if re.match(r"[A-Za-z]", safe) else f"n{safe}"


def placeholders_of_shapes(shapes: Any, dtype: str) -> Any:
    """A KerasTensor for each shape in a nested structure of shapes."""
    if isinstance(shapes, dict):
        return {key: placeholders_of_shapes(shapes[key], dtype) for key in sorted(shapes)}
    if is_shape(shapes):
        return KerasTensor.of(symbolic_type(shapes, dtype, "input"), "input")
    return type(shapes)(placeholders_of_shapes(shape, dtype) for shape in shapes)


def is_shape(x: Any) -> bool:
    """A tuple or list of integers and Nones."""
    return isinstance(x, (tuple, list)) and all(d is None or isinstance(d, Integral) for d in x)


def standardize_shape(shape: Any) -> tuple[int | None, ...]:
    """`shape` as a tuple of ints and Nones; ValueError with Keras' wording otherwise."""
    if not hasattr(shape, "__iter__"):
        raise ValueError(f"Cannot convert '{shape}' to a shape.")
    shape = tuple(shape)
    return tuple(_checked_dim(d, shape) for d in shape)


def _checked_dim(dim: Any, shape: tuple) -> int | None:
    if dim is None:
        return None
    try:
        size = operator.index(dim)
    except TypeError:
        raise ValueError(
            f"Cannot convert '{shape}' to a shape. Found invalid dimension '{dim}' of type "
            f"'{type(dim)}'."
        ) from None
    if size < 0:
        raise ValueError(
            f"Cannot convert '{shape}' to a shape. Negative dimensions are not allowed."
        )
    return size
