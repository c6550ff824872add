"""Tensors made from a shape or a few numbers. Shapes may hold symbolic extents."""

from __future__ import annotations

import math
import operator
from typing import Any

from fncompile.config import floatx
from fncompile.ir import build
from fncompile.ir.dims import Poly
from fncompile.ir.node import Node
from fncompile.ops.axes import canonical_axis, canonical_dim, canonical_shape
from fncompile.ops.dispatch import node, op, promote_float, standard_dtype
from fncompile.ops.types import Axis, DTypeLike, Extent, Result, ShapeLike, TensorLike


def _dtype(dtype: Any, default: str) -> str:
    return default if dtype is None else standard_dtype(dtype)


@op
def zeros(shape: ShapeLike, dtype: DTypeLike | None = None) -> Result:
    """Zeros, of floatx by default.

    `shape`: extents, or one; `dtype`: a name or None.

    >>> ops.zeros((2, 2))
    array([[0., 0.],
           [0., 0.]], dtype=float32)
    """
    return build.full(canonical_shape(shape), 0, _dtype(dtype, floatx()))


@op
def ones(shape: ShapeLike, dtype: DTypeLike | None = None) -> Result:
    """Ones, of floatx by default.

    `shape`: extents, or one; `dtype`: a name or None.

    >>> ops.ones((2,), "int32")
    array([1, 1], dtype=int32)
    """
    return build.full(canonical_shape(shape), 1, _dtype(dtype, floatx()))


empty = zeros


@op
def full(shape: ShapeLike, fill_value: TensorLike, dtype: DTypeLike | None = None) -> Result:
    """`fill_value` broadcast to `shape`, of floatx by default.

    `shape`: extents, or one; `fill_value`: a number or a tensor that broadcasts; `dtype`: a name or
    None.

    >>> ops.full((2, 2), 7)
    array([[7., 7.],
           [7., 7.]], dtype=float32)
    """
    return build.broadcast_to(node(fill_value, _dtype(dtype, floatx())), canonical_shape(shape))


@op
def zeros_like(x: TensorLike, dtype: DTypeLike | None = None) -> Result:
    """Zeros in the shape and dtype of `x`.

    `x`: a tensor; `dtype`: another dtype, or None.

    >>> ops.zeros_like([1, 2])
    array([0, 0], dtype=int32)
    """
    x = node(x)
    return build.full(x.shape, 0, _dtype(dtype, x.dtype))


@op
def ones_like(x: TensorLike, dtype: DTypeLike | None = None) -> Result:
    """Ones in the shape and dtype of `x`.

    `x`: a tensor; `dtype`: another dtype, or None.

    >>> ops.ones_like([1.5, 2.5])
    array([1., 1.], dtype=float32)
    """
    x = node(x)
    return build.full(x.shape, 1, _dtype(dtype, x.dtype))


empty_like = zeros_like


@op
def full_like(x: TensorLike, fill_value: TensorLike, dtype: DTypeLike | None = None) -> Result:
    """`fill_value` in the shape and dtype of `x`.

    `x`: a tensor; `fill_value`: a number or a tensor that broadcasts; `dtype`: another dtype, or
    None.

    >>> ops.full_like([1, 2], 7)
    array([7, 7], dtype=int32)
    """
    x = node(x)
    return build.broadcast_to(node(fill_value, _dtype(dtype, x.dtype)), x.shape)


@op
def copy(x: TensorLike) -> Result:
    """A tensor of the same numbers; a mask does not come with it.

    `x`: a tensor or array of any shape.

    >>> ops.copy([1, 2])
    array([1, 2], dtype=int32)
    """
    return node(x)


@op
def arange(
    start: Any, stop: Any = None, step: Any = None, dtype: DTypeLike | None = None
) -> Result:
    """`start`, `start + step`, … before `stop`; with one argument from 0.

    int32 by default, floatx where a float is among the arguments. The bounds are numbers; a
    symbolic extent may be `stop` when `start` is 0 and `step` is 1.

    ValueError where `step` is 0.

    >>> ops.arange(5), ops.arange(0.0, 1.0, 0.25)
    (array([0, 1, 2, 3, 4], dtype=int32), array([0.  , 0.25, 0.5 , 0.75], dtype=float32))
    """
    start, stop = (0, start) if stop is None else (start, stop)
    step = 1 if step is None else step
    if step == 0:
        raise ValueError("`step` must not be zero.")
    floating = any(isinstance(v, float) for v in (start, stop, step))
    dtype = _dtype(dtype, floatx() if floating else "int32")
    if isinstance(stop, Poly) and step == 1:
        count = stop - start
    else:
        count = max(0, math.ceil((stop - start) / step))
    return _ramp(count, start, step, dtype)


def _ramp(count, start, step, dtype: str) -> Node:
    """Computed in float64 when a step is not whole, so that rounding happens once."""
    whole = all(float(v).is_integer() for v in (start, step))
    kind = dtype if whole else "float64"
    steps = build.ew("mul", build.iota((count,), 0, kind), build.const(step, kind))
    return build.cast(build.ew("add", steps, build.const(start, kind)), dtype)


