"""Where the workers of a team wait for each other.

Requires: placed buffers and scheduled kernels. Ensures: `plan.barriers` says for each kernel why
all workers must be done with those before it, or "" where each may go on by itself. It may where
all that it touches, of what others write or of what it overwrites, belongs to the rows of its own
part of every kernel since the last barrier.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fncompile.ir.dims import Dim
from fncompile.passes.grouping import overlaps
from fncompile.plan.schedule import ALONE, Partition
from fncompile.plan.types import (
    Affine,
    Buffer,
    Kernel,
    Load,
    Plan,
    Stage,
    buffer_of,
    operands,
    root_buffer,
)


@dataclass(frozen=True)
class Rows:
    """Row i of the part lies between elements `stride * i + first` and `stride * i + last`."""

    stride: Dim
    first: Dim
    last: Dim


@dataclass(frozen=True)
class Touch:
    """`rows`, counted from the start of the root buffer, is None where all of it may be meant."""

    buffer: Buffer
    writes: bool
    rows: Rows | None


@dataclass(frozen=True)
class Work:
    """What is asked of a kernel for each of the others: its partition and its accesses."""

    name: str
    partition: Partition
    touches: list[Touch]


def barriers(plan: Plan, context=None) -> Plan:
    reasons: list[str] = []
    since: list[Work] = []  # the last barrier
    for kernel in plan.kernels:
        work = Work(kernel.name, _effective(kernel), touches(kernel))
        reason = next((r for before in reversed(since) if (r := _conflict(plan, before, work))), "")
        since = [work] if reason else [*since, work]
        reasons.append(reason)
    return replace(plan, barriers=tuple(reasons))


def _conflict(plan: Plan, before: Work, work: Work) -> str:
    """Why the two must be kept apart, or ""."""
    if before.partition == work.partition == ALONE:
        return ""
    together = before.partition == work.partition and work.partition.axis in ("rows", "batches")
    for a in before.touches:
        for b in work.touches:
            if not (a.writes or b.writes) or not _overlap(plan, a, b):
                continue
            same = root_buffer(a.buffer) == root_buffer(b.buffer)
            if not (together and same and _row_by_row(a.rows, b.rows)):
                return _reason(before.name, a, b)
    return ""


def _reason(before: str, a: Touch, b: Touch) -> str:
    what = a.buffer.name if a.buffer == b.buffer else f"{b.buffer.name} where {a.buffer.name} is"
    verb = {True: "writes", False: "reads"}
    return f"{verb[b.writes]} {what}, which {before} {verb[a.writes]}"


def _effective(kernel: Kernel) -> Partition:
    """An extent too short to be cut is the first worker's."""
    found = _partition(kernel)
    short = isinstance(found.extent, int) and found.extent // found.grain < 2
    return ALONE if short and found.axis in ("rows", "columns", "batches") else found


def _partition(kernel: Kernel) -> Partition:
    assert kernel.schedule is not None, f"{kernel.name} has no schedule"
    return kernel.schedule.partition


def _overlap(plan: Plan, a: Touch, b: Touch) -> bool:
    """May the two mean the same memory? What lies at different offsets of the arena does not."""
    one, other = root_buffer(a.buffer), root_buffer(b.buffer)
    if one == other:
        return overlaps(a.buffer, b.buffer)
    return one in plan.offsets and plan.offsets[one] == plan.offsets.get(other)


def _row_by_row(a: Rows | None, b: Rows | None) -> bool:
    """Do row i of one and row j of the other have nothing in common unless i is j?"""
    if a is None or b is None or a.stride != b.stride:
        return False
    gaps = (a.stride - (a.last - b.first), a.stride - (b.last - a.first))
    return all(isinstance(gap, int) and gap > 0 for gap in gaps)


# accesses -----------------------------------------------------------------------------------------


def touches(kernel: Kernel) -> list[Touch]:
    """Every access of the kernel, by the rows of its part."""
    axis = _axis(kernel)
    found = [touch for stage in kernel.stages for touch in _of_stage(stage, axis)]
    product = kernel.product
    if product is not None:
        assert kernel.schedule is not None
        g, m, n, k = product.shape
        for variant in kernel.schedule.variants:
            for operand, domain in ((variant.a, (g, m, k)), (variant.b, (g, k, n))):
                assert operand is not None, f"{kernel.name}: operands are not packed yet"
                left = operand is variant.a
                by_row = operand.layout == "strided" and (axis == 0 or (axis == 1 and left))
                at = operand.at if by_row else None
                found.append(_touch(operand.buffer, at, domain, axis, False))
    others = {o.buffer for o in operands(kernel)} - {t.buffer for t in found}
    found += [Touch(b, False, None) for b in sorted(others, key=lambda b: b.name)]
    return list(dict.fromkeys(found))


def _axis(kernel: Kernel) -> int:
    """Which axis of its stages the kernel's partition cuts."""
    return 1 if kernel.product is not None and _partition(kernel).axis == "rows" else 0


def _of_stage(stage: Stage, axis: int) -> list[Touch]:
    found = [_touch(s.buffer, s.at, stage.domain, axis, True) for s in stage.stores]
    for e in stage.loads:
        at = e.at if isinstance(e, Load) else None
        found.append(_touch(buffer_of(e), at, stage.domain, axis, False))
    return found


def _touch(
    buffer: Buffer, at: Affine | None, domain: tuple[Dim, ...], axis: int, writes: bool
) -> Touch:
    if at is None or buffer.type.dtype != root_buffer(buffer).type.dtype:
        return Touch(buffer, writes, None)
    inner = buffer
    while inner.base is not None:
        at, inner = at.shift(inner.offset), inner.base
    return Touch(buffer, writes, _rows(at, domain, axis))


def _rows(at: Affine, domain: tuple[Dim, ...], axis: int) -> Rows | None:
    """None where the axis does not move the access, or others move it backwards."""
    first = last = at.offset
    for other, step in at.terms:
        if other == axis:
            continue
        if not isinstance(step, int) and not isinstance(domain[other], int):
            return None
        if isinstance(step, int) and step < 0:
            return None
        last = last + (domain[other] - 1) * step
    stride = at.coefficient(axis)
    return Rows(stride, first, last) if stride != 0 else None
