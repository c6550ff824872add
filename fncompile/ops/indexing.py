"""Taking elements by position: `x[...]`, `take` and their relatives.

An index tensor may count from the end (-1 is the last). An index outside of the extent gives NaN,
or 0 for integers, as nothing can be raised from compiled code. The bounds of a slice are plain
numbers; on an unknown extent they must lie inside it, which is checked when its size is known.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from fncompile.config import floatx
from fncompile.graph.trace import current_trace
from fncompile.ir import build
from fncompile.ir.dims import Dim, Poly, ceildiv, product
from fncompile.ir.node import Node
from fncompile.ir.types import is_float
from fncompile.ops.axes import canonical_axis, canonical_dim, display
from fncompile.ops.dispatch import as_index, node, op, standard_dtype
from fncompile.ops.types import Axis, DTypeLike, Extent, Result, TensorLike

# x[key] ---------------------------------------------------------------------------------------


@op
def get_item(x: TensorLike, key: Any) -> Result:
    """`x[key]` with integers, slices, None, Ellipsis and integer tensors, as in NumPy.

    `x`: a tensor; `key`: what may stand in brackets. ValueError for a mask of bools, IndexError for
    a number beyond the end.

    >>> ops.get_item(np.array([[1, 2], [3, 4]]), (slice(None), 1))
    array([2, 4])
    """
    x = node(x)
    given = key if isinstance(key, tuple) else (key,)
    keys = _expanded(given, x.ndim)
    advanced = any(_is_tensor(k) for k in keys)
    axis, tensors = 0, []
    for k in keys:
        if k is None:
            x = build.expand_dims(x, (axis,))
        elif isinstance(k, slice):
            x = _sliced(x, axis, k)
        elif advanced:
            tensors.append((axis, wrapped(k, x.shape[axis])))
        else:
            x = _picked(x, axis, k)
            continue
        axis += 1
    return gathered(x, tensors, _is_together(given)) if tensors else x


def _is_together(keys: tuple) -> bool:
    """Do integers and tensors follow each other, without even an ellipsis of no axes between?"""
    found = [i for i, k in enumerate(keys) if not (k is None or k is ... or isinstance(k, slice))]
    return found[-1] - found[0] < len(found)


def _is_tensor(key: Any) -> bool:
    return (
        key is not None
        and key is not Ellipsis
        and not isinstance(key, (slice, int, np.integer, Poly))
    )


def _is_mask(key: Any) -> bool:
    return isinstance(key, (bool, np.bool_)) or (_is_tensor(key) and node(key).dtype == "bool")


def _expanded(keys: tuple, ndim: int) -> list[Any]:
    """One key for each axis (and None for each new one), the Ellipsis written out."""
    if any(_is_mask(k) for k in keys):
        raise ValueError(
            "Indexing with a boolean mask is not supported, as the shape would depend on values. "
            "Use ops.where."
        )
    used = sum(k is not None and k is not Ellipsis for k in keys)
    if used > ndim:
        raise ValueError(f"Too many indices for a tensor of rank {ndim}. Received: {used} indices")
    at = next((i for i, k in enumerate(keys) if k is Ellipsis), len(keys))
    rest = keys[at + 1 :]
    if any(k is Ellipsis for k in rest):
        raise ValueError("An index can have only one ellipsis ('...')")
    return [*keys[:at], *[slice(None)] * (ndim - used), *rest]


def _picked(x: Node, axis: int, index: Any) -> Node:
    n = x.shape[axis]
    at = index if isinstance(index, Poly) else operator.index(index)
    if isinstance(n, int) and isinstance(at, int) and not -n <= at < n:
        raise IndexError(f"index {at} is out of bounds for an axis with size {n}")
    at = n + at if isinstance(at, int) and at < 0 else at
    return build.reshape(build.slice_axis(x, axis, at, 1), x.shape[:axis] + x.shape[axis + 1 :])


def _sliced(x: Node, axis: int, key: slice) -> Node:
    n = x.shape[axis]
    parts: list[Any] = [
        p if p is None or isinstance(p, Poly) else operator.index(p)
        for p in (key.start, key.stop, key.step)
    ]
    if any(isinstance(p, Poly) for p in (n, *parts)):
        start, size, step = _symbolic_range(n, *parts)
    else:
        start, stop, step = slice(*parts).indices(n)
        size = len(range(start, stop, step))
    return build.slice_axis(x, axis, start, size, step)


def _symbolic_range(
    n: Dim, start: Dim | None, stop: Dim | None, step: int | None
) -> tuple[Dim, Dim, int]:
    step = 1 if step is None else step
    if step == 0:
        raise ValueError("slice step cannot be zero")
    start = (0 if step > 0 else n - 1) if start is None else _from_front(start, n)
    end = (n if step > 0 else -1) if stop is None else _from_front(stop, n)
    length = end - start if step > 0 else start - end
    if isinstance(length, int):
        return start, max(0, math.ceil(length / abs(step))), step
    return start, ceildiv(length, abs(step)), step


def _from_front(index: Dim, n: Dim) -> Dim:
    return n + index if isinstance(index, int) and index < 0 else index


def wrapped(index: Any, n: Dim) -> Node:
    """An index tensor as int32 or int64, negative ones counted from the end `n`."""
    index = node(index)
    if is_float(index.dtype):
        raise ValueError(f"An index must be a tensor of integers. Received: dtype={index.dtype}")
    index = as_index(index)
    behind = build.ew("add", index, build.extent(n, index.dtype))
    return build.ew("select", build.ew("lt", index, build.like(index, 0)), behind, index)


def gathered(x: Node, tensors: list[tuple[int, Node]], together: bool = True) -> Node:
    """Elements at several index tensors at once; their axes come where they stood, if together, and
    otherwise first."""
    axes = [axis for axis, _ in tensors]
    rest = [i for i in range(x.ndim) if i not in axes]
    sizes = [x.shape[a] for a in axes]
    index = linear_index([t for _, t in tensors], sizes)
    flat = build.reshape(
        build.permute(x, axes + rest), (product(sizes), *(x.shape[i] for i in rest))
    )
    out = build.gather(flat, index)
    before = axes[0] if together else 0
    order = [
        *range(index.ndim, index.ndim + before),
        *range(index.ndim),
        *range(index.ndim + before, out.ndim),
    ]
    return build.permute(out, order)


def linear_index(indices: list[Node], sizes: list[Dim]) -> Node:
    """Row-major position; -1 where one of several indices is outside of its extent."""
    if len(indices) == 1:
        return indices[0]
    dtype = "int64" if any(i.dtype == "int64" for i in indices) else "int32"
    position, inside = build.const(0, dtype), build.const(True, "bool")
    for index, n in zip(indices, sizes):
        index, extent = build.cast(index, dtype), build.extent(n, dtype)
        position = build.ew("add", build.ew("mul", position, extent), index)
        inside = build.ew("and", inside, _inside(index, n))
    return build.ew("select", inside, position, build.like(position, -1))


def _inside(index: Node, n: Dim) -> Node:
    above = build.ew("le", build.like(index, 0), index)
    return build.ew("and", above, build.ew("lt", index, build.extent(n, index.dtype)))


# take -----------------------------------------------------------------------------------------


@op
def take(x: TensorLike, indices: TensorLike, axis: Axis = None) -> Result:
    """The elements at `indices` along `axis`, or of the flattened tensor.

    `x`: a tensor; `indices`: whole numbers of any shape, whose axes stand where `axis` was.

    >>> ops.take([10, 20, 30], [2, 0, -1])
    array([30, 10, 30], dtype=int32)
    """
    x = node(x)
    if axis is None:
        x, axis = build.reshape(x, (x.type.size,)), 0
    axis = canonical_axis(axis, x.ndim)
    return gathered(x, [(axis, wrapped(indices, x.shape[axis]))])


@op
def rows(table: TensorLike, indices: TensorLike) -> Result:
    """Rows of a table, for layers. Unlike `take`, it does not count negative indices from the end:
    here they are mistakes, and a ValueError where they are an input of the model.

    `table`: two axes; `indices`: whole numbers of any shape.
    """
    trace = current_trace()
    assert trace is not None
    trace.note_range(node(indices), node(table).shape[0], "layer")
    return build.gather(node(table), node(indices))


@op
def take_along_axis(x: TensorLike, indices: TensorLike, axis: Axis = None) -> Result:
    """Element j along `axis` is the one of `x` at `indices[..., j, ...]`; other axes broadcast.

    With `axis` None, of the flattened `x`.

    `x`, `indices`: tensors of one rank, ValueError otherwise.

    >>> ops.take_along_axis([[10, 20], [30, 40]], [[1], [0]], axis=1)
    array([[20],
           [30]], dtype=int32)
    """
    x, indices = node(x), node(indices)
    if axis is None:
        x, axis = build.reshape(x, (x.type.size,)), 0
    if x.ndim != indices.ndim:
        raise ValueError(
            "`x` and `indices` must have the same rank. "
            f"Received: shapes {display(x.shape)} and {display(indices.shape)}"
        )
    return along_axis(x, indices, canonical_axis(axis, x.ndim))


def along_axis(x: Node, indices: Node, axis: int) -> Node:
    """By comparing each index with each position, so that there is no data-dependent access."""
    n, indices = x.shape[axis], wrapped(indices, x.shape[axis])
    values = build.expand_dims(build.cast(x, "int32") if x.dtype == "bool" else x, (axis + 1,))
    wanted = build.expand_dims(indices, (axis,))
    position = build.iota(build.broadcast_shapes(values.shape, wanted.shape), axis, indices.dtype)
    chosen = build.ew("select", build.ew("eq", position, wanted), values, build.like(values, 0))
    out = build.cast(build.reduce(chosen, "sum", (axis,)), x.dtype)
    if not is_float(x.dtype):
        return out
    return build.ew("select", _inside(indices, n), out, build.like(out, math.nan))


# classes --------------------------------------------------------------------------------------


@op
def one_hot(
    x: TensorLike,
    num_classes: Extent,
    axis: Axis = -1,
    dtype: DTypeLike | None = None,
    sparse: bool = False,
) -> Result:
    """1 at the position of each index on a new `axis` of `num_classes`, 0 elsewhere.

    An index out of range gives zeros.

    `x`: whole numbers of any shape; `dtype`: floatx if None. `sparse` is Keras' argument and
    ignored.

    >>> ops.one_hot([0, 2], 3)
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    x = as_index(x)
    axis = canonical_axis(axis, x.ndim + 1)
    shape = (*x.shape[:axis], canonical_dim(num_classes), *x.shape[axis:])
    hit = build.ew("eq", build.iota(shape, axis, x.dtype), build.expand_dims(x, (axis,)))
    return build.cast(hit, standard_dtype(dtype or floatx()))


