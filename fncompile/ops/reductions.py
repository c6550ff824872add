"""Reductions over axes, and cumulative sums.

`axis` is None (all axes), an int or a tuple; `keepdims` leaves extents of 1 behind. The reduction
of nothing is the identity where it has one; max, min and their positions raise ValueError.
"""

from __future__ import annotations

from fncompile.ir import build
from fncompile.ir.dims import product
from fncompile.ir.node import Node
from fncompile.ir.types import DTYPES
from fncompile.ops.axes import canonical_axes, canonical_axis
from fncompile.ops.dispatch import (
    as_float,
    as_number,
    node,
    op,
    promote_float,
    standard_dtype,
    widened,
)
from fncompile.ops.logic import truth
from fncompile.ops.types import Axis, DTypeLike, Result, TensorLike

_SUM_DTYPE = {"bool": "int32", **dict.fromkeys(("int8", "int16"), "int32")}
_SUM_DTYPE |= dict.fromkeys(("uint8", "uint16"), "uint32")


def for_sum(x) -> Node:
    """`x` in the dtype in which it is added up: small integers in 32 bits."""
    x = node(x)
    return build.cast(x, _SUM_DTYPE.get(x.dtype, x.dtype))


@op
def sum(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Result:
    """The sum; of bools and narrow integers in 32 bits.

    `x`: a tensor; `axis`: one axis, several, or None for all; `keepdims` leaves extents of 1 in
    their place. ValueError for an axis that `x` does not have.

    >>> ops.sum([[1, 2], [3, 4]], axis=0)
    array([4, 6], dtype=int32)
    """
    x = for_sum(x)
    return build.reduce(x, "sum", canonical_axes(axis, x.ndim), keepdims)


@op
def prod(
    x: TensorLike, axis: Axis = None, keepdims: bool = False, dtype: DTypeLike | None = None
) -> Result:
    """The product; of bools and narrow integers in 32 bits.

    `x`: a tensor; `axis`: one axis, several, or None for all; `keepdims` leaves extents of 1 in
    their place. ValueError for an axis that `x` does not have. `dtype`: what to multiply in.

    >>> ops.prod([[1, 2], [3, 4]], axis=1)
    array([ 2, 12], dtype=int32)
    """
    x = for_sum(x) if dtype is None else node(x, standard_dtype(dtype))
    return build.reduce(x, "prod", canonical_axes(axis, x.ndim), keepdims)


@op
def mean(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Result:
    """The arithmetic mean, in floating point; NaN of nothing.

    `x`: a tensor; `axis`: one axis, several, or None for all; `keepdims` leaves extents of 1 in
    their place. ValueError for an axis that `x` does not have.

    >>> ops.mean([[1, 2], [3, 4]], axis=0, keepdims=True)
    array([[2., 3.]], dtype=float32)
    """
    x = as_float(x)
    return build.mean(x, canonical_axes(axis, x.ndim), keepdims)


@op
def var(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Result:
    """The mean squared distance from the mean (no Bessel correction).

    `x`: a tensor; `axis`: one axis, several, or None for all; `keepdims` leaves extents of 1 in
    their place. ValueError for an axis that `x` does not have.

    >>> ops.var([1.0, 3.0])
    array(1., dtype=float32)
    """
    x = as_float(x)
    return variance(x, canonical_axes(axis, x.ndim), keepdims)


@op
def std(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Result:
    """The square root of the variance.

    `x`: a tensor; `axis`: one axis, several, or None for all; `keepdims` leaves extents of 1 in
    their place. ValueError for an axis that `x` does not have.

    >>> ops.std([1.0, 3.0])
    array(1., dtype=float32)
    """
    x = as_float(x)
    return build.ew("sqrt", variance(x, canonical_axes(axis, x.ndim), keepdims))


def variance(x: Node, axes: tuple[int, ...], keepdims: bool) -> Node:
    """Of bfloat16 in float32, rounded at the end."""
    wide = widened(x)
    deviation = build.ew("sub", wide, build.mean(wide, axes, keepdims=True))
    return build.cast(build.mean(build.ew("mul", deviation, deviation), axes, keepdims), x.dtype)


@op
def max(
    x: TensorLike, axis: Axis = None, keepdims: bool = False, initial: TensorLike | None = None
) -> Result:
    """The largest element, and at least `initial`; NaN wins.

    `x`: a tensor; `axis`: one axis, several, or None for all; `keepdims` leaves extents of 1 in
    their place. ValueError for an axis that `x` does not have. `initial`: a number or tensor.
    ValueError for the maximum of nothing.

    >>> ops.max([[1, 2], [3, 4]], axis=1)
    array([2, 4], dtype=int32)
    """
    return _extremum("max", x, axis, keepdims, initial)


@op
def min(
    x: TensorLike, axis: Axis = None, keepdims: bool = False, initial: TensorLike | None = None
) -> Result:
    """The smallest element, and at most `initial`; NaN wins.

    `x`: a tensor; `axis`: one axis, several, or None for all; `keepdims` leaves extents of 1 in
    their place. ValueError for an axis that `x` does not have. `initial`: a number or tensor.
    ValueError for the minimum of nothing.

    >>> ops.min([[1, 2], [3, 4]], axis=1)
    array([1, 3], dtype=int32)
    """
    return _extremum("min", x, axis, keepdims, initial)


amax, amin = max, min


def _extremum(kind: str, x, axis, keepdims: bool, initial) -> Node:
    x = node(x)
    axes = canonical_axes(axis, x.ndim)
    if initial is None and product(x.shape[a] for a in axes) == 0:
        raise ValueError(f"zero-size array to reduction operation {kind} which has no identity")
    out = build.reduce(as_number(x), kind, axes, keepdims)
    if initial is not None:
        out = build.ew(kind, out, build.cast(node(initial, x.dtype), out.dtype))
    return build.cast(out, x.dtype)


@op
def any(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Result:
    """Is one element not zero?

    `x`: a tensor; `axis`: one axis, several, or None for all; `keepdims` leaves extents of 1 in
    their place. ValueError for an axis that `x` does not have. The result is bool.

    >>> ops.any([[0, 0], [0, 4]], axis=1)
    array([False,  True])
    """
    return _bools("max", x, axis, keepdims)


@op
def all(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Result:
    """Is no element zero?

    `x`: a tensor; `axis`: one axis, several, or None for all; `keepdims` leaves extents of 1 in
    their place. ValueError for an axis that `x` does not have. The result is bool.

    >>> ops.all([[1, 2], [0, 4]], axis=1)
    array([ True, False])
    """
    return _bools("min", x, axis, keepdims)


def _bools(kind: str, x, axis, keepdims: bool) -> Node:
    """As integers; the identities of max and min are on the right side of 0."""
    out = build.reduce(
        build.cast(truth(x), "int32"), kind, canonical_axes(axis, node(x).ndim), keepdims
    )
    return build.ew("lt", build.like(out, 0), out)


@op
def count_nonzero(x: TensorLike, axis: Axis = None) -> Result:
    """How many elements are not zero, as int32.

    `x`: a tensor of any dtype; `axis`: one axis, several, or None for all.

    >>> ops.count_nonzero([[1, 0], [3, 4]], axis=0)
    array([2, 1], dtype=int32)
    """
    x = node(x)
    return build.reduce(build.cast(truth(x), "int32"), "sum", canonical_axes(axis, x.ndim))


@op
def argmax(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Result:
    """The position of the first maximum, as int32; of the flattened tensor if `axis` is None.

    `x`: a tensor; `axis`: one axis or None; `keepdims` leaves an extent of 1. ValueError for the
    maximum of nothing.

    >>> ops.argmax([[1, 7, 7], [9, 3, 4]], axis=1)
    array([1, 0], dtype=int32)
    """
    return _position(as_number(x), axis, keepdims)


@op
def argmin(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Result:
    """The position of the first minimum, as int32.

    `x`: a tensor; `axis`: one axis or None; `keepdims` leaves an extent of 1. ValueError for the
    minimum of nothing.

    >>> ops.argmin([[1, 7, 7], [9, 3, 4]], axis=1)
    array([0, 1], dtype=int32)
    """
    return _position(_reversed_order(as_number(x)), axis, keepdims)


def _reversed_order(x: Node) -> Node:
    """Larger becomes smaller, exactly: -x, or -1 - x since -x of the least integer wraps."""
    if DTYPES[x.dtype].kind == "f":
        return build.ew("neg", x)
    ones = 2 ** (8 * DTYPES[x.dtype].size) - 1 if DTYPES[x.dtype].kind == "u" else -1
    return build.ew("sub", build.like(x, ones), x)


def _position(x: Node, axis, keepdims: bool) -> Node:
    flat = build.reshape(x, (x.type.size,)) if axis is None else x
    axis = 0 if axis is None else canonical_axis(axis, x.ndim)
    if flat.shape[axis] == 0:
        raise ValueError("attempt to get argmax of an empty sequence")
    out = build.argmax(flat, axis)
    if not keepdims:
        return out
    return build.reshape(out, (1,) * x.ndim if flat is not x else _with_one(x.shape, axis))


def _with_one(shape, axis: int):
    return (*shape[:axis], 1, *shape[axis + 1 :])


@op
def logsumexp(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Result:
    """`log(sum(exp(x)))` without overflow; -inf of nothing.

    `x`: a tensor; `axis`: one axis, several, or None for all; `keepdims` leaves extents of 1 in
    their place. ValueError for an axis that `x` does not have.

    >>> ops.logsumexp([[1000.0, 1000.0]], axis=1).round(3)
    array([1000.693], dtype=float32)
    """
    x = as_float(x)
    axes = canonical_axes(axis, x.ndim)
    peak = build.stop_gradient(build.reduce(x, "max", axes, keepdims=True))
    infinite = build.ew("eq", build.ew("abs", peak), build.like(peak, float("inf")))
    peak = build.ew("select", infinite, build.like(peak, 0), peak)  # inf - inf would be NaN
    total = build.reduce(build.ew("exp", build.ew("sub", x, peak)), "sum", axes, keepdims=True)
    out = build.ew("add", build.ew("log", total), peak)
    return out if keepdims else build.reshape(out, build.reduce(x, "max", axes).shape)


@op
def cumsum(x: TensorLike, axis: Axis = None, dtype: DTypeLike | None = None) -> Result:
    """Sums of all elements up to each one along `axis`, or of the flattened tensor.

    `x`: a tensor; `axis`: one axis or None; `dtype`: what to add in. The result has the shape of
    `x`, or rank 1.

    >>> ops.cumsum([[1, 2], [3, 4]], axis=1)
    array([[1, 3],
           [3, 7]], dtype=int32)
    """
    return _cumulative("sum", 0, x, axis, dtype)


@op
def cumprod(x: TensorLike, axis: Axis = None, dtype: DTypeLike | None = None) -> Result:
    """Products of all elements up to each one along `axis`, or of the flattened tensor.

    `x`: a tensor; `axis`: one axis or None; `dtype`: what to multiply in. The result has the shape
    of `x`, or rank 1.

    >>> ops.cumprod([1, 2, 3, 4])
    array([ 1,  2,  6, 24], dtype=int32)
    """
    return _cumulative("prod", 1, x, axis, dtype)


def _cumulative(kind: str, neutral: int, x, axis, dtype: DTypeLike | None) -> Node:
    """Element j reduces over an added axis of the elements i <= j; others count as neutral."""
    x = as_number(x) if dtype is None else node(x, standard_dtype(dtype))
    if axis is None:
        x, axis = build.reshape(x, (x.type.size,)), 0
    axis = canonical_axis(axis, x.ndim)
    terms = build.expand_dims(x, (axis + 1,))
    shape = (*x.shape[: axis + 1], *x.shape[axis:])
    upto = build.ew("le", build.iota(shape, axis), build.iota(shape, axis + 1))
    return build.reduce(build.ew("select", upto, terms, build.like(x, neutral)), kind, (axis,))


@op
def average(x: TensorLike, axis: Axis = None, weights: TensorLike | None = None) -> Result:
    """The mean, weighted by `weights` of the shape of `x`, or of rank 1 along one `axis`.

    `x`: a tensor; `axis`: one axis, several, or None for all.

    >>> ops.average([1.0, 2.0], weights=[3.0, 1.0])
    array(1.25, dtype=float32)
    """
    if weights is None:
        x = as_float(x)
        return build.mean(x, canonical_axes(axis, x.ndim))
    x, weights = promote_float(x, weights)
    axes = canonical_axes(axis, x.ndim)
    if weights.ndim != x.ndim and weights.ndim == 1 and len(axes) == 1:
        weights = build.expand_dims(weights, [i for i in range(x.ndim) if i != axes[0]])
    weights = build.broadcast_to(weights, x.shape)
    total = build.reduce(build.ew("mul", x, weights), "sum", axes)
    return build.ew("div", total, build.reduce(weights, "sum", axes))
