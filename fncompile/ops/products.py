"""Products of vectors and matrices, and norms."""

from __future__ import annotations

import math
from typing import Any

from fncompile.ir import build
from fncompile.ir.dims import Dim, is_static
from fncompile.ir.infer import same_dim
from fncompile.ir.node import Node
from fncompile.ops.axes import canonical_axes, canonical_axis, display
from fncompile.ops.contraction import Labels, as_product, contract, operands
from fncompile.ops.dispatch import as_float, as_number, node, op, promote
from fncompile.ops.reductions import for_sum
from fncompile.ops.singular import singular_norm
from fncompile.ops.types import Axis, Result, TensorLike


@op
def matmul(x1: TensorLike, x2: TensorLike) -> Result:
    """The matrix product over the last two axes; leading axes broadcast, vectors as in NumPy.

    Raises ValueError where the inner extents differ or an operand is a scalar.

    `x1`, `x2`: tensors; of bools the result is bool, of int8 int32.

    >>> ops.matmul([[1, 2], [3, 4]], [1, 1])
    array([3, 7], dtype=int32)
    """
    a, b = operands(x1, x2)
    if not a.ndim or not b.ndim:
        raise ValueError("`matmul` does not take scalars; use `multiply`.")
    _check_inner(a, b)
    batch = range(max(a.ndim, b.ndim) - 2, 0, -1)
    la = [*batch[len(batch) - max(a.ndim - 2, 0) :], *["i", "k"][-a.ndim :]]
    lb = [*batch[len(batch) - max(b.ndim - 2, 0) :], *["k", "j"][: b.ndim]]
    out = [*batch, *(["i"] if a.ndim > 1 else []), *(["j"] if b.ndim > 1 else [])]
    return as_product(contract(a, la, b, lb, out), x1, x2, wide=True)


def _check_inner(a: Node, b: Node) -> None:
    inner = (a.shape[-1], b.shape[-2] if b.ndim > 1 else b.shape[0])
    if all(isinstance(n, int) for n in inner) and inner[0] != inner[1]:
        raise ValueError(
            "Inner dimensions (`x1.shape[-1]` and `x2.shape[-2]`) must be equal, but received "
            f"x1.shape={display(a.shape)} and x2.shape={display(b.shape)}"
        )


@op
def dot(x1: TensorLike, x2: TensorLike) -> Result:
    """NumPy's dot: over the last axis of `x1` and the last but one (or only) of `x2`.

    `x1`, `x2`: tensors, multiplied where one is a scalar. ValueError where the extents do not fit.

    >>> ops.dot([1, 2], [3, 4])
    array(11, dtype=int32)
    """
    a, b = operands(x1, x2)
    if not a.ndim or not b.ndim:
        return as_product(build.ew("mul", a, b), x1, x2)
    _check_inner(a, b)
    la = [*(("a", i) for i in range(a.ndim - 1)), "k"]
    lb: Labels = [("b", i) for i in range(b.ndim)]
    lb[max(b.ndim - 2, 0)] = "k"
    return as_product(contract(a, la, b, lb, _free(la, lb)), x1, x2)


def _free(la: list, lb: list) -> list:
    """The labels that are not summed over."""
    return [s for s in [*la, *lb] if s != "k"]


@op
def tensordot(x1: TensorLike, x2: TensorLike, axes: Any = 2) -> Result:
    """Sum of products over the last `axes` axes of `x1` and first of `x2`, or over two lists.

    `x1`, `x2`: tensors. ValueError where the extents do not fit.

    >>> ops.tensordot([[1, 2], [3, 4]], [10, 1], axes=1)
    array([12, 34], dtype=int32)
    """
    a, b = operands(x1, x2)
    if isinstance(axes, int):
        left, right = tuple(range(a.ndim - axes, a.ndim)), tuple(range(axes))
    else:
        left, right = canonical_axes(axes[0], a.ndim), canonical_axes(axes[1], b.ndim)
    if len(left) != len(right) or len(left) > min(a.ndim, b.ndim):
        raise ValueError(
            f"tensordot cannot pair axes={axes} of shapes {display(a.shape)} and {display(b.shape)}"
        )
    la = [("a", i) for i in range(a.ndim)]
    lb = [("a", left[right.index(i)]) if i in right else ("b", i) for i in range(b.ndim)]
    shared = [("a", i) for i in left]
    for i, j in zip(left, right):
        same_dim(a.shape[i], b.shape[j], "tensordot")
    out = contract(a, la, b, lb, [s for s in [*la, *lb] if s not in shared])
    return as_product(out, x1, x2)


