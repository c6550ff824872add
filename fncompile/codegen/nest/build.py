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
from fncompile.ir.dims import Dim, Poly
from fncompile.ir.types import DTYPES, is_float
from fncompile.plan.machine import machine
from fncompile.plan.partition import keeps_sums
from fncompile.plan.types import (
    Bits,
    Expr,
    GatherLoad,
    Guarded,
    Kernel,
    Load,
    Stage,
    Value,
    children,
    indices,
    loads,
)

ROW_LANES = 16
STREAM = 256  # points whose random bits are made at once: 1 KB of the stack, 20 calls of Philox


def nest_of(kernel: Kernel) -> Nest:
    """The nest of a kernel without a product or packing."""
    shared = kernel.loops[0].domain[: kernel.outer]
    outer = tuple(Axis(i, extent, PARALLEL) for i, extent in enumerate(shared))
    assert kernel.schedule is not None
    lanes = kernel.schedule.lanes
    if lanes != 1:
        outer = (*outer[:-1], replace(outer[-1], vector=True, block=lanes, tail=FEWER))
        parts = tuple(_of_lanes(_part(kernel, i, len(outer)), outer[-1])
                      for i in range(len(kernel.loops)))
        return Nest(kernel, kernel.schedule.partition, outer, parts)
    if len(kernel.loops) == 1 and len(kernel.loops[0].domain) == len(outer):
        # Points alone: the last axis is the part's own, its innermost; or the last two.
        outer = outer[:-2] if _columns(_part(kernel, 0, 0)) else outer[:-1]
    parts = tuple(_vectorised(_part(kernel, i, len(outer))) for i in range(len(kernel.loops)))
    return Nest(kernel, kernel.schedule.partition, outer, parts)


def _part(kernel: Kernel, position: int, outer: int) -> Part:
    loop = kernel.loops[position]
    first = sum(len(other.stages) for other in kernel.loops[:position])
    split = next((len(s.kept) for s in loop.stages if s.reduced), len(loop.domain))
    role = SEQUENTIAL if loop.stages[0].kind == "scatter" else PARALLEL
    kept = tuple(Axis(i, loop.domain[i], role) for i in range(outer, split))
    reduced = tuple(Axis(i, loop.domain[i], REDUCED) for i in range(split, len(loop.domain)))
    return Part(first, loop.stages, kept, reduced)


def _of_lanes(part: Part, axis: Axis) -> Part:
    """Of many sums each has a loop of its own: gcc keeps the lanes of a short loop with one sum in
    registers, of one with nine it does not. Gradient of a depthwise 3x3, 32 images of 16 x 16 x
    128: 260 us, not 870 (AMD Zen 4)."""
    sums = all(s.kind == "sum" for s in part.stages)
    return _with_streams(replace(part, apart=sums and keeps_sums(part.stages)), axis)


def _with_streams(part: Part, axis: Axis) -> Part:
    """With the random bits that lie side by side along `axis`, which is walked by the innermost
    loop."""
    if _is_short(axis):
        return part
    found = [e for s in part.stages for e in s.loads if isinstance(e, Bits)]
    along = dict.fromkeys(e for e in found if e.at.coefficient(axis.number) == 1)
    return replace(part, streams=tuple(along))


def _vectorised(part: Part) -> Part:
    """With the innermost axis as it is best taken."""
    if not part.axes:
        return part
    axis = part.axes[-1]
    if axis.role == SEQUENTIAL:
        return replace(part, kept=(*part.kept[:-1], _scattered(part, axis)))
    if size := _columns(part):
        along = replace(part.kept[-2], block=machine().column_points, tail=FEWER)
        return replace(part, kept=(*part.kept[:-2], along, axis), columns=size)
    part = replace(_with_streams(part, axis), rows=_rows(part, axis))
    axis = _innermost(part, axis)
    fits = isinstance(axis.extent, int) and axis.extent <= STREAM and axis.number != 0
    if part.streams and not fits:  # the first axis of a kernel may be cut
        axis = replace(axis, block=STREAM, tail=FEWER)
    if part.reduced:
        in_order = frozenset() if axis.vector else _sums_in_order(part)
        return replace(part, reduced=(*part.reduced[:-1], axis), in_order=in_order)
    return replace(part, kept=(*part.kept[:-1], axis))


