"""Views: the same elements in another shape or order. Unknown extents are allowed throughout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fncompile.graph.tensor import KerasTensor
from fncompile.ir import build
from fncompile.ir.dims import Dim, Shape, divide_checked, is_static, product
from fncompile.ir.node import Node
from fncompile.ops.axes import (
    canonical_axes,
    canonical_axis,
    canonical_dim,
    canonical_shape,
    display,
)
from fncompile.ops.dispatch import node, op
from fncompile.ops.types import Axis, Result, ShapeLike, TensorLike


def shape(x: Any) -> tuple[Any, ...]:
    """The extents: ints; an unknown one is None of a symbolic tensor, as in `x.shape`, and in a
    layer's `call` a dimension that other ops take as extent or number.

    `x`: a tensor, an array, or lists of numbers.

    >>> ops.shape(np.ones((2, 3))), ops.shape(fncompile.Input((3,)))
    ((2, 3), (None, 3))
    """
    if isinstance(x, KerasTensor):
        return x.shape
    return x.type.shape if hasattr(x, "type") else np.shape(x)


def ndim(x: Any) -> int:
    """The number of axes.

    `x`: a tensor, an array, or lists of numbers.

    >>> ops.ndim(np.ones((2, 3)))
    2
    """
    return len(shape(x))


@op
def size(x: TensorLike, axis: Axis = None) -> Result:
    """The number of elements, or along `axis`, as an int32 scalar.

    `x`: a tensor; `axis`: one axis, several, or None for all.

    >>> ops.size(np.ones((2, 3)))
    array(6, dtype=int32)
    """
    x = node(x)
    return build.extent(product(x.shape[a] for a in canonical_axes(axis, x.ndim)), "int32")


@op
def reshape(x: TensorLike, newshape: ShapeLike) -> Result:
    """The elements in row-major order in a new shape, in which one extent may be -1.

    Raises ValueError where the number of elements differs or -1 cannot be told.

    `x`: a tensor; `newshape`: extents, or one.

    >>> ops.reshape([1, 2, 3, 4], (2, -1))
    array([[1, 2],
           [3, 4]], dtype=int32)
    """
    x = node(x)
    return build.reshape(x, resolve_shape(x.shape, newshape))


def resolve_shape(have: Shape, newshape: Any) -> Shape:
    """`newshape` with its -1 worked out."""
    many = newshape if isinstance(newshape, (tuple, list)) else (newshape,)
    dims = tuple(canonical_dim(d) for d in many)
    known = [d for d in dims if d != -1]
    if any(isinstance(d, int) and d < 0 for d in known):
        raise ValueError(
            "Each extent of `newshape` must be a non-negative integer, or -1 for what is left. "
            f"Received: newshape={tuple(many)}."
        )
    if len(dims) - len(known) > 1:
        raise ValueError(
            "There must be at most one unknown dimension (-1) in `newshape`. "
            f"Received: newshape={many}."
        )
    total, rest = (product(dims) for dims in _without_common(have, known))
    missing = divide_checked(total, rest) if len(known) < len(dims) else 1
    if missing is None or (is_static((total, rest, missing)) and rest * missing != total):
        raise ValueError(
            "The total size of the tensor must be unchanged. "
            f"Received: input_shape={display(have)}, newshape={display(dims)}"
        )
    return tuple(missing if d == -1 else d for d in dims)


def _without_common(a: Sequence[Dim], b: Sequence[Dim]) -> tuple[list[Dim], list[Dim]]:
    """Two shapes without the symbolic extents that both have, which need not be divided then."""
    left, right = list(a), list(b)
    for dim in (d for d in a if not isinstance(d, int) and d in right):
        left.remove(dim)
        right.remove(dim)
    return left, right


@op
def ravel(x: TensorLike) -> Result:
    """All elements along one axis.

    `x`: a tensor of any shape.

    >>> ops.ravel([[1, 2], [3, 4]])
    array([1, 2, 3, 4], dtype=int32)
    """
    x = node(x)
    return build.reshape(x, (x.type.size,))


@op
def transpose(x: TensorLike, axes: Axis = None) -> Result:
    """Axis i of the result is axis `axes[i]` of `x`; all in reverse if None.

    `x`: a tensor; `axes`: a permutation of its axes, ValueError otherwise.

    >>> ops.transpose([[1, 2], [3, 4]])
    array([[1, 3],
           [2, 4]], dtype=int32)
    """
    x = node(x)
    return build.permute(x, _permutation(axes, x.ndim))


def _permutation(axes: Any, ndim: int) -> tuple[int, ...]:
    """`axes` of a transpose counted from the front; ValueError where it is no permutation."""
    if axes is None:
        return tuple(reversed(range(ndim)))
    received = f"Received: axes={axes} for {ndim} axes."
    if len(axes) != ndim:
        raise ValueError(f"`axes` must be a list of the same length as the input shape. {received}")
    if not all(-ndim <= axis < ndim for axis in axes):
        raise ValueError(f"Each axis in `axes` must be an integer in [-{ndim}, {ndim}). {received}")
    front = tuple(axis % ndim for axis in axes)
    if len(set(front)) != ndim:
        raise ValueError(f"`axes` must be a valid permutation of the axes of the input. {received}")
    return front


@op
def swapaxes(x: TensorLike, axis1: int, axis2: int) -> Result:
    """`x` with two axes exchanged.

    `x`: a tensor; `axis1`, `axis2`: which.

    >>> ops.swapaxes(np.ones((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """
    x = node(x)
    perm = list(range(x.ndim))
    i, j = canonical_axis(axis1, x.ndim), canonical_axis(axis2, x.ndim)
    perm[i], perm[j] = j, i
    return build.permute(x, perm)


@op
def moveaxis(x: TensorLike, source: Any, destination: Any) -> Result:
    """`x` with the axes `source` standing at `destination`, the others in their order.

    `x`: a tensor; `source`, `destination`: one axis each, or as many of them, ValueError otherwise.

    >>> ops.moveaxis(np.ones((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    x = node(x)
    return build.permute(x, moved(x.ndim, source, destination))


def moved(ndim: int, source: Any, destination: Any) -> list[int]:
    """The permutation of `moveaxis`."""
    source, destination = canonical_axes(source, ndim), canonical_axes(destination, ndim)
    if len(source) != len(destination):
        raise ValueError(
            "`source` and `destination` arguments must have the same number of elements"
        )
    perm = [i for i in range(ndim) if i not in source]
    for to, come in sorted(zip(destination, source)):
        perm.insert(to, come)
    return perm


@op
def expand_dims(x: TensorLike, axis: Axis) -> Result:
    """`x` with extents of 1 inserted, to stand at `axis` of the result.

    `x`: a tensor; `axis`: one axis of the result, or several.

    >>> ops.expand_dims([1, 2], 1)
    array([[1],
           [2]], dtype=int32)
    """
    x = node(x)
    added = len(axis) if isinstance(axis, (tuple, list)) else 1
    return build.expand_dims(x, canonical_axes(axis, x.ndim + added))


@op
def squeeze(x: TensorLike, axis: Axis = None) -> Result:
    """`x` without the given axes of extent 1, or without all that are known to be.

    `x`: a tensor; `axis`: one axis or several. ValueError where an extent is not 1, or unknown.

    >>> ops.squeeze([[1], [2]])
    array([1, 2], dtype=int32)
    """
    x = node(x)
    if axis is None:
        axes = [i for i, d in enumerate(x.shape) if d == 1]
    else:
        axes = list(canonical_axes(axis, x.ndim))
    for a in axes:
        if x.shape[a] != 1:
            raise ValueError(
                f"Cannot squeeze axis={a}, because the dimension is not 1. "
                f"Received: shape={display(x.shape)}"
            )
    return build.reshape(x, [d for i, d in enumerate(x.shape) if i not in axes])


@op
def broadcast_to(x: TensorLike, shape: ShapeLike) -> Result:
    """`x` grown to `shape` by NumPy's rule.

    `x`: a tensor; `shape`: extents. ValueError where an extent of `x` is neither 1 nor that of
    `shape`.

    >>> ops.broadcast_to([1, 2], (2, 2))
    array([[1, 2],
           [1, 2]], dtype=int32)
    """
    return build.broadcast_to(node(x), canonical_shape(shape))


@op
def flip(x: TensorLike, axis: Axis = None) -> Result:
    """`x` in reverse order along the axes; along all if None.

    `x`: a tensor; `axis`: one axis, several, or None.

    >>> ops.flip([1, 2, 3])
    array([3, 2, 1], dtype=int32)
    """
    x = node(x)
    for a in canonical_axes(axis, x.ndim):
        x = build.flip(x, a)
    return x


@op
def roll(x: TensorLike, shift: Any, axis: Axis = None) -> Result:
    """Elements moved `shift` places along `axis`, those that fall off coming in at the front.

    `x`: a tensor; `shift`: a number, or one for each `axis`; None for the flattened tensor.

    >>> ops.roll([1, 2, 3, 4], 1)
    array([4, 1, 2, 3], dtype=int32)
    """
    x = node(x)
    if axis is None:
        flat = build.reshape(x, (x.type.size,))
        return build.reshape(rolled(flat, int(np.sum(shift)), 0), x.shape)
    for a, by in np.broadcast(axis, shift):
        x = rolled(x, int(by), canonical_axis(a, x.ndim))
    return x


def rolled(x: Node, shift: int, axis: int) -> Node:
    n = x.shape[axis]
    shift = shift % n if isinstance(n, int) and n else shift
    if n == 0 or shift == 0:
        return x
    first = n - shift if shift > 0 else -shift
    back = build.slice_axis(x, axis, first, n - first)
    return build.concat([back, build.slice_axis(x, axis, 0, first)], axis)


@op
def tile(x: TensorLike, repeats: Any) -> Result:
    """`x` so many times along each axis; a short `repeats` counts for the last axes.

    `x`: a tensor; `repeats`: a number, or one for each axis.

    >>> ops.tile([1, 2], 2)
    array([1, 2, 1, 2], dtype=int32)
    """
    x = node(x)
    repeats = canonical_shape(repeats)
    rank = max(x.ndim, len(repeats))
    dims = (1,) * (rank - x.ndim) + x.shape
    counts = (1,) * (rank - len(repeats)) + repeats
    paired = [d for n in dims for d in (1, n)]
    grown = [d for c, n in zip(counts, dims) for d in (c, n)]
    out = build.broadcast_to(build.reshape(x, paired), tuple(grown))
    return build.reshape(out, [c * n for c, n in zip(counts, dims)])


@op
def repeat(x: TensorLike, repeats: Any, axis: Axis = None) -> Result:
    """Each element `repeats` times in a row: one count for all, or a list with one for each.

    `x`: a tensor; `axis`: one axis, or None for the flattened tensor. ValueError where the counts
    are not as many as the elements.

    >>> ops.repeat([1, 2], [2, 3])
    array([1, 1, 2, 2, 2], dtype=int32)
    """
    x = node(x)
    if axis is None:
        x, axis = build.reshape(x, (x.type.size,)), 0
    axis = canonical_axis(axis, x.ndim)
    n, counts = x.shape[axis], np.ravel(repeats)
    if counts.size == 1:
        return _repeat_all(x, int(counts[0]), axis)
    if isinstance(n, int) and counts.size != n:
        raise ValueError(
            f"`repeats` must be one count or one for each of the {display((n,))[0]} elements. "
            f"Received: {repeats}"
        )
    x = build.broadcast_to(x, (*x.shape[:axis], counts.size, *x.shape[axis + 1 :]))  # if unknown
    pieces = [
        _repeat_all(build.slice_axis(x, axis, i, 1), int(c), axis) for i, c in enumerate(counts)
    ]
    return build.concat(pieces, axis)


def _repeat_all(x: Node, count: int, axis: int) -> Node:
    apart = build.expand_dims(x, (axis + 1,))
    dims = list(apart.shape)
    dims[axis + 1] = count
    return build.reshape(
        build.broadcast_to(apart, tuple(dims)),
        (*x.shape[:axis], x.shape[axis] * count, *x.shape[axis + 1 :]),
    )


def extent(dim: Dim, dtype: str) -> Node:
    """For layers and losses: an extent, perhaps unknown, as a number inside a trace."""
    return build.extent(dim, dtype)