@op
def linspace(
    start: TensorLike,
    stop: TensorLike,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: DTypeLike | None = None,
    axis: Axis = 0,
) -> Result:
    """`num` equally spaced numbers from `start` to `stop`, along a new `axis`.

    `start`, `stop`: numbers or tensors that broadcast; `endpoint`: whether `stop` is the last
    number; `retstep`: give the step too; `dtype`: that of the bounds, or floatx, if None.

    >>> ops.linspace(0, 1, 5)
    array([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
    """
    a, b = promote_float(start, stop)
    a, b = (build.broadcast_to(x, build.broadcast_shapes(a.shape, b.shape)) for x in (a, b))
    axis, num = canonical_axis(axis, a.ndim + 1), operator.index(num)
    gaps = num - 1 if endpoint else num
    step = build.ew("div", build.ew("sub", b, a), build.like(a, gaps if gaps else math.nan))
    shape = (*a.shape[:axis], num, *a.shape[axis:])
    index, one = build.iota(shape, axis), lambda x: build.expand_dims(x, (axis,))
    out = build.ew("add", one(a), build.ew("mul", build.cast(index, a.dtype), one(step)))
    if endpoint and num > 1:
        out = build.ew("select", build.ew("eq", index, build.like(index, num - 1)), one(b), out)
    if num == 1:
        out = one(a)
    out = build.cast(out, _dtype(dtype, a.dtype))
    return (out, step) if retstep else out


def _compare(fn: str, shape, k: int) -> Node:
    """Compares row + k with column, over the last two axes of `shape`."""
    row, column = build.iota(shape, len(shape) - 2), build.iota(shape, len(shape) - 1)
    return build.ew(fn, column, build.ew("add", row, build.like(row, k)))


def _matrix_shape(n, m):
    return canonical_dim(n), canonical_dim(n if m is None else m)


@op
def eye(N: Extent, M: Extent | None = None, k: int = 0, dtype: DTypeLike | None = None) -> Result:
    """Ones on the diagonal `k` of an N×M matrix of zeros.

    `N`, `M`: extents, `M` as `N` if None; `k`: how far above the main diagonal; `dtype`: floatx if
    None.

    >>> ops.eye(2, 3)
    array([[1., 0., 0.],
           [0., 1., 0.]], dtype=float32)
    """
    return build.cast(_compare("eq", _matrix_shape(N, M), k), _dtype(dtype, floatx()))


@op
def identity(n: Extent, dtype: DTypeLike | None = None) -> Result:
    """The n×n matrix with ones on the diagonal.

    `n`: the extent; `dtype`: floatx if None.

    >>> ops.identity(2, "int32")
    array([[1, 0],
           [0, 1]], dtype=int32)
    """
    return build.cast(_compare("eq", _matrix_shape(n, None), 0), _dtype(dtype, floatx()))


@op
def tri(N: Extent, M: Extent | None = None, k: int = 0, dtype: DTypeLike | None = None) -> Result:
    """Ones on and below the diagonal `k` of an N×M matrix of zeros.

    `N`, `M`: extents, `M` as `N` if None; `k`: how far above the main diagonal; `dtype`: floatx if
    None.

    >>> ops.tri(3, dtype="int32")
    array([[1, 0, 0],
           [1, 1, 0],
           [1, 1, 1]], dtype=int32)
    """
    return build.cast(_compare("le", _matrix_shape(N, M), k), _dtype(dtype, floatx()))


@op
def tril(x: TensorLike, k: int = 0) -> Result:
    """`x` with zeros above the diagonal `k` of its last two axes.

    `x`: a tensor of rank 2 or more; `k`: how far above the main diagonal.

    >>> ops.tril([[1, 2], [3, 4]])
    array([[1, 0],
           [3, 4]], dtype=int32)
    """
    x = node(x)
    return build.ew("select", _compare("le", x.shape, k), x, build.like(x, 0))


@op
def triu(x: TensorLike, k: int = 0) -> Result:
    """`x` with zeros below the diagonal `k` of its last two axes.

    `x`: a tensor of rank 2 or more; `k`: how far above the main diagonal.

    >>> ops.triu([[1, 2], [3, 4]])
    array([[1, 2],
           [0, 4]], dtype=int32)
    """
    x = node(x)
    return build.ew("select", _compare("le", x.shape, k - 1), build.like(x, 0), x)


@op
def meshgrid(*x: TensorLike, indexing: str = "xy") -> Result:
    """Grids of coordinates from vectors, in Cartesian ("xy") or matrix ("ij") order.

    `x`: tensors, flattened; `indexing`: ValueError for any other. The result is a list of tensors
    of one shape.

    >>> ops.meshgrid([1, 2], [3, 4, 5])[0]
    array([[1, 2],
           [1, 2],
           [1, 2]], dtype=int32)
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"Valid values for `indexing` are 'xy' and 'ij', but received {indexing}")
    axes = [build.reshape(v, (v.type.size,)) for v in map(node, x)]
    order = list(range(len(axes)))
    if indexing == "xy" and len(axes) > 1:
        order[:2] = [1, 0]
    shape = tuple(axes[i].shape[0] for i in order)
    return [_along(v, shape, order.index(i)) for i, v in enumerate(axes)]


def _along(v: Node, shape, axis: int) -> Node:
    return build.broadcast_to(
        build.reshape(v, [v.shape[0] if i == axis else 1 for i in range(len(shape))]), shape
    )
