"""Rows brought together by the number of the segment that each belongs to."""

from __future__ import annotations

from typing import Any

from fncompile.graph.eager import known_value
from fncompile.ir import build
from fncompile.ir.dims import Dim
from fncompile.ir.interp import reduce_identity
from fncompile.ir.node import Node
from fncompile.ops.axes import canonical_dim, differ, display
from fncompile.ops.dispatch import node, op
from fncompile.ops.types import Extent, Result, TensorLike


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
    return build.scatter_add(*_checked(data, segment_ids, num_segments))


@op
def segment_max(
    data: TensorLike,
    segment_ids: TensorLike,
    num_segments: Extent | None = None,
    sorted: bool = False,
) -> Result:
    """The largest of the rows of `data` with the same id; rows with ids out of range are
    left out. Of a segment without rows it is the least number of the dtype.

    `data`: a tensor; `segment_ids`: a whole number for each of its rows, ValueError for other
    shapes; `num_segments`: the number of rows of the result, by default as many as the greatest id
    asks for, which has to be known then. `sorted` is Keras' argument and ignored.

    >>> ops.segment_max([1, 2, 3], [0, 1, 0], num_segments=2)
    array([3, 2], dtype=int32)
    """
    return segmented("max", *_checked(data, segment_ids, num_segments))


@op
def segment_min(
    data: TensorLike,
    segment_ids: TensorLike,
    num_segments: Extent | None = None,
    sorted: bool = False,
) -> Result:
    """The smallest of the rows of `data` with the same id; rows with ids out of range are
    left out. Of a segment without rows it is the greatest number of the dtype.

    `data`: a tensor; `segment_ids`: a whole number for each of its rows, ValueError for other
    shapes; `num_segments`: the number of rows of the result, by default as many as the greatest id
    asks for, which has to be known then. `sorted` is Keras' argument and ignored.

    >>> ops.segment_min([1, 2, 3], [0, 1, 0], num_segments=2)
    array([1, 2], dtype=int32)
    """
    return segmented("min", *_checked(data, segment_ids, num_segments))


@op
def segment_prod(
    data: TensorLike,
    segment_ids: TensorLike,
    num_segments: Extent | None = None,
    sorted: bool = False,
) -> Result:
    """Products of the rows of `data` with the same id; rows with ids out of range are left out.

    `data`: a tensor; `segment_ids`: a whole number for each of its rows, ValueError for other
    shapes; `num_segments`: the number of rows of the result, by default as many as the greatest id
    asks for, which has to be known then. `sorted` is Keras' argument and ignored.

    >>> ops.segment_prod([1, 2, 3], [0, 1, 0], num_segments=2)
    array([3, 2], dtype=int32)
    """
    return segmented("prod", *_checked(data, segment_ids, num_segments))


def segmented(kind: str, rows: Node, at: Node, count: Dim) -> Node:
    """The reduction of the rows of each segment: each row is held against each of them."""
    tail = (1,) * (rows.ndim - 1)
    own = build.ew("eq", build.expand_dims(at, (1,)), build.iota((at.shape[0], count), 1, at.dtype))
    own = build.reshape(own, (*own.shape, *tail))
    neutral = build.like(rows, reduce_identity(kind, rows.dtype))
    return build.reduce(build.ew("select", own, build.expand_dims(rows, (1,)), neutral), kind, (0,))


def _checked(data: TensorLike, segment_ids: TensorLike, count: Any) -> tuple[Node, Node, Dim]:
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
    if count is None:
        count = _segments(segment_ids)
    return rows, build.cast(ids, "int32"), canonical_dim(count)


def _segments(segment_ids: Any) -> int:
    ids = known_value(segment_ids)
    if ids is None:
        raise ValueError(
            "Argument `num_segments` must be set: shapes cannot depend on the values of "
            "`segment_ids`."
        )
    return int(ids.max()) + 1 if ids.size else 0
