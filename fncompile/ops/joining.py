"""Joining tensors, taking them apart, and padding."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from fncompile.graph.tensor import Tensor
from fncompile.ir import build
from fncompile.ir.dims import Dim, divide, floordiv
from fncompile.ir.node import Node
from fncompile.ops.axes import canonical_axis, display
from fncompile.ops.dispatch import node, op, promote
from fncompile.ops.types import Axis, Result, TensorLike


def _parts(xs: Any) -> list[Node]:
    return promote(*(xs if isinstance(xs, (tuple, list)) else unstacked(node(xs), 0)))


def unstacked(x: Node, axis: int, num: int | None = None) -> list[Node]:
    n = num if num is not None else x.shape[axis]
    if not isinstance(n, int):
        raise ValueError(
            f"Cannot infer argument `num` from shape {display(x.shape)}. "
            "Either provide a tensor with a concrete shape in the `axis` dimension "
            "or explicitly pass the `num` argument."
        )
    rows = [build.slice_axis(x, axis, i, 1) for i in range(n)]
    return [build.reshape(r, x.shape[:axis] + x.shape[axis + 1 :]) for r in rows]


@op
def concatenate(xs: TensorLike, axis: Axis = 0) -> Result:
    """Tensors one after the other along `axis`, where the other extents must agree; all of them
    flattened if None.

    `xs`: a list of tensors, or a tensor whose rows they are; ValueError where there is none or
    extents differ.

    >>> ops.concatenate([[[1, 2]], [[3, 4]]], axis=0)
    array([[1, 2],
           [3, 4]], dtype=int32)
    """
    parts = _parts(xs)
    if not parts:
        raise ValueError("need at least one array to concatenate")
    if axis is None:
        return build.concat([build.reshape(p, (p.type.size,)) for p in parts], 0)
    return build.concat(parts, canonical_axis(axis, parts[0].ndim))


@op
def stack(x: TensorLike, axis: Axis = 0) -> Result:
    """Tensors of one shape side by side along a new axis.

    `x`: a list of tensors; ValueError where there is none or shapes differ. `axis`: that of the
    result.

    >>> ops.stack([[1, 2], [3, 4]], axis=1)
    array([[1, 3],
           [2, 4]], dtype=int32)
    """
    parts = _parts(x)
    if not parts:
        raise ValueError("need at least one array to stack")
    axis = canonical_axis(axis, parts[0].ndim + 1)
    return build.concat([build.expand_dims(p, (axis,)) for p in parts], axis)


@op
def hstack(xs: TensorLike) -> Result:
    """Joined along the second axis, or the first of rank 1.

    `xs`: a list of tensors whose other extents agree, ValueError otherwise.

    >>> ops.hstack([[1, 2], [3]])
    array([1, 2, 3], dtype=int32)
    """
    parts = [_at_least(p, 1) for p in _parts(xs)]
    return build.concat(parts, 0 if parts[0].ndim == 1 else 1)


@op
def vstack(xs: TensorLike) -> Result:
    """Joined along the first axis; rank 1 counts as a row.

    `xs`: a list of tensors whose other extents agree, ValueError otherwise.

    >>> ops.vstack([[1, 2], [3, 4]])
    array([[1, 2],
           [3, 4]], dtype=int32)
    """
    return build.concat([_at_least(p, 2) for p in _parts(xs)], 0)


def _at_least(x: Node, ndim: int) -> Node:
    return build.reshape(x, (1,) * (ndim - x.ndim) + x.shape)


@op
def append(x1: TensorLike, x2: TensorLike, axis: Axis = None) -> Result:
    """`x2` behind `x1` along `axis`, or both flattened.

    `x1`, `x2`: tensors; ValueError where their other extents differ.

    >>> ops.append([1, 2], [[3], [4]])
    array([1, 2, 3, 4], dtype=int32)
    """
    return concatenate([x1, x2], axis)


@op
def unstack(x: TensorLike, num: int | None = None, axis: Axis = 0) -> Result:
    """The list of slices along `axis`.

    `x`: a tensor; `num`: how many, needed where the extent of `axis` is unknown (ValueError).

    >>> ops.unstack([[1, 2], [3, 4]], axis=1)
    [array([1, 3], dtype=int32), array([2, 4], dtype=int32)]
    """
    x = node(x)
    return unstacked(x, canonical_axis(axis, x.ndim), num)


@op
def split(x: TensorLike, indices_or_sections: Any, axis: Axis = 0) -> Result:
    """The list of pieces along `axis`: so many equal ones, or cut before the given indices.

    `x`: a tensor; `indices_or_sections`: a number that divides the extent of `axis`, ValueError
    otherwise (of an unknown extent, where the model is called), or a list.

    >>> ops.split([1, 2, 3, 4], 2)
    [array([1, 2], dtype=int32), array([3, 4], dtype=int32)]
    """
    x = node(x)
    axis = canonical_axis(axis, x.ndim)
    if np.ndim(indices_or_sections) == 0:
        return equal_pieces(x, _count(indices_or_sections), axis)
    bounds = _clamped([int(c) for c in indices_or_sections], x.shape[axis])
    return [build.slice_axis(x, axis, a, b - a) for a, b in pairwise(bounds)]


def _count(sections: Any) -> int:
    if int(sections) < 1:
        raise ValueError(
            f"`indices_or_sections` must be at least 1, or a list. Received: {sections}"
        )
    return int(sections)


def equal_pieces(x: Node, count: int, axis: int) -> list[Node]:
    """`count` pieces along `axis`; ValueError where they cannot be equal, of an unknown extent when
    it is known."""
    n = x.shape[axis]
    size = divide(n, count)
    if size is not None:
        return [build.slice_axis(x, axis, size * i, size) for i in range(count)]
    if isinstance(n, int):
        raise ValueError(
            f"`x` size along axis {axis} must be divisible by `indices_or_sections`. "
            f"Received: indices_or_sections={count} and a size of {n}."
        )
    size = floordiv(n, count)  # by a reshape, so that the call checks that nothing is left
    before, after = x.shape[:axis], x.shape[axis + 1 :]
    pieces = build.reshape(x, (*before, count, size, *after))
    found = [build.slice_axis(pieces, axis, i, 1) for i in range(count)]
    return [build.reshape(piece, (*before, size, *after)) for piece in found]


def _clamped(cuts: list[int], n: Dim) -> list[Dim]:
    """As NumPy slices: negative cuts count from the end, and none lies beyond an end."""
    bounds: list[Dim] = [0]
    for cut in cuts:
        at: Dim = cut if cut >= 0 else n + cut
        if isinstance(n, int):
            at = min(max(at, bounds[-1]), n)
        bounds.append(at)
    return [*bounds, n]


@op
def array_split(x: TensorLike, indices_or_sections: Any, axis: Axis = 0) -> Result:
    """As `split`, but the first pieces may be longer by one.

    `x`: a tensor; `indices_or_sections`: a number, or a list; `axis`: the axis to cut.

    >>> ops.array_split([1, 2, 3], 2)
    [array([1, 2], dtype=int32), array([3], dtype=int32)]
    """
    x = node(x)
    axis = canonical_axis(axis, x.ndim)
    n = x.shape[axis]
    if np.ndim(indices_or_sections) > 0:
        return split(Tensor(x), indices_or_sections, axis)
    count = _count(indices_or_sections)
    lengths = [floordiv(n + count - 1 - i, count) for i in range(count)]
    starts = accumulate(lengths, initial=0)
    return [build.slice_axis(x, axis, a, m) for a, m in zip(starts, lengths)]


# padding --------------------------------------------------------------------------------------


@op
def pad(
    x: TensorLike, pad_width: Any, mode: str = "constant", constant_values: TensorLike | None = None
) -> Result:
    """`x` with elements added before and after each axis.

    `pad_width`: one count, (before, after), or one pair for each axis. `mode`: "constant" (0 or
    `constant_values`), "reflect", "symmetric" or "edge", as in NumPy.

    `x`: a tensor; ValueError for widths that are negative, or larger than what is mirrored.

    >>> ops.pad([1, 2], (1, 2)), ops.pad([1, 2, 3], 2, mode="reflect")
    (array([0, 1, 2, 0, 0], dtype=int32), array([3, 2, 1, 2, 3, 2, 1], dtype=int32))
    """
    x = node(x)
    widths = _pad_widths(pad_width, x.ndim)
    if mode == "constant":
        return _pad_constant(x, widths, 0 if constant_values is None else constant_values)
    if constant_values is not None:
        raise ValueError(
            "Argument `constant_values` can only be provided when `mode == 'constant'`. "
            f"Received: mode={mode}"
        )
    if mode not in _MIRRORS:
        raise ValueError(
            f"Unknown pad mode {mode!r}. "
            f"Expected one of 'constant', {', '.join(map(repr, _MIRRORS))}"
        )
    for axis, (before, after) in enumerate(widths):
        x = _MIRRORS[mode](x, axis, before, after)
    return x


def _pad_widths(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    given = np.asarray(pad_width, dtype=np.int64)
    if given.size and given.min() < 0:
        raise ValueError(f"`pad_width` cannot hold negative values. Received: {pad_width}")
    try:
        return [(int(a), int(b)) for a, b in np.broadcast_to(given, (ndim, 2))]
    except ValueError:
        raise ValueError(
            f"`pad_width` must have the shape (2,), (1, 2) or ({ndim}, 2). Received: {pad_width}"
        ) from None


def _pad_constant(x: Node, widths: list[tuple[int, int]], value: Any) -> Node:
    size = [a + n + b for n, (a, b) in zip(x.shape, widths)]
    return build.pad(x, [a for a, _ in widths], size, None, value)


def _mirror(skip: int):
    """Reflection about the edge element (`skip` 1) or about the edge (0)."""

    def rule(x: Node, axis: int, before: int, after: int) -> Node:
        n = x.shape[axis]
        if isinstance(n, int) and max(before, after) > n - skip:
            raise ValueError(
                f"Cannot mirror {max(before, after)} elements of axis {axis}, which has {n}."
            )
        left = build.slice_axis(x, axis, before - 1 + skip, before, -1)
        right = build.slice_axis(x, axis, n - 1 - skip, after, -1)
        return _joined(x, axis, left, right, before, after)

    return rule


def _edge(x: Node, axis: int, before: int, after: int) -> Node:
    def many(piece: Node, count: int) -> Node:
        return build.broadcast_to(piece, (*x.shape[:axis], count, *x.shape[axis + 1 :]))

    left = many(build.slice_axis(x, axis, 0, 1), before)
    right = many(build.slice_axis(x, axis, x.shape[axis] - 1, 1), after)
    return _joined(x, axis, left, right, before, after)


def _joined(x: Node, axis: int, left: Node, right: Node, before: int, after: int) -> Node:
    return build.concat([p for p, width in ((left, before), (x, 1), (right, after)) if width], axis)


_MIRRORS = {"reflect": _mirror(1), "symmetric": _mirror(0), "edge": _edge}