@op
def vdot(x1: TensorLike, x2: TensorLike) -> Result:
    """The sum of products of all elements.

    `x1`, `x2`: tensors of as many elements. ValueError where the extents do not fit.

    >>> ops.vdot([[1, 2]], [[3, 4]])
    array(11, dtype=int32)
    """
    a, b = (build.reshape(x, (x.type.size,)) for x in operands(x1, x2))
    same_dim(a.shape[0], b.shape[0], "vdot")
    return as_product(contract(a, ["k"], b, ["k"], []), x1, x2)


@op
def inner(x1: TensorLike, x2: TensorLike) -> Result:
    """The sum of products over the last axes.

    `x1`, `x2`: tensors, multiplied where one is a scalar. ValueError where the extents do not fit.

    >>> ops.inner([[1, 2], [3, 4]], [1, 1])
    array([3, 7], dtype=int32)
    """
    a, b = operands(x1, x2)
    if not a.ndim or not b.ndim:
        return as_product(build.ew("mul", a, b), x1, x2)
    same_dim(a.shape[-1], b.shape[-1], "inner product over the last dimension")
    la, lb = ([*((side, i) for i in range(x.ndim - 1)), "k"] for side, x in (("a", a), ("b", b)))
    return as_product(contract(a, la, b, lb, _free(la, lb)), x1, x2)


@op
def outer(x1: TensorLike, x2: TensorLike) -> Result:
    """Every element of `x1` times every element of `x2`, as a matrix.

    `x1`, `x2`: tensors, which are flattened.

    >>> ops.outer([1, 2], [3, 4, 5])
    array([[ 3,  4,  5],
           [ 6,  8, 10]], dtype=int32)
    """
    a, b = operands(x1, x2)
    out = build.ew("mul", build.reshape(a, (a.type.size, 1)), build.reshape(b, (1, b.type.size)))
    return as_product(out, x1, x2)


