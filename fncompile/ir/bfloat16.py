"""Numbers of bfloat16 in NumPy, which has no such dtype.

A value is a float32 array whose numbers bfloat16 can hold: sign, 8 bits of exponent and 7 of
fraction, the upper half of a float32. In memory it is a uint16 array of these bit patterns.
`decode` and `encode` go between the two, and leave arrays of all other dtypes as they are; both may
be given either form. Rounding is to nearest, ties to even; a NaN stays one, and becomes quiet.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile.ir.types import DTYPES

_QUIET = np.uint32(0x00400000)


def rounded(x: np.ndarray) -> np.ndarray:
    """The nearest bfloat16 numbers, as float32."""
    return from_bits(to_bits(x))


def to_bits(x: np.ndarray) -> np.ndarray:
    """float32 numbers as bit patterns of the nearest bfloat16 ones, uint16."""
    flat = np.ascontiguousarray(x, np.float32)  # never of rank 0, whose overflow would warn
    bits = flat.view(np.uint32)
    even = (bits >> 16) & np.uint32(1)
    near = np.where(np.isnan(flat), bits | _QUIET, bits + np.uint32(0x7FFF) + even)
    return (near >> 16).astype(np.uint16).reshape(np.shape(x))


def from_bits(bits: np.ndarray) -> np.ndarray:
    """Bit patterns of bfloat16 as float32 numbers, exactly."""
    return np.asarray(np.asarray(bits, np.uint32) << 16).view(np.float32)


def decode(array: np.ndarray, dtype: str) -> np.ndarray:
    """The values of an array of elements in memory."""
    narrow = dtype == "bfloat16" and array.dtype == np.uint16
    return from_bits(array) if narrow else array


def encode(values: Any, dtype: str) -> np.ndarray:
    """Values as elements in memory, which are those of `DType.storage`."""
    array = np.asarray(values)
    if array.dtype == DTYPES[dtype].storage:
        return array
    return to_bits(array) if dtype == "bfloat16" else array.astype(DTYPES[dtype].storage)


def fit(values: np.ndarray, dtype: str) -> np.ndarray:
    """`values` as those of `dtype`: in its array dtype, and rounded where bfloat16 is narrower."""
    array = np.asarray(values)
    if dtype == "bfloat16":
        return rounded(decode(array, dtype))
    return array.astype(DTYPES[dtype].numpy, copy=False)
