"""The axes of a contraction, and which of them memory lets walk as one.

Requires: the order of axes that `layout` gives. A group of adjacent axes is one axis to every
access that steps from one to the next as along a row: that of the operands, and of the result,
where it lies. Batches may be several axes. Columns, and what is contracted in the right operand,
are one each, or that operand is copied, which costs less than the product. Of the left operand
rows that are no one axis are batches as well, but the last of them; what is contracted is walked in
segments, whose last axis the tile goes along; or it is copied, whichever costs less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from fncompile.ir.dims import Dim, product
from fncompile.ir.node import Node
from fncompile.passes.access import Indices, linear
from fncompile.plan.machine import machine, usual
from fncompile.plan.types import Affine, axis_index


@dataclass(frozen=True)
class Axes:
    """How many axes each group of a `dot` has; all of them are numbered in the order of the fields.
    """

    batch: int
    rows: int
    columns: int
    contracted: int

    @classmethod
    def of(cls, dot: Node) -> Axes:
        batch, contracted = len(dot.attr[0]), len(dot.attr[2])
        a, b = dot.src
        return cls(batch, a.ndim - batch - contracted, b.ndim - batch - contracted, contracted)

    def groups(self) -> list[range]:
        """The numbers of the axes of each."""
        ends = [0]
        for count in (self.batch, self.rows, self.columns, self.contracted):
            ends.append(ends[-1] + count)
        return [range(start, end) for start, end in pairwise(ends)]

    def left(self) -> list[int]:
        """The numbers of the axes of the left operand."""
        batch, rows, _, contracted = self.groups()
        return [*batch, *rows, *contracted]

    def right(self) -> list[int]:
        """The numbers of the axes of the right operand."""
        batch, _, columns, contracted = self.groups()
        return [*batch, *contracted, *columns]


def extents(dot: Node) -> tuple[Dim, ...]:
    """Of all axes, in their order."""
    left, contracted = dot.src[0].shape, Axes.of(dot).contracted
    return (*dot.shape, *left[len(left) - contracted :])


def points(numbers: Sequence[int]) -> Indices:
    return tuple(axis_index(i) for i in numbers)


def merged(
    group: Sequence[int], sizes: Sequence[Dim], accesses: Sequence[Affine]
) -> list[list[int]]:
    """The axes of a group, those together that every access walks as one; extents of 1 are left
    out."""
    found: list[list[int]] = []
    for axis in group:
        if sizes[axis] == 1:
            continue
        if found and all(_walks_on(at, found[-1][-1], axis, sizes[axis]) for at in accesses):
            found[-1].append(axis)
        else:
            found.append([axis])
    return found


def _walks_on(at: Affine, outer: int, inner: int, extent: Dim) -> bool:
    return at.coefficient(outer) == at.coefficient(inner) * extent


def is_one(group: Sequence[int], sizes: Sequence[Dim], at: Affine) -> bool:
    """Is the group one axis to this access?"""
    return len(merged(group, sizes, [at])) <= 1


def result_in(dot: Node, permute: Node) -> Affine:
    """Where the elements of the contraction lie in the permute that reads it."""
    places = tuple(axis_index(p) for p in permute["perm"])
    return linear(permute.shape, places)


def may_store_as(dot: Node, permute: Node) -> bool:
    """Are rows one axis, and columns, adjacent ones, where the permute has them?"""
    at, sizes = result_in(dot, permute), extents(dot)
    _, rows, columns, _ = Axes.of(dot).groups()
    real = [axis for axis in columns if sizes[axis] != 1]
    return (
        is_one(rows, sizes, at)
        and is_one(columns, sizes, at)
        and (not real or at.coefficient(real[-1]) == 1)
    )


def collapsed(at: Affine, groups: Sequence[Sequence[int]]) -> Affine:
    """The access with each group as one axis: the last of a group carries the stride."""
    terms = ((i, at.coefficient(group[-1])) for i, group in enumerate(groups) if group)
    return Affine(at.offset, tuple((i, c) for i, c in terms if c != 0))


def sizes_of(groups: Sequence[Sequence[int]], sizes: Sequence[Dim]) -> tuple[Dim, ...]:
    return tuple(product(sizes[axis] for axis in group) for group in groups)


def segments(group: Sequence[int], sizes: Sequence[Dim], left: Affine) -> list[list[int]]:
    """What is contracted, as the axes that the left operand walks it along."""
    return merged(group, sizes, [left]) or [[]]


MOST_SEGMENT_AXES = 4  # FNC_OUTER of csrc/kern, and the one that tiles go along
MOST_LOOPS = 4  # that fnc_tile of csrc/include/fnc_model.h has room for


def may_walk(dot: Node, at: Affine) -> bool:
    """Does the left operand cost less where it lies, at `at` by the numbers of all axes, than a
    copy of it would?"""
    sizes, (_, rows, columns, contracted) = extents(dot), Axes.of(dot).groups()
    row_runs, runs = merged(rows, sizes, [at]), segments(contracted, sizes, at)
    if len(row_runs) <= 1 and len(runs) == 1:
        return True
    loops = len(Axes.of(dot).groups()[0]) + len(row_runs) - 1
    if len(runs) > MOST_SEGMENT_AXES or loops > MOST_LOOPS:
        return False
    n, k = (_typical([sizes[i] for i in group]) for group in (columns, contracted))
    height = _typical([sizes[i] for i in (row_runs or [[]])[-1]])
    depth, number = _typical([sizes[i] for i in runs[-1]]), machine()
    walking = k * n * _of_rows(height) + number.walk_call / height + k / depth * number.walk_segment
    return walking <= k * (n * _of_rows(_typical([sizes[i] for i in rows])) + number.copy)


def _of_rows(rows: int) -> float:
    """What a multiply-add costs where there are so many rows at once."""
    return machine().lone_row if rows < machine().tile_rows else 1


def _typical(dims: Sequence[Dim]) -> int:
    return max(1, usual(product(dims)))
