"""Elements that are equal to none before: `unique`."""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile.graph.eager import known_value
from fncompile.ops.axes import canonical_axis
from fncompile.ops.casting import cast
from fncompile.ops.composing import extents, known, tensor
from fncompile.ops.creation import arange
from fncompile.ops.dispatch import op
from fncompile.ops.indexing import take
from fncompile.ops.joining import concatenate
from fncompile.ops.logic import not_equal, where
from fncompile.ops.reductions import any as any_of
from fncompile.ops.reductions import cumsum
from fncompile.ops.segments import segment_min, segment_sum
from fncompile.ops.shaping import expand_dims, moveaxis, ravel, reshape
from fncompile.ops.sorting import argsort
from fncompile.ops.types import Result, TensorLike


@op
def unique(
    x: TensorLike,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Result:
    """The different elements in ascending order, each of them once; NaN are different.

    `x`: a tensor, which is flattened, or with `axis` the pieces along an axis, in the order of
    their first numbers, then of their second. `size`: how many are given, in the model's stead, as
    a shape cannot depend on values; further places get `fill_value`, the smallest element if None,
    and what is beyond is dropped. `sorted` = False allows any order: it is this one.

    With `return_index` also where each occurs first, with `return_inverse` which of them each
    element of `x` is, with `return_counts` how often each occurs, all of them int32. ValueError in
    a model without `size`.

    >>> ops.unique([3, 1, 2, 1, 3], return_counts=True)
    (array([1, 2, 3], dtype=int32), array([2, 1, 2], dtype=int32))
    """
    x = tensor(x)
    pieces = ravel(x) if axis is None else moveaxis(x, canonical_axis(axis, len(x.shape)), 0)
    rows = extents(pieces)[0]
    flat: Any = reshape(pieces, (rows, -1)) if axis is not None else expand_dims(pieces, 1)
    order, place = _places(flat)
    count = size if size is not None else _count(place)
    first = segment_min(order, place, count)
    occurs = segment_sum(where(order >= 0, 1, 0), place, count)
    there = occurs > 0
    first = where(there, first, first[:1])  # the smallest again, where there are no more
    values: Any = take(pieces, first, axis=0)
    if fill_value is not None:
        mask = reshape(there, (-1, *[1] * (len(pieces.shape) - 1)))
        values = where(mask, values, cast(fill_value, x.dtype))
    inverse = segment_sum(place, order, rows)
    results = [values if axis is None else moveaxis(values, 0, axis)]
    results += [first] if return_index else []
    if return_inverse:
        results.append(reshape(inverse, extents(x)) if axis is None else inverse)
    results += [occurs] if return_counts else []
    return results[0] if len(results) == 1 else tuple(results)


def _places(rows: Any) -> tuple[Any, Any]:
    """The order of the rows, and for each row in that order the number of different ones before."""
    order: Any = arange(extents(rows)[0], dtype="int32")
    for column in range(known("How many numbers a piece has", extents(rows)[1])[0])[::-1]:
        order = take(order, argsort(take(rows[:, column], order)))
    ordered: Any = take(rows, order, axis=0)
    new = any_of(not_equal(ordered[1:], ordered[:-1]), axis=1)
    steps = concatenate([tensor(np.zeros(1, "int32")), cast(new, "int32")], axis=0)
    return order, cumsum(steps[: extents(rows)[0]])


def _count(place: Any) -> int:
    numbers = known_value(place)
    if numbers is None:
        raise ValueError(
            "`unique` has as many results as there are different elements, which a compiled model "
            "cannot know: shapes are fixed when it is built. Say how many by `size`."
        )
    return int(numbers[-1]) + 1 if numbers.size else 0
