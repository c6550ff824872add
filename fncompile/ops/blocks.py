"""Blocks of a tensor read and written, and sums into given positions."""

from __future__ import annotations

import operator

import numpy as np

from fncompile.ir import build
from fncompile.ir.dims import Poly, product
from fncompile.ops.axes import canonical_dim, canonical_shape
from fncompile.ops.dispatch import node, op
from fncompile.ops.indexing import gathered, linear_index, wrapped


@op
def slice(inputs, start_indices, shape):
    """The block of the given `shape` that starts at `start_indices`: numbers, or index tensors."""
    x = node(inputs)
    for axis, (start, length) in enumerate(zip(start_indices, canonical_shape(shape))):
        if isinstance(start, (int, np.integer, Poly)):
            x = build.slice_axis(x, axis, start, length)
        else:
            first = build.cast(node(start), "int32")
            x = gathered(x, [(axis, build.ew("add", first, build.iota((length,), 0)))])
    return x


@op
def slice_update(inputs, start_indices, updates):
    """`inputs` with the block that starts at `start_indices` (numbers) replaced by `updates`."""
    x = node(inputs)
    updates = node(updates, x.dtype)
    starts = [operator.index(s) for s in start_indices]
    inside = build.pad(build.full(updates.shape, True, "bool"), starts, x.shape, None, False)
    return build.ew("select", inside, build.pad(updates, starts, x.shape), x)


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
