"""Order: sort, top_k and what is found by order."""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile.graph.call import is_symbolic
from fncompile.graph.trace import current_trace
from fncompile.ir import build
from fncompile.ir.dims import is_static, product
from fncompile.ir.node import Node
from fncompile.ops.axes import canonical_axis, display
from fncompile.ops.casting import convert_to_numpy
from fncompile.ops.dispatch import as_number, is_float, node, op, promote, widened
from fncompile.ops.types import Result, TensorLike


@op
def argsort(x: TensorLike, axis: int | None = -1) -> Result:
    """The positions of the elements along `axis` in ascending order, as int32.

    `x`: a tensor; `axis`: one axis, or None for the flattened tensor. Equal elements keep their
    order; NaN come last.

    >>> ops.argsort([3.0, 1.0, 2.0, 1.0])
    array([1, 3, 2, 0], dtype=int32)
    """
    x, axis = _along(node(x), axis)
    return _back(_order(x), axis)


@op
def sort(x: TensorLike, axis: int | None = -1) -> Result:
    """The elements along `axis` in ascending order, NaN last; gradients go where they came from.

    `x`: a tensor; `axis`: one axis, or None for the flattened tensor.

    >>> ops.sort([[3, 1, 2], [0, 5, 4]])
    array([[1, 2, 3],
           [0, 4, 5]], dtype=int32)
    """
    x, axis = _along(node(x), axis)
    return _back(_picked(x, _order(x)), axis)


@op
def top_k(x: TensorLike, k: int, sorted: bool = True) -> Result:
    """The `k` largest elements along the last axis, largest first, and their positions, as int32.

    `x`: a tensor whose last axis has at least `k` elements, ValueError otherwise. Of equal elements
    the first comes first; NaN are the largest. `sorted` = False allows any order: it is this one.

    >>> ops.top_k([1.0, 5.0, 3.0], 2)
    (array([5., 3.], dtype=float32), array([1, 2], dtype=int32))
    """
    x = as_number(x)
    if x.ndim == 0 or k < 0 or (is_static(x.shape[-1:]) and x.shape[-1] < k):
        raise ValueError(
            "`top_k` needs `k` of at least 0 and at most the extent of the last axis. "
            f"Received: k={k}, x.shape={display(x.shape)}"
        )
    order = build.slice_axis(_order(x, descending=True), x.ndim - 1, 0, k)
    return _picked(x, order), order


@op
def argpartition(x: TensorLike, kth: int, axis: int | None = -1) -> Result:
    """Positions, as int32, such that number `kth` along `axis` is in its place in ascending order,
    what is less before it and what is more behind: those of `argsort`.

    `x`: a tensor; `kth`: a position, also from the end, ValueError outside of the axis.

    >>> ops.argpartition([3.0, 1.0, 2.0], 1)
    array([1, 2, 0], dtype=int32)
    """
    x, axis = _along(node(x), axis)
    n = x.shape[-1]
    if isinstance(n, int) and not -n <= kth < n:
        raise ValueError(f"`kth` must be within the {n} elements of the axis. Received: kth={kth}")
    return _back(_order(x), axis)


@op
def searchsorted(
    sorted_sequence: TensorLike, values: TensorLike, side: str = "left"
) -> Result:
    """Where each of `values` would be put into `sorted_sequence`, a vector in ascending order, as
    int32: before elements that are equal with `side` "left", behind them with "right".

    NaN are the largest. ValueError for other sides and for sequences that are not vectors. Compares
    each with each.

    >>> ops.searchsorted([1.0, 2.0, 2.0, 3.0], [2.0, 9.0])
    array([1, 4], dtype=int32)
    """
    if side not in ("left", "right"):
        raise ValueError(f'`side` must be "left" or "right". Received: side={side!r}')
    rows, x = promote(sorted_sequence, values)
    if rows.ndim != 1:
        raise ValueError(
            "`searchsorted` only supports 1-D sorted sequences. "
            f"Received: sorted_sequence.shape={display(rows.shape)}"
        )
    x = build.expand_dims(x, (x.ndim,))
    shape = build.broadcast_shapes(x.shape, rows.shape)
    rows, x = build.broadcast_to(rows, shape), build.broadcast_to(x, shape)
    before = build.ew("lt" if side == "left" else "le", rows, x)
    if is_float(x.dtype):  # NaN is the largest
        others = _equal(rows) if side == "left" else build.full(shape, True, "bool")
        before = build.ew("or", before, build.ew("and", build.ew("not", _equal(x)), others))
    found = build.cast(before, "int32")
    return build.reduce(found, "sum", (len(shape) - 1,))


def _equal(x: Node) -> Node:
    """To itself: false of NaN."""
    return build.ew("eq", x, x)


def nonzero(x: Any) -> tuple[np.ndarray, ...]:
    """The positions of all elements that are not zero: for each axis an array, as int32.

    `x`: an array. In a model, or a function that is compiled, ValueError: how many there are would
    be known only when it runs.

    >>> ops.nonzero([[0, 2], [3, 0]])
    (array([0, 1], dtype=int32), array([1, 0], dtype=int32))
    """
    if is_symbolic((x,), {}) or current_trace() is not None:
        raise ValueError(
            "`ops.nonzero` has as many results as there are elements that are not zero, which a "
            "compiled model cannot know: shapes are fixed when it is built. Use a mask with "
            "`ops.where`, `ops.count_nonzero`, or `ops.top_k` of the elements that are wanted."
        )
    return tuple(i.astype(np.int32) for i in np.nonzero(np.atleast_1d(convert_to_numpy(x))))


def _along(x: Node, axis: int | None) -> tuple[Node, int]:
    """`x` with that axis last, and which it was."""
    if axis is None or x.ndim == 0:
        return build.reshape(x, (x.type.size,)), 0
    axis = canonical_axis(axis, x.ndim)
    return build.permute(x, [*(i for i in range(x.ndim) if i != axis), axis]), axis


def _back(x: Node, axis: int) -> Node:
    last = x.ndim - 1
    return build.permute(x, [*range(axis), last, *range(axis, last)])


def _order(x: Node, descending: bool = False) -> Node:
    return build.argsort(widened(x), descending)


def _picked(x: Node, order: Node) -> Node:
    """Elements of each row, by their positions in it."""
    rows, n = product(x.shape[:-1]), x.shape[-1]
    flat = build.reshape(order, (rows, order.shape[-1]))
    start = build.ew("mul", build.iota(flat.shape, 0), build.extent(n, "int32"))
    found = build.gather(build.reshape(x, (rows * n,)), build.ew("add", flat, start))
    return build.reshape(found, order.shape)
