"""Blocks of a tensor read and written, and sums into given positions."""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile.ir import build
from fncompile.ir.dims import Poly, product
from fncompile.ir.node import Node
from fncompile.ops.axes import canonical_dim, canonical_shape
from fncompile.ops.dispatch import node, op
from fncompile.ops.indexing import gathered, linear_index, wrapped


@op
def slice(inputs, start_indices, shape):
    """The block of the given `shape` that starts at `start_indices`: numbers, or index tensors.

    An extent of -1 reaches to the end, for which its start must be a number.
    """
    x = node(inputs)
    starts, lengths = _one_each(start_indices, x, "start_indices"), _one_each(shape, x, "shape")
    for axis, (start, length) in enumerate(zip(starts, lengths)):
        if not isinstance(start, (int, np.integer, Poly)):
            first = build.cast(node(start), "int32")
            count = canonical_dim(length)
            x = gathered(x, [(axis, build.ew("add", first, build.iota((count,), 0)))])
        elif length == -1:
            x = build.slice_axis(x, axis, start, x.shape[axis] - start)
        else:
            x = build.slice_axis(x, axis, start, canonical_dim(length))
    return x


def _one_each(given: Any, x: Node, name: str) -> list[Any]:
    many = list(given) if hasattr(given, "__iter__") else [given]
    if len(many) != x.ndim:
        raise ValueError(
            f"`{name}` must have one entry for each of the {x.ndim} axes. Received: {given}"
        )
    return many


@op
def slice_update(inputs, start_indices, updates):
    """`inputs` with the block that starts at `start_indices` replaced by `updates`.

    The starts are numbers, or index tensors; what would lie outside is left out then.
    """
    x = node(inputs)
    updates = node(updates, x.dtype)
    starts = _one_each(start_indices, x, "start_indices")
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
def segment_sum(data, segment_ids, num_segments=None, sorted=False):
    """Sums of the rows of `data` with the same id; rows with ids out of range are left out."""
    if num_segments is None:
        raise ValueError(
            "Argument `num_segments` must be set: "
            "shapes cannot depend on the values of `segment_ids`."
        )
    return build.scatter_add(
        node(data), build.cast(node(segment_ids), "int32"), canonical_dim(num_segments)
    )


@op
def scatter(indices, values, shape):
    """A tensor of zeros of `shape` with `values` added at `indices[..., :]`."""
    indices, values = node(indices), node(values)
    depth = indices.shape[-1]
    shape = canonical_shape(shape)
    sizes = list(shape[:depth])
    columns = [build.slice_axis(indices, indices.ndim - 1, i, 1) for i in range(depth)]
    columns = [wrapped(build.reshape(c, c.shape[:-1]), n) for c, n in zip(columns, sizes)]
    flat = build.scatter_add(values, linear_index(columns, sizes), product(sizes))
    return build.reshape(flat, shape)
