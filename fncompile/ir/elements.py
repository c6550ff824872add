"""Elements in memory and values at hand, of dtypes that differ in the two.

Values of bfloat16 and float16 are float32 arrays, whose numbers these can hold. In memory float16
is what NumPy calls so; bfloat16, which NumPy has not, a uint16 array of bit patterns: sign, 8 bits
of exponent and 7 of fraction, the upper half of a float32. `decode` and `encode` go between the
two, and leave arrays of all other dtypes as they are; both may be given either form. Rounding is to
nearest, ties to even; a NaN stays one, and becomes quiet.
"""

from __future__ import annotations

from functools import cache
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
    row = DTYPES[dtype]
    if not row.widens or array.dtype != row.storage:
        return array
    return from_bits(array) if row.outside else array.astype(row.numpy)


def encode(values: Any, dtype: str) -> np.ndarray:
    """Values as elements in memory, which are those of `DType.storage`."""
    array, row = np.asarray(values), DTYPES[dtype]
    if array.dtype == row.storage:
        return array
    if row.outside:
        return to_bits(array)
    if not row.widens:
        return array.astype(row.storage)
    with np.errstate(over="ignore"):  # what is too large becomes infinite, as it should
        return array.astype(row.storage)


def fit(values: np.ndarray, dtype: str) -> np.ndarray:
    """`values` as those of `dtype`: in its array dtype, and rounded where it is narrower."""
    array, row = np.asarray(values), DTYPES[dtype]
    if row.widens:
        return decode(encode(decode(array, dtype), dtype), dtype)
    return array.astype(row.numpy, copy=False)


def shown(array: np.ndarray, dtype: str) -> np.ndarray:
    """Elements or values as arrays that go in or out, variables and files have them."""
    return decode(array, dtype) if DTYPES[dtype].outside else encode(array, dtype)


def result(values: np.ndarray, dtype: str) -> np.ndarray:
    """Values as an eager call gives them: its caller computes on, and the dtype decides in which.

    Of bfloat16 in the dtype that the package ml_dtypes adds to NumPy, as Keras on JAX gives them;
    as float32 where that package is not there.
    """
    added = _added(dtype) if DTYPES[dtype].outside else None
    return shown(values, dtype) if added is None else encode(values, dtype).view(added)


@cache
def _added(dtype: str) -> np.dtype | None:
    """What the package ml_dtypes, which takes its time to be imported, adds to NumPy."""
    try:
        import ml_dtypes
    except ImportError:
        return None
    return np.dtype(getattr(ml_dtypes, dtype))