@op
def diagonal(x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Result:
    """The diagonal of two axes, as the last axis of the result.

    ValueError where the extents are unknown and nothing tells which of them is the smaller.

    `x`: a tensor; `offset`: how far above the main diagonal; `axis1`, `axis2`: its rows and
    columns.

    >>> ops.diagonal([[1, 2], [3, 4]])
    array([1, 4], dtype=int32)
    """
    x = _matrices(node(x), axis1, axis2)
    rows, columns = x.shape[-2:]
    length = _diagonal_length(rows, columns, offset)
    if not (isinstance(rows, int) and isinstance(columns, int)):
        return build.slice_axis(_by_rows(x, offset), x.ndim - 2, max(-offset, 0), length)
    flat = build.reshape(x, (*x.shape[:-2], rows * columns))
    start = offset if offset >= 0 else -offset * columns
    return build.slice_axis(flat, flat.ndim - 1, start if length else 0, length, columns + 1)


def _matrices(x: Node, axis1: int, axis2: int) -> Node:
    """`x` with the two axes last."""
    i, j = canonical_axis(axis1, x.ndim), canonical_axis(axis2, x.ndim)
    return build.permute(x, [*(a for a in range(x.ndim) if a not in (i, j)), i, j])


def _diagonal_length(rows: Dim, columns: Dim, offset: int) -> Dim:
    high, wide = rows + min(offset, 0), columns - max(offset, 0)
    more = high - wide
    if not isinstance(more, int):
        raise ValueError(
            f"The length of a diagonal of {display((rows, columns))} is not known before the "
            "program runs. Give both extents, or make them the same extent."
        )
    shorter = high if more <= 0 else wide
    return max(0, shorter) if isinstance(shorter, int) else shorter


def _on_diagonal(x: Node, offset: int) -> Node:
    """Where column - row is `offset`, over the last two axes."""
    row, column = build.iota(x.shape, x.ndim - 2), build.iota(x.shape, x.ndim - 1)
    return build.ew("eq", column, build.ew("add", row, build.like(row, offset)))


def _by_rows(x: Node, offset: int) -> Node:
    """The element of each row that is on the diagonal, 0 where there is none."""
    numbers = as_number(x)
    chosen = build.ew("select", _on_diagonal(x, offset), numbers, build.like(numbers, 0))
    return build.cast(build.reduce(chosen, "sum", (x.ndim - 1,)), x.dtype)


@op
def diag(x: TensorLike, k: int = 0) -> Result:
    """The diagonal `k` of a matrix, or a matrix with the vector `x` as its diagonal `k`.

    `x`: of rank 1 or 2, ValueError otherwise; `k`: how far above the main diagonal.

    >>> ops.diag([1, 2])
    array([[1, 0],
           [0, 2]], dtype=int32)
    """
    x = node(x)
    if x.ndim == 2:
        return diagonal(x, k)
    if x.ndim != 1:
        raise ValueError(f"Input must be 1- or 2-d. Received: shape={display(x.shape)}")
    n = x.shape[0] + abs(k)
    padded = build.expand_dims(build.pad(x, (0,), (n,)), (1,) if k >= 0 else (0,))
    square = build.broadcast_to(padded, (n, n))
    return build.ew("select", _on_diagonal(square, k), square, build.like(x, 0))


@op
def trace(x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Result:
    """The sum of a diagonal.

    `x`: a tensor; `offset`: how far above the main diagonal; `axis1`, `axis2`: its rows and
    columns.

    >>> ops.trace([[1, 2], [3, 4]])
    array(5, dtype=int32)
    """
    x = _matrices(for_sum(x), axis1, axis2)
    static = is_static(x.shape[-2:])
    d = node(diagonal(x, offset, -2, -1) if static else _by_rows(x, offset))
    return build.reduce(d, "sum", (d.ndim - 1,))


# norms ----------------------------------------------------------------------------------------


@op
def norm(x: TensorLike, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Result:
    """The norm of vectors (one axis) or matrices (two), as in NumPy.

    `ord`: None (the root of the sum of squares), inf, -inf, 0, 1, any number p for vectors; "fro",
    1, -1, inf, -inf, and by singular values 2, -2, "nuc" for matrices.

    `x`: a tensor; `axis`: one axis, two, or None for all; `keepdims` leaves extents of 1 in their
    place. ValueError for any other `ord`.

    >>> ops.norm([[3.0, 4.0], [0.0, 2.0]], axis=1)
    array([5., 2.], dtype=float32)
    """
    x = as_float(x)
    axes = canonical_axes(axis, x.ndim)
    if ord is None or (ord, len(axes)) in (("fro", 2), (2, 1)):
        return build.ew("sqrt", build.reduce(build.ew("mul", x, x), "sum", axes, keepdims))
    if len(axes) == 1:
        return _vector_norm(build.ew("abs", x), ord, axes, keepdims)
    if len(axes) == 2 and ord in (1, -1, math.inf, -math.inf):
        return _matrix_norm(build.ew("abs", x), ord, axes, keepdims)
    if len(axes) == 2 and ord in (2, -2, "nuc"):
        rest = [i for i in range(x.ndim) if i not in axes]
        out = singular_norm(build.permute(x, [*rest, *axes]), ord)
        return build.reshape(
            out, [1 if i in axes else n for i, n in enumerate(x.shape) if keepdims or i not in axes]
        )
    raise ValueError(
        f"Invalid or unsupported norm. Received: ord={ord}, axis={axis} for rank {x.ndim}"
    )


def _vector_norm(size: Node, ord, axes, keepdims: bool) -> Node:
    if isinstance(ord, str):
        raise ValueError(f"Invalid norm order for vectors. Received: ord={ord}")
    if math.isinf(ord):
        return build.reduce(size, "max" if ord > 0 else "min", axes, keepdims)
    if ord == 0:
        full = build.ew("not", build.ew("eq", size, build.like(size, 0)))
        return build.reduce(build.cast(full, size.dtype), "sum", axes, keepdims)
    powered = build.reduce(build.ew("pow", size, build.like(size, ord)), "sum", axes, keepdims)
    return build.ew("pow", powered, build.like(size, 1 / ord))


def _matrix_norm(size: Node, ord, axes, keepdims: bool) -> Node:
    """The largest (or least) sum of a column for ±1, of a row for ±inf."""
    row, column = axes
    summed, other = (row, column) if abs(ord) == 1 else (column, row)
    sums = build.reduce(size, "sum", (summed,), keepdims=True)
    out = build.reduce(sums, "max" if ord > 0 else "min", (other,), keepdims=True)
    return (
        out
        if keepdims
        else build.reshape(out, [d for i, d in enumerate(size.shape) if i not in axes])
    )


@op
def batch_dot(x: TensorLike, y: TensorLike, i: int, j: int) -> Result:
    """For layers: sample by sample, the sum of products over axis `i` of `x` and `j` of `y`.

    The result has the other axes of `x`, then those of `y`.
    """
    a, b = promote(x, y)
    return build.dot(a, b, contract=((i,), (j,)), batch=((0,), (0,)))