@op
def multi_hot(
    inputs: TensorLike,
    num_classes: Extent,
    axis: Axis = -1,
    dtype: DTypeLike | None = None,
    sparse: bool = False,
) -> Result:
    """1 at the position of each index of a sample, 0 elsewhere: (samples, num_classes) of (samples,
    indices), (num_classes,) of (indices,).

    An index out of range counts nowhere.

    `inputs`: whole numbers of one axis or more, of which axis 1, or the only one, goes; `axis`:
    where `one_hot` puts the axis of classes before that; `dtype`: floatx if None. `sparse` is
    Keras' argument and ignored. ValueError for a single number.

    >>> ops.multi_hot([[0, 2], [1, 1]], 3)
    array([[1., 0., 1.],
           [0., 1., 0.]], dtype=float32)
    """
    hits = node(one_hot(inputs, num_classes, axis, "int32"))
    if hits.ndim < 2:
        raise ValueError("`multi_hot` takes indices of at least one axis. Received: one number")
    found = build.reduce(hits, "max", (1 if hits.ndim > 2 else 0,))
    return build.cast(found, standard_dtype(dtype or floatx()))


@op
def in_top_k(targets: TensorLike, predictions: TensorLike, k: TensorLike) -> Result:
    """Is the prediction for each target class among the `k` largest? Ties count, NaN does not.

    `targets`: whole numbers (rows,); `predictions`: (rows, classes). The result is bool (rows,).

    >>> ops.in_top_k([1, 0], [[0.1, 0.9], [0.2, 0.8]], k=1)
    array([ True, False])
    """
    predictions = node(predictions)
    column = build.expand_dims(build.cast(node(targets), "int32"), (predictions.ndim - 1,))
    target = along_axis(predictions, column, predictions.ndim - 1)
    larger = build.cast(build.ew("lt", target, predictions), "int32")
    rank = build.reduce(larger, "sum", (predictions.ndim - 1,))
    known = build.reshape(build.ew("eq", target, target), rank.shape)
    return build.ew("and", known, build.ew("lt", rank, node(k, "int32")))
