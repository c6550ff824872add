"""Values below which a given share of the elements lies."""

from __future__ import annotations

import math
from typing import Any

from fncompile.ops.axes import canonical_axes, product
from fncompile.ops.casting import cast
from fncompile.ops.composing import extents, real, tensor
from fncompile.ops.dispatch import op
from fncompile.ops.elementwise import ceil, floor, maximum
from fncompile.ops.elementwise import round as rounded
from fncompile.ops.indexing import take_along_axis
from fncompile.ops.logic import equal, isnan, where
from fncompile.ops.reductions import any as any_of
from fncompile.ops.reductions import sum as sum_of
from fncompile.ops.shaping import broadcast_to, expand_dims, moveaxis, reshape, transpose
from fncompile.ops.sorting import sort
from fncompile.ops.types import Axis, Result, TensorLike

_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


@op
def quantile(
    x: TensorLike,
    q: TensorLike,
    axis: Axis = None,
    method: str = "linear",
    keepdims: bool = False,
) -> Result:
    """The numbers that a share `q` of the elements lies below.

    `x`: a tensor; `q`: a share from 0 to 1, or a vector of them, which then is the first axis of
    the result. `axis`: one axis, several, or None for all; `keepdims` leaves extents of 1.
    `method`: what lies between two elements, "linear", "lower", "higher", "midpoint" or "nearest";
    ValueError otherwise. NaN where one element is NaN.

    >>> ops.quantile([1.0, 2.0, 3.0, 4.0], 0.5)
    array(2.5, dtype=float32)
    """
    return _quantiles(real(x), q, axis, method, keepdims, False)


@op
def nanquantile(
    x: TensorLike,
    q: TensorLike,
    axis: Axis = None,
    method: str = "linear",
    keepdims: bool = False,
) -> Result:
    """`quantile` of what is not NaN.

    `x`, `q`, `axis`, `method`, `keepdims` as for `quantile`; NaN where there is nothing else.

    >>> ops.nanquantile([1.0, np.nan, 3.0], 0.5)
    array(2., dtype=float32)
    """
    return _quantiles(real(x), q, axis, method, keepdims, True)


@op
def percentile(
    x: TensorLike,
    q: TensorLike,
    axis: Axis = None,
    method: str = "linear",
    keepdims: bool = False,
) -> Result:
    """`quantile` of `q` / 100.

    `x`, `axis`, `method`, `keepdims` as for `quantile`; `q`: from 0 to 100.

    >>> ops.percentile([1.0, 2.0, 3.0, 4.0], 50)
    array(2.5, dtype=float32)
    """
    return _quantiles(real(x), _share(q), axis, method, keepdims, False)


@op
def nanpercentile(
    x: TensorLike,
    q: TensorLike,
    axis: Axis = None,
    method: str = "linear",
    keepdims: bool = False,
) -> Result:
    """`percentile` of what is not NaN.

    `x`, `axis`, `method`, `keepdims` as for `quantile`; `q`: from 0 to 100.

    >>> ops.nanpercentile([1.0, np.nan, 3.0], 50)
    array(2., dtype=float32)
    """
    return _quantiles(real(x), _share(q), axis, method, keepdims, True)


def _share(q: TensorLike) -> Any:
    return q / 100.0 if isinstance(q, (int, float)) else cast(tensor(q), "float64") / 100.0


@op
def median(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Result:
    """The middle element, or the mean of the two in the middle.

    `x`: a tensor; `axis`: one axis, several, or None for all; `keepdims` leaves extents of 1.

    >>> ops.median([[3.0, 1.0, 2.0], [9.0, 7.0, 8.0]], axis=1)
    array([2., 8.], dtype=float32)
    """
    return _quantiles(real(x), 0.5, axis, "linear", keepdims, False)


@op
def nanmedian(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Result:
    """`median` of what is not NaN; NaN where there is nothing else.

    `x`: a tensor; `axis`: one axis, several, or None for all; `keepdims` leaves extents of 1.

    >>> ops.nanmedian([3.0, np.nan, 2.0])
    array(2.5, dtype=float32)
    """
    return _quantiles(real(x), 0.5, axis, "linear", keepdims, True)


def _quantiles(
    x: Any, q: TensorLike, axis: Axis, method: str, keepdims: bool, but_nan: bool
) -> Any:
    if method not in _METHODS:
        raise ValueError(f"`method` must be one of {_METHODS}. Received: method={method}")
    shape = extents(x)
    axes = canonical_axes(axis, len(shape))
    kept = [i for i in range(len(shape)) if i not in axes]
    rows = tuple(shape[i] for i in kept)
    flat = reshape(transpose(x, (*kept, *axes)), (*rows, product(shape[a] for a in axes)))
    missing = isnan(flat)
    ordered = sort(where(missing, math.inf, flat), axis=-1)
    count: Any = tensor(extents(flat)[-1], "int32")
    if but_nan:
        count = sum_of(cast(~missing, "int32"), axis=-1, keepdims=True)
    last = count - 1
    shares = cast(tensor(q), "float64")
    single = len(shares.shape) == 0
    found = _between(ordered, expand_dims(shares, 0) if single else shares, last, method)
    empty = (count < 1) if but_nan else any_of(missing, axis=-1, keepdims=True)
    found = where(empty, math.nan, found)
    if keepdims:
        found = reshape(found, (*(1 if i in axes else n for i, n in enumerate(shape)), -1))
    return found[..., 0] if single else moveaxis(found, -1, 0)


def _between(ordered: Any, shares: Any, last: Any, method: str) -> Any:
    """The elements at these shares of the way to the last one, along the last axis."""
    place = shares * cast(last, "float64")
    if method == "nearest":
        place = rounded(place)
    place = broadcast_to(maximum(place, 0.0), (*extents(ordered)[:-1], extents(shares)[0]))
    low, high = floor(place), ceil(place)
    below, above = (take_along_axis(ordered, cast(at, "int32"), axis=-1) for at in (low, high))
    fixed = {"lower": 0.0, "higher": 1.0, "midpoint": 0.5}
    part = cast(fixed.get(method, place - low), ordered.dtype)
    return where(equal(low, high), below, below * (1.0 - part) + above * part)
