"""Reductions that leave NaN out."""

from __future__ import annotations

import math
from typing import Any

from fncompile.ir.types import is_float
from fncompile.ops.casting import cast
from fncompile.ops.composing import real, tensor
from fncompile.ops.dispatch import op
from fncompile.ops.elementwise import square
from fncompile.ops.functions import sqrt
from fncompile.ops.logic import isnan, logical_not, where
from fncompile.ops.reductions import all as all_of
from fncompile.ops.reductions import argmax, argmin, cumprod, cumsum, prod
from fncompile.ops.reductions import max as max_of
from fncompile.ops.reductions import min as min_of
from fncompile.ops.reductions import sum as sum_of
from fncompile.ops.types import Axis, DTypeLike, Result, TensorLike


def _filled(x: TensorLike, value: float) -> Any:
    """`x` with `value` for NaN; whole numbers as they are."""
    x = tensor(x)
    return where(isnan(x), value, x) if is_float(x.dtype) else x


@op
def nansum(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Result:
    """The sum of what is not NaN.

    `x`: a tensor; `axis`: one axis, several, or None for all; `keepdims` leaves extents of 1.

    >>> ops.nansum([1.0, np.nan, 2.0])
    array(3., dtype=float32)
    """
    return sum_of(_filled(x, 0.0), axis, keepdims)


@op
def nanprod(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Result:
    """The product of what is not NaN.

    `x`: a tensor; `axis`: one axis, several, or None for all; `keepdims` leaves extents of 1.

    >>> ops.nanprod([3.0, np.nan, 2.0])
    array(6., dtype=float32)
    """
    return prod(_filled(x, 1.0), axis, keepdims)


@op
def nanmax(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Result:
    """The largest of what is not NaN; NaN where there is nothing else.

    `x`: a tensor; `axis`: one axis, several, or None for all; `keepdims` leaves extents of 1.

    >>> ops.nanmax([1.0, np.nan, 2.0])
    array(2., dtype=float32)
    """
    return _or(math.nan, x, max_of(_filled(x, -math.inf), axis, keepdims), axis, keepdims)


@op
def nanmin(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Result:
    """The smallest of what is not NaN; NaN where there is nothing else.

    `x`: a tensor; `axis`: one axis, several, or None for all; `keepdims` leaves extents of 1.

    >>> ops.nanmin([1.0, np.nan, 2.0])
    array(1., dtype=float32)
    """
    return _or(math.nan, x, min_of(_filled(x, math.inf), axis, keepdims), axis, keepdims)


def _or(nothing: float, x: TensorLike, found: Any, axis: Axis, keepdims: bool) -> Any:
    """`found`, but `nothing` where all of `x` is NaN."""
    x = tensor(x)
    if not is_float(x.dtype):
        return found
    return where(all_of(isnan(x), axis, keepdims), nothing, found)


@op
def nanargmax(x: TensorLike, axis: int | None = None, keepdims: bool = False) -> Result:
    """The position of the first largest of what is not NaN; -1 where there is nothing else.

    `x`: a tensor; `axis`: one axis, or None for the flattened tensor; `keepdims` leaves extents of
    1. As in Keras.

    >>> ops.nanargmax([1.0, np.nan, 2.0])
    array(2, dtype=int32)
    """
    return _or(-1, x, argmax(_filled(x, -math.inf), axis, keepdims), axis, keepdims)


@op
def nanargmin(x: TensorLike, axis: int | None = None, keepdims: bool = False) -> Result:
    """The position of the first smallest of what is not NaN; -1 where there is nothing else.

    `x`: a tensor; `axis`: one axis, or None for the flattened tensor; `keepdims` leaves extents of
    1. As in Keras.

    >>> ops.nanargmin([1.0, np.nan, 2.0])
    array(0, dtype=int32)
    """
    return _or(-1, x, argmin(_filled(x, math.inf), axis, keepdims), axis, keepdims)


@op
def nanmean(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Result:
    """The mean of what is not NaN; NaN where there is nothing else.

    `x`: a tensor; `axis`: one axis, several, or None for all; `keepdims` leaves extents of 1.

    >>> ops.nanmean([1.0, np.nan, 2.0])
    array(1.5, dtype=float32)
    """
    x = real(x)
    return nansum(x, axis, keepdims) / _count(x, axis, keepdims)


def _count(x: Any, axis: Axis, keepdims: bool) -> Any:
    return sum_of(cast(logical_not(isnan(x)), x.dtype), axis, keepdims)


@op
def nanvar(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Result:
    """The mean squared distance from the mean, of what is not NaN.

    `x`: a tensor; `axis`: one axis, several, or None for all; `keepdims` leaves extents of 1.

    >>> ops.nanvar([1.0, np.nan, 3.0])
    array(1., dtype=float32)
    """
    x = real(x)
    return nanmean(square(x - nanmean(x, axis, keepdims=True)), axis, keepdims)


@op
def nanstd(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Result:
    """The root of the mean squared distance from the mean, of what is not NaN.

    `x`: a tensor; `axis`: one axis, several, or None for all; `keepdims` leaves extents of 1.

    >>> ops.nanstd([1.0, np.nan, 5.0])
    array(2., dtype=float32)
    """
    return sqrt(nanvar(x, axis, keepdims))


@op
def nancumsum(x: TensorLike, axis: int | None = None, dtype: DTypeLike | None = None) -> Result:
    """Sums of all elements up to each one, NaN counted as 0.

    `x`: a tensor; `axis`: one axis, or None for the flattened tensor; `dtype`: of the result.

    >>> ops.nancumsum([1.0, np.nan, 2.0])
    array([1., 1., 3.], dtype=float32)
    """
    return cumsum(_filled(x, 0.0), _only(axis), dtype)


@op
def nancumprod(x: TensorLike, axis: int | None = None, dtype: DTypeLike | None = None) -> Result:
    """Products of all elements up to each one, NaN counted as 1.

    `x`: a tensor; `axis`: one axis, or None for the flattened tensor; `dtype`: of the result.

    >>> ops.nancumprod([3.0, np.nan, 2.0])
    array([3., 3., 6.], dtype=float32)
    """
    return cumprod(_filled(x, 1.0), _only(axis), dtype)


def _only(axis: Any) -> int | None:
    """The one axis of a tuple."""
    return axis[0] if isinstance(axis, (tuple, list)) and len(axis) == 1 else axis
