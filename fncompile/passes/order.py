"""The order of kernels.

Requires: a fused Plan. Ensures: the order that `fuse` gave is kept where nothing speaks against it,
and among kernels that could run next, one that frees memory runs before one that takes more.
Kernels are named by their position.
"""

from __future__ import annotations

import bisect
import heapq
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from math import inf
from typing import NamedTuple

from fncompile.ir.dims import evaluate
from fncompile.ir.types import DTYPES
from fncompile.passes.naming import name_kernels
from fncompile.plan.expressions import memory_place
from fncompile.plan.machine import machine
from fncompile.plan.types import Buffer, Plan, Repeat, Step, reads, root_buffer, writes


def order(plan: Plan, context=None) -> Plan:
    return replace(plan, steps=name_kernels(_ordered(plan.steps, plan)))


def _ordered(steps: Sequence[Step], plan: Plan) -> list[Step]:
    steps = [
        replace(s, body=tuple(_ordered(s.body, plan))) if isinstance(s, Repeat) else s
        for s in steps
    ]
    waits = before(steps)
    after: dict[int, list[int]] = defaultdict(list)
    for i, sources in enumerate(waits):
        for j in sources:
            after[j].append(i)
    pressure = _Pressure(steps, plan.kernel_symbols)
    ready: list[int] = []  # heaps; what is done is left in the other one and passed over
    freeing: list[int] = []
    done: list[int] = []
    was_done = [False] * len(steps)

    def offer(i: int) -> None:
        if not waits[i] and pressure.growth[i] <= 0:
            heapq.heappush(freeing, i)

    for i, sources in enumerate(waits):
        if not sources:
            heapq.heappush(ready, i)
            offer(i)
    while ready:
        best = heapq.heappop(freeing or ready)
        if was_done[best]:
            continue
        was_done[best] = True
        done.append(best)
        for i in pressure.run(best):
            offer(i)
        for i in after[best]:
            waits[i].remove(best)
            if not waits[i]:
                heapq.heappush(ready, i)
                offer(i)
    assert len(done) == len(steps), "the kernels wait for each other"
    return [steps[i] for i in done]


def before(steps: Sequence[Step]) -> list[set[int]]:
    """For each step those that it must follow: wherever two touch the same memory and one of them
    writes it. What follows from others is left out."""
    found: list[set[int]] = []
    memory: dict[Buffer, _Accesses] = defaultdict(_Accesses)
    for i, step in enumerate(steps):
        sources: set[int] = set()
        written, read = writes(step), reads(step)
        for b in read | written:
            sources.update(memory[root_buffer(b)].behind(_Span.of(b), b in written))
        found.append(sources)
        for b in written:
            memory[root_buffer(b)].note(_Span.of(b), i, True)
        for b in read - written:
            memory[root_buffer(b)].note(_Span.of(b), i, False)
    return found


class _Span(NamedTuple):
    """The bytes of its outermost buffer that one takes: all, where they are not known."""

    start: float
    end: float

    @classmethod
    def of(cls, buffer: Buffer) -> _Span:
        _, start, dtype = memory_place(buffer)
        size = buffer.type.nbytes
        if buffer.base is None or not isinstance(start, int) or not isinstance(size, int):
            return cls(-inf, inf)
        start *= DTYPES[dtype].size
        return cls(start, start + size)


class _Accesses:
    """Who touched which part of one memory: the last to write it, and those that read it since.
    A gradient of many weights has as many parts, so they are kept in order and looked up."""

    def __init__(self) -> None:
        self._all: list[tuple[int, bool]] = []  # of all of it: step, does it write?
        self._parts: list[tuple[float, float, int, bool]] = []  # sorted: start, end, step, writes
        self._longest = 0.0

    def behind(self, span: _Span, writes: bool) -> set[int]:
        """Whom one that reads or writes the part must follow."""
        near = self._parts[self._near(span)]
        found = {i for _, end, i, wrote in near if (writes or wrote) and end > span.start}
        return found | {i for i, wrote in self._all if writes or wrote}

    def note(self, span: _Span, step: int, writes: bool) -> None:
        start, end = span
        if writes:
            near = self._near(span)
            self._parts[near] = [p for p in self._parts[near] if p[0] < start or p[1] > end]
        if start > -inf:
            bisect.insort(self._parts, (start, end, step, writes))
            self._longest = max(self._longest, end - start)
        else:
            self._all = [*([] if writes else self._all), (step, writes)]

    def _near(self, span: _Span) -> slice:
        """Where parts are that may meet this one."""
        first = bisect.bisect_left(self._parts, (span.start - self._longest,))
        return slice(first, bisect.bisect_left(self._parts, (span.end,)))


class _Pressure:
    """`growth[i]`: bytes that become live, minus those that die, when step i runs next. All that
    still read a buffer have a share in its death: the gradients of a layer's weights run as soon
    as they can, while what they read is near, though none of them is the last to read it. Of many
    readers the share is made anew when half of them are left, so that all take linear time."""

    def __init__(self, steps: Sequence[Step], symbols: Sequence[str]):
        sizes = dict.fromkeys(symbols, machine().typical)
        self.touched = [
            [b for b in {root_buffer(b) for b in reads(s) | writes(s)} if b.kind == "arena"]
            for s in steps
        ]
        self.users: dict[Buffer, set[int]] = defaultdict(set)
        for i, buffers in enumerate(self.touched):
            for b in buffers:
                self.users[b].add(i)
        self.size = {b: evaluate(b.type.nbytes, sizes) for b in self.users}
        self.weight = dict(self.size)  # what b adds to the growth of each of its users
        self.growth = [
            sum(self.size[b] for b in buffers if len(self.users[b]) > 1) for buffers in self.touched
        ]

    def run(self, i: int) -> list[int]:
        """Step i has run: gives those for which the growth is another now."""
        changed: list[int] = []
        for b in self.touched[i]:
            users = self.users[b]
            users.remove(i)
            live = self.weight[b] <= 0
            if live and len(users).bit_count() > 1:
                continue
            weight = -(self.size[b] // len(users)) if users else 0
            for j in users:
                self.growth[j] += weight - self.weight[b]
                changed.append(j)
            self.weight[b] = weight
        return changed
