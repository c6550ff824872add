"""Axes by their names: `rearrange`."""

from __future__ import annotations

import re
from itertools import chain
from typing import Any

from fncompile.ops.axes import display, divide_checked, product
from fncompile.ops.composing import extents, tensor
from fncompile.ops.dispatch import op
from fncompile.ops.shaping import reshape, transpose
from fncompile.ops.types import Result, TensorLike


@op
def rearrange(tensor: TensorLike, pattern: str, **axes_lengths: int) -> Result:
    """Axes moved, split and joined, as a pattern says: `"b (h two) w -> b two (h w)"`.

    `tensor`: with the axes that are named before the arrow; `pattern`: the names of its axes and of
    those of the result, the same ones, in brackets where several are one axis; `axes_lengths`: the
    extents of names in brackets, of which one in each may be left out. ValueError where pattern,
    extents and shape do not fit.

    >>> ops.rearrange([0, 1, 2, 3, 4, 5], "(row column) -> column row", column=2)
    array([[0, 2, 4],
           [1, 3, 5]], dtype=int32)
    """
    return _rearranged(tensor, pattern, axes_lengths)


def _rearranged(x: TensorLike, pattern: str, lengths: dict[str, int]) -> Any:
    given = tensor(x)
    before, arrow, after = pattern.partition("->")
    sources, results = _groups(before), _groups(after)
    names, wanted = [*chain(*sources)], [*chain(*results)]
    if not arrow or sorted(names) != sorted(wanted) or len(set(names)) != len(names):
        raise ValueError(
            "A pattern has the same names, each of them once, before and after `->`. "
            f"Received: pattern={pattern!r}"
        )
    if len(sources) != len(given.shape):
        raise ValueError(
            f"The pattern {pattern!r} is for {len(sources)} axes. "
            f"Received: a tensor of shape {display(given.shape)}"
        )
    unknown = sorted(set(lengths) - set(names))
    if unknown:
        raise ValueError(f"The pattern {pattern!r} has no axes called {unknown}.")
    sizes: dict[str, Any] = {}
    for group, extent in zip(sources, extents(given)):
        sizes.update(_sizes(group, extent, lengths, pattern))
    apart = reshape(given, tuple(sizes[name] for name in names))
    moved = transpose(apart, [names.index(name) for name in wanted])
    return reshape(moved, tuple(product(sizes[name] for name in group) for group in results))


def _groups(side: str) -> list[list[str]]:
    """The names of each axis of a side of a pattern."""
    found = re.findall(r"\(([\w\s]*)\)|(\w+)", side)
    if re.sub(r"\([\w\s]*\)|\w+", "", side).strip():
        raise ValueError(f"Names, spaces and brackets make a pattern. Received: {side.strip()!r}")
    return [[one] if one else inside.split() for inside, one in found]


def _sizes(group: list[str], extent: Any, lengths: dict[str, int], pattern: str) -> dict[str, Any]:
    """The extent of each name of one axis; that of one of them may follow from the others."""
    open_ones = [name for name in group if name not in lengths]
    rest = divide_checked(extent, product(lengths[name] for name in group if name in lengths))
    if len(open_ones) > 1 or rest is None or (not open_ones and rest != 1):
        raise ValueError(
            f"The axis ({' '.join(group)}) of {pattern!r} has {display((extent,))[0]} elements: "
            "give the extents of all of its names, or of all but one, that make these. "
            f"Received: {({name: lengths[name] for name in group if name in lengths})}"
        )
    return {name: lengths.get(name, rest) for name in group}
