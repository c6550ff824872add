"""The order of kernels.

Requires: a fused Plan. Ensures: the order that `fuse` gave is kept where nothing speaks against it,
and among kernels that could run next, one that frees memory runs before one that takes more.
Kernels are named by their position.
"""

from __future__ import annotations

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
        for b in (*read, *written):
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

    def meets(self, other: _Span) -> bool:
        return self.start < other.end and other.start < self.end

    def covers(self, other: _Span) -> bool:
        return self.start <= other.start and other.end <= self.end


class _Accesses:
    """Who touched which part of one memory: the last to write it, and those that read it since."""

    def __init__(self) -> None:
        self._found: list[tuple[_Span, int, bool]] = []  # part, step, does it write?

    def behind(self, span: _Span, writes: bool) -> set[int]:
        """Whom one that reads or writes the part must follow."""
        return {i for at, i, wrote in self._found if (writes or wrote) and at.meets(span)}

    def note(self, span: _Span, step: int, writes: bool) -> None:
        if writes:
            self._found = [one for one in self._found if not span.covers(one[0])]
        self._found.append((span, step, writes))


class _Pressure:
    """`growth[i]`: bytes that become live, minus those that die, when step i runs next. All that
    still read a buffer have a share in its death: the gradients of a layer's weights run as soon
    as they can, while what they read is near, though none of them is the last to read it."""

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
            weight = -(self.size[b] // len(users)) if users else 0
            for j in users:
                self.growth[j] += weight - self.weight[b]
                changed.append(j)
            self.weight[b] = weight
        return changed
