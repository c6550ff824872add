"""Blocks of a tensor read and written, and sums into given positions."""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile.graph.eager import known_value
from fncompile.ir import build
from fncompile.ir.dims import Poly, product
from fncompile.ir.node import Node
from fncompile.ops.axes import canonical_dim, canonical_shape, differ, display
from fncompile.ops.dispatch import node, op
from fncompile.ops.indexing import gathered, linear_index, wrapped
from fncompile.ops.types import Extent, Result, ShapeLike, TensorLike


@op
def slice(inputs: TensorLike, start_indices: Any, shape: ShapeLike) -> Result:
    """The block of the given `shape` that starts at `start_indices`: numbers, or index tensors.

    An extent of -1 reaches to the end; ValueError where its start is not known.

    `inputs`: a tensor; `start_indices`, `shape`: one entry for each axis, ValueError otherwise.

    >>> ops.slice(np.array([[1, 2, 3], [4, 5, 6]]), [0, 1], [2, 2])
    array([[2, 3],
           [5, 6]])
    """
    x = node(inputs)
    starts = _one_each(start_indices, x, "start_indices", "inputs")
    lengths = _one_each(shape, x, "inputs", "shape")
    for axis, (start, length) in enumerate(zip(starts, lengths)):
        if not isinstance(start, (int, np.integer, Poly)):
            if length == -1:
                raise ValueError(
                    f"An extent of -1 in `shape` needs a known start: axis {axis} starts at the "
                    "value of a tensor, on which a shape cannot depend."
                )
            places = build.iota((canonical_dim(length),), 0)
            places = build.ew("add", build.cast(node(start), "int32"), places)
            x = gathered(x, [(axis, places)])
        else:
            first = canonical_dim(start)
            count = x.shape[axis] - first if length == -1 else canonical_dim(length)
            x = build.slice_axis(x, axis, first, count)
    return x


def _one_each(given: Any, x: Node, one: str, other: str) -> list[Any]:
    if getattr(given, "shape", (0,))[:1] == (None,):
        raise ValueError(f"`{one}` must have as many entries as `{other}` has axes: {x.ndim}.")
    many = list(given) if hasattr(given, "__iter__") else [given]
    if len(many) != x.ndim:
        raise ValueError(
            f"The number of dimensions in `{one}` must match the number of dimensions in "
            f"`{other}`: there is one entry for each of the {x.ndim} axes. Received: {given}"
        )
    return many


@op
def slice_update(inputs: TensorLike, start_indices: Any, updates: TensorLike) -> Result:
    """`inputs` with the block that starts at `start_indices` replaced by `updates`.

    The starts are numbers, or index tensors; what would lie outside is left out then.

    `inputs`: a tensor; `start_indices`: one entry for each axis; `updates`: a block of its rank and
    dtype.

    >>> ops.slice_update([1, 2, 3, 4], [1], [0, 0])
    array([1, 0, 0, 4], dtype=int32)
    """
    x = node(inputs)
    updates = node(updates, x.dtype)
    starts = _one_each(start_indices, x, "start_indices", "inputs")
    if not all(isinstance(s, (int, np.integer, Poly)) for s in starts):
        return _moved_update(x, updates, starts)
    inside = build.pad(build.full(updates.shape, True, "bool"), starts, x.shape, None, False)
    return build.ew("select", inside, build.pad(updates, starts, x.shape), x)


def _moved_update(x: Node, updates: Node, starts: list[Any]) -> Node:
    """Each position looks up the element of `updates` that falls on it, if there is one."""
    inside = build.const(True, "bool")
    for axis, start in enumerate(starts):
        first, size = build.cast(node(start), "int32"), updates.shape[axis]
        place = build.ew("sub", build.iota((x.shape[axis],), 0), first)
        within = build.ew("lt", place, build.extent(size, "int32"))
        within = build.ew("and", within, build.ew("le", build.like(place, 0), place))
        updates = gathered(
            updates, [(axis, build.ew("select", within, place, build.like(place, 0)))]
        )
        others = [i for i in range(x.ndim) if i != axis]
        inside = build.ew("and", inside, build.expand_dims(within, others))
    return build.ew("select", inside, updates, x)


@op
def segment_sum(
    data: TensorLike,
    segment_ids: TensorLike,
    num_segments: Extent | None = None,
    sorted: bool = False,
) -> Result:
    """Sums of the rows of `data` with the same id; rows with ids out of range are left out.

    `data`: a tensor; `segment_ids`: a whole number for each of its rows, ValueError for other
    shapes; `num_segments`: the number of rows of the result, by default as many as the greatest id
    asks for, which has to be known then. `sorted` is Keras' argument and ignored.

    >>> ops.segment_sum([1, 2, 3], [0, 1, 0], num_segments=2)
    array([4, 2], dtype=int32)
    """
    rows, ids = node(data), node(segment_ids)
    if ids.ndim != 1:
        raise ValueError(
            f"Argument `segment_ids` should be an 1-D vector, got shape: {display(ids.shape)}"
        )
    if not rows.ndim or differ(rows.shape[0], ids.shape[0]):
        raise ValueError(
            "Argument `segment_ids` and `data` should have same leading dimension. Received: "
            f"shapes {display(ids.shape)} and {display(rows.shape)}"
        )
    if num_segments is None:
        num_segments = _segments(segment_ids)
    return build.scatter_add(rows, build.cast(ids, "int32"), canonical_dim(num_segments))


def _segments(segment_ids: Any) -> int:
    ids = known_value(segment_ids)
    if ids is None:
        raise ValueError(
            "Argument `num_segments` must be set: shapes cannot depend on the values of "
            "`segment_ids`."
        )
    return int(max(ids, default=-1)) + 1


@op
def scatter(indices: TensorLike, values: TensorLike, shape: ShapeLike) -> Result:
    """A tensor of zeros of `shape` with `values` added at `indices[..., :]`.

    `indices`: whole numbers (..., axes of `shape` that they name); `values`: a tensor for each of
    them.

    >>> ops.scatter([[1], [3]], [5, 7], (4,))
    array([0, 5, 0, 7], dtype=int32)
    """
    indices, values = node(indices), node(values)
    shape, depth = canonical_shape(shape), indices.shape[-1] if indices.ndim else None
    if not isinstance(depth, int):
        raise ValueError(
            "The last axis of `indices` names axes of `shape`, so its extent must be known. "
            f"Received: indices.shape={display(indices.shape)}"
        )
    sizes = list(shape[:depth])
    columns = [build.slice_axis(indices, indices.ndim - 1, i, 1) for i in range(depth)]
    columns = [wrapped(build.reshape(c, c.shape[:-1]), n) for c, n in zip(columns, sizes)]
    flat = build.scatter_add(values, linear_index(columns, sizes), product(sizes))
    return build.reshape(flat, shape)