def _columns(part: Part) -> int:
    """Bytes of an element, where so much of what a point reads is the same along the axis before
    the innermost one that it is worth keeping in registers, as the kernel of a depthwise
    convolution; else 0."""
    if part.reduced or len(part.kept) < 2 or any(s.kind != "map" for s in part.stages):
        return 0
    along, axis = part.kept[-2:]
    size = max(DTYPES[DTYPES[s.dtype].in_register].size for s in part.stages)
    found = {e for s in part.stages for e in s.loads}
    plain = [e.at for e in found if isinstance(e, Load)]
    if len(plain) < len(found) or not isinstance(axis.extent, int):
        return 0
    columns = [at for at in plain if at.coefficient(axis.number) == 1]
    same = [at for at in columns if at.coefficient(along.number) == 0]
    vectors, left = divmod(axis.extent * size, machine().align)
    return size if vectors > 1 and left == 0 and len(same) >= machine().kept_loads else 0


def _innermost(part: Part, axis: Axis) -> Axis:
    kinds = {s.kind for s in part.stages}
    indirect = {e for s in part.stages for e in s.loads if isinstance(e, (GatherLoad, Bits))}
    if not indirect <= {*part.streams, *part.rows}:
        return axis
    if kinds == {"map"}:
        return replace(axis, vector=vectorises(axis.extent))
    if indirect or not kinds <= {"map", "sum", "prod", "max", "min"}:
        return axis
    long = not isinstance(axis.extent, int) or axis.extent >= 2 * ROW_LANES
    strict = bool(kinds & {"max", "min"})
    if long and (strict or not vectorises(axis.extent)):
        return replace(axis, vector=True, block=ROW_LANES, tail=SINGLE)
    return replace(axis, vector=not strict and vectorises(axis.extent))


def _scattered(part: Part, axis: Axis) -> Axis:
    """Along one row that is added to, no two points meet."""
    stage = part.stages[0]
    assert stage.row is not None
    if _moves(stage.row, part, axis.number):
        return axis
    plain = not any(isinstance(e, (GatherLoad, Bits)) for e in loads(stage.expr))
    return replace(axis, role=PARALLEL, vector=plain and vectorises(axis.extent))


def _rows(part: Part, axis: Axis) -> tuple[GatherLoad, ...]:
    """What gathers along `axis` from one row, which may be read whether it is wanted or not."""
    if _is_short(axis):
        return ()
    found: dict[GatherLoad, None] = {}
    stack = [e for s in part.stages for e in (s.expr, s.row) if e is not None]
    while stack:
        e = stack.pop()
        if isinstance(e, GatherLoad) and _is_row(e, part, axis.number):
            found[e] = None
        elif not isinstance(e, Guarded):  # what is inside one may not be read everywhere
            stack.extend(children(e))
    return tuple(found)


def _is_short(axis: Axis) -> bool:
    """Is what is made ahead of its loop not worth it? 3 points gathered took 3 % longer."""
    return isinstance(axis.extent, int) and axis.extent < ROW_LANES


def _is_row(gather: GatherLoad, part: Part, axis: int) -> bool:
    there_is_one = isinstance(gather.rows, int) and gather.rows > 0
    return there_is_one and not _moves(gather.row, part, axis)


def _moves(expr: Expr, part: Part, axis: int) -> bool:
    """May its value change along `axis`, one of the part's own?"""
    stack, own = [expr], {i for i, _ in part.numbered()}
    while stack:
        e = stack.pop()
        if isinstance(e, Value) and e.stage in own:
            return True
        stack.extend(children(e))
    return any(at.coefficient(axis) != 0 for at in indices(expr))


def _sums_in_order(part: Part) -> frozenset[int]:
    """Sums that gcc 12.2 would vectorise wrongly: of numbers that are read backwards along the
    innermost axis, and several of every second number, or fewer.

    In strict order it vectorises the loop around them and then reads the wrong numbers: where it
    unrolls a loop of two points, and where two sums of float64, or four of float32, under one
    condition read numbers side by side, which then all get into the first.
    tests/programs/test_short_loops.py has both.
    """
    innermost = part.axes[-1].number
    floats = {i: s for i, s in part.numbered() if s.kind in ("sum", "prod") and is_float(s.dtype)}

    def goes_wrong(stage: Stage) -> bool:
        steps = [e.at.coefficient(innermost) for e in stage.loads if isinstance(e, Load)]
        backward = any((s.terms[0][1] if isinstance(s, Poly) else s) < 0 for s in steps)
        return backward or (len(floats) > 1 and any(isinstance(s, int) and s > 1 for s in steps))

    return frozenset(i for i, stage in floats.items() if goes_wrong(stage))


def vectorises(extent: Dim) -> bool:
    """May the loop be marked `omp simd`?

    gcc 12.2 tuned for znver3 has given wrong numbers for marked loops with a short constant trip
    that is no multiple of the vector (tests/programs/test_short_loops.py); such loops gain nothing
    by it.
    """
    return not isinstance(extent, int) or (extent >= 16 and extent % 8 == 0)
