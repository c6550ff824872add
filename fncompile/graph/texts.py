"""Strings in the user's graph, which no program holds: their dtype, symbolic type and arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile.ir.dims import Dim
from fncompile.ir.types import TensorType

STRING = "string"


class TextType(TensorType):
    """The type of a symbolic tensor of strings."""

    def __init__(self, shape: tuple[Dim, ...]):
        object.__setattr__(self, "dtype", STRING)
        object.__setattr__(self, "shape", shape)


def type_of(dtype: str, shape: tuple[Dim, ...]) -> TensorType:
    """The type of a tensor of numbers or strings."""
    return TextType(shape) if dtype == STRING else TensorType(dtype, shape)


def dtype_of(x: Any) -> str:
    """The dtype of an array or tensor, "string" where it is text."""
    if isinstance(x, np.ndarray):
        return STRING if x.dtype.kind in "USOT" else x.dtype.name
    return str(x.dtype)


def strings(x: Any) -> np.ndarray:
    """Data for an input of strings; ValueError for numbers."""
    array = np.asarray(x)
    if dtype_of(array) != STRING:
        raise ValueError(
            f"An input of strings got an array of {array.dtype}. Pass text, or numbers as text."
        )
    return array
