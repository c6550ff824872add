"""Where the workers of a team wait for each other.

Requires: placed buffers and scheduled kernels. Ensures: `plan.barriers` says for each kernel why
all workers must be done with those before it, or "" where each may go on by itself. It may where
all that it touches, of what others write or of what it overwrites, belongs to the rows of its own
part of every kernel since the last barrier.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from fncompile.ir.dims import Dim, substitute
from fncompile.ir.dims import symbol as symbol_of
from fncompile.passes.grouping import enclosing, overlaps
from fncompile.passes.loops import move
from fncompile.passes.rows import non_negative
from fncompile.plan.schedule import ALONE, Partition
from fncompile.plan.types import (
    Affine,
    Buffer,
    Kernel,
    Load,
    Loop,
    Operand,
    Plan,
    Repeat,
    Stage,
    Step,
    buffer_of,
    mapped,
    operands,
    root_buffer,
    whole,
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
    reasons = {kernel.name: "" for kernel in plan.kernels}
    _walk(plan, plan.steps, _Since(plan), reasons)
    return replace(plan, barriers=tuple(reasons[kernel.name] for kernel in plan.kernels))


class _Since:
    """The work since the last barrier, by the memory that it touches: what a kernel conflicts with
    is found without asking all before it."""

    def __init__(self, plan: Plan, work: Iterable[Work] = ()):
        self.plan, self.work = plan, list[Work]()
        # numbers of works that touch a buffer, or a part of it; and of those that write there
        self._at: dict[tuple[Buffer, bool], list[int]] = defaultdict(list)
        self._inside: dict[tuple[Buffer, bool], list[int]] = defaultdict(list)
        self._tenants: dict[Dim, set[Buffer]] = defaultdict(set)  # of one place in the arena
        for item in work:
            self.add(item)

    def add(self, work: Work) -> None:
        number = len(self.work)
        self.work.append(work)
        for touch in work.touches:
            around = enclosing(whole(touch.buffer))
            for only_writes in {False, touch.writes}:
                self._at[around[0], only_writes].append(number)
                for buffer in around[1:]:
                    self._inside[buffer, only_writes].append(number)
            if around[-1] in self.plan.offsets:
                self._tenants[self.plan.offsets[around[-1]]].add(around[-1])

    def conflict(self, work: Work) -> str:
        """Why the last one of them that must be kept apart from `work` must be, or ""."""
        for number in sorted(set(self._near(work)), reverse=True):
            reason = _conflict(self.plan, self.work[number], work)
            if reason:
                return reason
        return ""

    def _near(self, work: Work) -> Iterator[int]:
        """Those that touch the same memory, where one of the two writes."""
        for touch in work.touches:
            around, written = enclosing(whole(touch.buffer)), not touch.writes
            for buffer in around:
                yield from self._at.get((buffer, written), ())
            yield from self._inside.get((around[0], written), ())
            for other in self._tenants.get(self.plan.offsets.get(around[-1], -1), ()):
                if other != around[-1]:
                    yield from self._at.get((other, written), ())
                    yield from self._inside.get((other, written), ())


def _walk(plan: Plan, steps: Iterable[Step], since: _Since, reasons: dict[str, str]) -> _Since:
    """Notes the reasons of `steps`, which follow the work `since` the last barrier, and gives the
    work since the last one behind them. The first turn of a repeat follows what is before it, any
    other one its own turn before; what is behind follows the last turn, or, without any, what was
    before."""
    for step in steps:
        if isinstance(step, Repeat):
            turn = symbol_of(step.symbol)
            _walk(plan, _in_turn(step, 0), _Since(plan, since.work), reasons)
            before = _walk(plan, step.body, _Since(plan), reasons)
            _walk(plan, _in_turn(step, turn + 1), before, reasons)
            last = _walk(plan, _in_turn(step, step.count - 1), _Since(plan), reasons)
            since = _Since(plan, [*since.work, *last.work])
            continue
        work = Work(step.name, _effective(step), touches(step))
        reasons[step.name] = reasons[step.name] or since.conflict(work)
        since = _Since(plan) if reasons[step.name] else since
        since.add(work)
    return since


def _in_turn(repeat: Repeat, turn: Dim) -> list[Step]:
    """The body as it is in that turn."""
    given = {repeat.symbol: turn}

    def affine(at: Affine) -> Affine:
        terms = tuple((axis, substitute(c, given)) for axis, c in at.terms)
        return Affine(substitute(at.offset, given), terms)

    def operand(o: Operand | None) -> Operand | None:
        return None if o is None else replace(o, at=affine(o.at))

    def kernel(k: Kernel) -> Kernel:
        assert k.schedule is not None
        loops = tuple(Loop(tuple(move(s, affine) for s in loop.stages)) for loop in k.loops)
        variants = tuple(replace(v, a=operand(v.a), b=operand(v.b)) for v in k.schedule.variants)
        return replace(k, loops=loops, schedule=replace(k.schedule, variants=variants))

    return mapped(repeat.body, kernel)


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
            apart = _row_by_row(a.rows, b.rows, work.partition.extent)
            if not (together and same and apart):
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


def _row_by_row(a: Rows | None, b: Rows | None, rows: Dim) -> bool:
    """Do row i of one and row j of the other have nothing in common unless i is j?"""
    if a is None or b is None or a.stride != b.stride:
        return False
    gaps = (a.stride - (a.last - b.first), a.stride - (b.last - a.first))
    if all(isinstance(gap, int) and gap > 0 for gap in gaps):
        return True
    return _is_behind(a, b, rows) or _is_behind(b, a, rows)


def _is_behind(a: Rows, b: Rows, rows: Dim) -> bool:
    """Does all of `a` lie before all of `b`, as what a turn reads lies before what it writes?"""
    return non_negative(b.first - a.last - a.stride * (rows - 1) - 1)


# accesses -----------------------------------------------------------------------------------------


def touches(kernel: Kernel) -> list[Touch]:
    """Every access of the kernel, by the rows of its part."""
    axis = _axis(kernel)
    found = [touch for stage in kernel.stages for touch in _of_stage(stage, axis)]
    product = kernel.product
    if product is not None:
        assert kernel.schedule is not None
        left_and_right = product.left_domain, product.right_domain
        for variant in kernel.schedule.variants:
            for operand, domain in zip((variant.a, variant.b), left_and_right):
                assert operand is not None, f"{kernel.name}: operands are not packed yet"
                left = operand is variant.a
                by_row = operand.layout == "strided" and (axis < len(product.batches) or left)
                at = operand.at if by_row else None
                found.append(_touch(operand.buffer, at, domain, axis, False))
    others = {o.buffer for o in operands(kernel)} - {t.buffer for t in found}
    found += [Touch(b, False, None) for b in sorted(others, key=lambda b: b.name)]
    return list(dict.fromkeys(found))


def _axis(kernel: Kernel) -> int:
    """Which axis of its stages the kernel's partition cuts."""
    if kernel.product is None or _partition(kernel).axis != "rows":
        return 0
    return len(kernel.product.batches)


def _of_stage(stage: Stage, axis: int) -> list[Touch]:
    if stage.routine is not None:  # whose items are anywhere in its arrays
        found = [Touch(s.buffer, True, None) for s in stage.stores]
        return found + [Touch(buffer_of(e), False, None) for e in stage.loads]
    found = [_touch(s.buffer, s.at, stage.domain, axis, True) for s in stage.stores]
    for e in stage.loads:
        at = e.at if isinstance(e, Load) else None
        found.append(_touch(buffer_of(e), at, stage.domain, axis, False))
    return [touch for touch in found if touch.buffer.kind != "local"]


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
