"""The loop nest of a kernel: every decision about its loops.

Three ways to fill a vector, in the order in which they are tried:

1. Where a reduction walks memory with a stride while the last outer axis is contiguous (a sum over
   the batch), rows go side by side: as many as the
   schedule has lanes, through all parts.
2. Where a long row is reduced in a way that is left to no compiler (it would lose a NaN in a
   maximum), or was once compiled wrongly, the row itself goes ROW_LANES points at a time, each with
   a result of its own.
3. Otherwise the compiler may take the points of the innermost axis side by side, and reorder sums
   along it, unless it has been seen to compile such a loop wrongly.
"""

from __future__ import annotations

from dataclasses import replace

from fncompile.codegen.nest.types import (
    FEWER,
    PARALLEL,
    REDUCED,
    SEQUENTIAL,
    SINGLE,
    Axis,
    Nest,
    Part,
)
from fncompile.ir.dims import Dim
from fncompile.plan.types import Bits, GatherLoad, Kernel

ROW_LANES = 16


def nest_of(kernel: Kernel) -> Nest:
    """The nest of a kernel without a product or packing."""
    shared = kernel.loops[0].domain[: kernel.outer]
    outer = tuple(Axis(i, extent, PARALLEL) for i, extent in enumerate(shared))
    assert kernel.schedule is not None
    lanes = kernel.schedule.lanes
    if lanes != 1:
        outer = (*outer[:-1], replace(outer[-1], vector=True, block=lanes, tail=FEWER))
        parts = tuple(_part(kernel, i, len(outer)) for i in range(len(kernel.loops)))
        return Nest(kernel, kernel.schedule.partition, outer, parts)
    if len(kernel.loops) == 1 and len(kernel.loops[0].domain) == len(outer):
        outer = outer[:-1]  # points alone: the last axis is the part's own, its innermost
    parts = tuple(
        _vectorised(_part(kernel, i, len(outer))) for i in range(len(kernel.loops))
    )
    return Nest(kernel, kernel.schedule.partition, outer, parts)


def _part(kernel: Kernel, position: int, outer: int) -> Part:
    loop = kernel.loops[position]
    first = sum(len(other.stages) for other in kernel.loops[:position])
    split = next((len(s.kept) for s in loop.stages if s.reduced), len(loop.domain))
    role = SEQUENTIAL if loop.stages[0].kind == "scatter" else PARALLEL
    kept = tuple(Axis(i, loop.domain[i], role) for i in range(outer, split))
    reduced = tuple(Axis(i, loop.domain[i], REDUCED) for i in range(split, len(loop.domain)))
    return Part(first, loop.stages, kept, reduced)


def _vectorised(part: Part) -> Part:
    """With the innermost axis as it is best taken."""
    if not part.axes:
        return part
    axis = _innermost(part, part.axes[-1])
    if part.reduced:
        return replace(part, reduced=(*part.reduced[:-1], axis))
    return replace(part, kept=(*part.kept[:-1], axis))


def _innermost(part: Part, axis: Axis) -> Axis:
    kinds = {s.kind for s in part.stages}
    plain = not any(isinstance(e, (GatherLoad, Bits)) for s in part.stages for e in s.loads)
    if not plain or not kinds <= {"map", "sum", "prod", "max", "min"}:
        return axis
    long = not isinstance(axis.extent, int) or axis.extent >= 2 * ROW_LANES
    strict = bool(kinds & {"max", "min"})
    if part.reduced and long and (strict or not vectorises(axis.extent)):
        return replace(axis, vector=True, block=ROW_LANES, tail=SINGLE)
    return replace(axis, vector=not strict and vectorises(axis.extent))


def vectorises(extent: Dim) -> bool:
    """May the loop be marked `omp simd`?

    gcc 12.2 tuned for znver3 has given wrong numbers for marked loops with a short constant trip
    that is no multiple of the vector (tests/programs/test_short_loops.py); such loops gain nothing
    by it.
    """
    return not isinstance(extent, int) or (extent >= 16 and extent % 8 == 0)
