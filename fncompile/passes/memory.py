"""Place every temporary in one arena.

Requires: ordered kernels. Ensures: `plan.offsets` gives each arena buffer that `hoist` did not move
a byte offset that is a multiple of 64 for every value of the symbols, two buffers that are alive at
the same time never overlap, and `plan.arena` is the size of the whole. Both are polynomials in the
symbols: a slot that is used again later is as large as the coefficient-wise largest of its tenants.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from fncompile.ir.dims import Dim, Poly, evaluate, upper_bound
from fncompile.plan.machine import machine
from fncompile.plan.types import (
    Buffer,
    Plan,
    Repeat,
    Step,
    kernels_of,
    reads,
    root_buffer,
    writes,
)

ALIGN = machine().align


@dataclass
class Slot:
    """A piece of the arena and those that live there, one after the other."""

    size: Dim
    tenants: list[Buffer]


class _Free:
    """The slots that nobody uses, by size: (bytes, number)."""

    def __init__(self) -> None:
        self._sizes: list[tuple[int, int]] = []
        self._busy: list[tuple[int, int, int]] = []  # heap of last kernel, bytes, number

    def give_back(self, number: int, size: int, last: int) -> None:
        """The slot is free behind kernel `last`."""
        heapq.heappush(self._busy, (last, size, number))

    def taken(self, size: int, first: int) -> int | None:
        """The slot that is nearest in size, free from kernel `first` on, which no longer is; None
        where all would grow by, or waste, more than `size`."""
        while self._busy and self._busy[0][0] < first:
            insort(self._sizes, heapq.heappop(self._busy)[1:])
        at = bisect_left(self._sizes, (size, -1))
        near = self._sizes[at : at + 1]
        if at > 0:  # of those that are smaller, the first of the largest
            near.append(self._sizes[bisect_left(self._sizes, (self._sizes[at - 1][0], -1))])
        best = min(near, key=lambda s: (abs(s[0] - size), s[1]), default=None)
        if best is None or abs(best[0] - size) > size:
            return None
        self._sizes.remove(best)
        return best[1]


def memory(plan: Plan, context=None) -> Plan:
    slots: list[Slot] = []
    free = _Free()
    for buffer, (first, last) in sorted(live_ranges(plan).items(), key=lambda item: item[1][0]):
        size = round_up(buffer.type.nbytes)
        number = free.taken(_bytes(size), first)
        if number is None:
            number = len(slots)
            slots.append(Slot(size, []))
        slot = slots[number]
        slot.size = upper_bound(slot.size, size)
        slot.tenants.append(buffer)
        free.give_back(number, _bytes(slot.size), last)
    offsets: dict[Buffer, Dim] = {}
    end: Dim = 0
    for slot in slots:
        offsets.update((tenant, end) for tenant in slot.tenants)
        end = end + slot.size
    return replace(plan, offsets=offsets, arena=end)


def live_ranges(plan: Plan) -> dict[Buffer, tuple[int, int]]:
    """First and last kernel that touches each arena buffer; what lives from one turn of a repeat to
    the next, or is touched outside as well, lives through all of it."""
    ranges: dict[Buffer, tuple[int, int]] = {}
    for i, kernel in enumerate(plan.kernels):
        for buffer in _touched(kernel, plan):
            ranges[buffer] = (ranges.get(buffer, (i, i))[0], i)
    for first, last, repeat in _spans(plan.steps):
        kept = {root_buffer(b) for b in repeat.carries}
        for buffer in _touched(repeat, plan):
            start, end = ranges[buffer]
            if buffer in kept or start < first or end > last:
                ranges[buffer] = (min(start, first), max(end, last))
    return ranges


def _touched(step: Step, plan: Plan) -> list[Buffer]:
    found = {root_buffer(b) for b in reads(step) | writes(step)}
    placed = [b for b in found if b.kind == "arena" and b not in plan.prepared_offsets]
    return sorted(placed, key=lambda b: b.name)


def _spans(steps: Iterable[Step], first: int = 0) -> Iterator[tuple[int, int, Repeat]]:
    """Each repeat with the numbers of its first and last kernel, inner ones first."""
    for step in steps:
        if isinstance(step, Repeat):
            yield from _spans(step.body, first)
            last = first + sum(1 for _ in kernels_of(step.body)) - 1
            yield first, last, step
            first = last + 1
        else:
            first += 1


def round_up(size: Dim) -> Dim:
    """`size` with every coefficient rounded up to a multiple of ALIGN."""
    if isinstance(size, int):
        return -(-size // ALIGN) * ALIGN
    return sum(
        (
            Poly(((m, abs(-(-c // ALIGN)) * ALIGN),)) if m else round_up(c)
            for m, c in size.terms
            if c > 0
        ),
        0,
    )


def _bytes(size: Dim) -> int:
    return evaluate(size, _Typical())


class _Typical(dict):
    def __missing__(self, key: str) -> int:
        return 64
