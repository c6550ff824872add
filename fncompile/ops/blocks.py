"""Blocks of a tensor read and written, and sums into given positions."""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile.ir import build
from fncompile.ir.dims import Dim, Poly, Shape, product
from fncompile.ir.node import Node
from fncompile.ops.axes import canonical_dim, canonical_shape, display
from fncompile.ops.dispatch import node, op
from fncompile.ops.indexing import gathered, linear_index, wrapped
from fncompile.ops.segments import segmented
from fncompile.ops.types import Result, ShapeLike, TensorLike


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
def scatter(indices: TensorLike, values: TensorLike, shape: ShapeLike) -> Result:
    """A tensor of zeros of `shape` with `values` added at `indices[..., :]`.

    `indices`: whole numbers (..., axes of `shape` that they name); `values`: a tensor for each of
    them.

    >>> ops.scatter([[1], [3]], [5, 7], (4,))
    array([0, 5, 0, 7], dtype=int32)
    """
    shape, (at, count) = canonical_shape(shape), _places(node(indices), canonical_shape(shape))
    return build.reshape(build.scatter_add(node(values), at, count), shape)


def _places(indices: Node, shape: Shape) -> tuple[Node, Dim]:
    """Where the rows of `indices` point to in a tensor of `shape` whose axes that they name are
    flattened, and how many places there are."""
    depth = indices.shape[-1] if indices.ndim else None
    if not isinstance(depth, int):
        raise ValueError(
            "The last axis of `indices` names axes of `shape`, so its extent must be known. "
            f"Received: indices.shape={display(indices.shape)}"
        )
    sizes = list(shape[:depth])
    columns = [build.slice_axis(indices, indices.ndim - 1, i, 1) for i in range(depth)]
    columns = [wrapped(build.reshape(c, c.shape[:-1]), n) for c, n in zip(columns, sizes)]
    return linear_index(columns, sizes), product(sizes)


@op
def scatter_update(
    inputs: TensorLike, indices: TensorLike, updates: TensorLike, reduction: str | None = None
) -> Result:
    """`inputs` with `updates` at `indices[..., :]`: put there, of several the last, or brought
    together with what is there.

    `inputs`: a tensor; `indices`: whole numbers (..., axes of `inputs` that they name); `updates`:
    a tensor for each of them; `reduction`: None, "add", "max", "min" or "mul", ValueError
    otherwise.

    >>> ops.scatter_update([1, 2, 3], [[0], [2]], [10, 30])
    array([10,  2, 30], dtype=int32)
    """
    if reduction not in (None, "add", "max", "min", "mul"):
        raise ValueError(
            "`reduction` must be None, 'add', 'max', 'min' or 'mul'. "
            f"Received: reduction={reduction}"
        )
    x, indices = node(inputs), node(indices)
    at, count = _places(indices, x.shape)
    rest = x.shape[indices.shape[-1] :]
    at = build.reshape(at, (at.type.size,))
    rows = build.reshape(node(updates, x.dtype), (at.shape[0], *rest))
    flat = build.reshape(x, (count, *rest))
    if reduction == "add":
        out = build.ew("add", flat, build.scatter_add(rows, at, count))
    elif reduction is None:
        out = _replaced(flat, rows, at)
    else:
        kind = {"mul": "prod"}.get(reduction, reduction)
        out = build.ew(reduction, flat, segmented(kind, rows, at, count))
    return build.reshape(out, x.shape)


def _replaced(x: Node, rows: Node, at: Node) -> Node:
    """`x` with rows at the places `at`; of several for one place the last."""
    pair = (at.shape[0], at.shape[0])
    same = build.ew("eq", build.expand_dims(at, (1,)), build.expand_dims(at, (0,)))
    later = build.ew("and", same, build.ew("lt", build.iota(pair, 0), build.iota(pair, 1)))
    superseded = build.reduce(build.cast(later, "int32"), "max", (1,))
    last = build.ew("lt", superseded, build.like(superseded, 1))
    at = build.ew("select", last, at, build.like(at, -1))
    written = build.scatter_add(build.full(at.shape, 1, "int32"), at, x.shape[0])
    hit = build.ew("lt", build.like(written, 0), written)
    hit = build.reshape(hit, (*hit.shape, *(1,) * (x.ndim - 1)))
    return build.ew("select", hit, build.scatter_add(rows, at, x.shape[0]), x)
