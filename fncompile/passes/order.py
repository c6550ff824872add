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

from fncompile.ir.dims import evaluate
from fncompile.passes.naming import name_kernels
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
    last_write: dict[Buffer, int] = {}
    reads_since: dict[Buffer, list[int]] = defaultdict(list)
    for i, step in enumerate(steps):
        written = {root_buffer(b) for b in writes(step)}
        read = {root_buffer(b) for b in reads(step)}
        sources = {last_write[b] for b in written | read if b in last_write}
        sources.update(j for b in written for j in reads_since[b])
        found.append(sources)
        for b in written:
            last_write[b], reads_since[b] = i, []
        for b in read - written:
            reads_since[b].append(i)
    return found


class _Pressure:
    """`growth[i]`: bytes that become live, minus bytes that die, when step i runs next."""

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
        self.live: set[Buffer] = set()
        self.growth = [
            sum(self.size[b] for b in buffers if len(self.users[b]) > 1) for buffers in self.touched
        ]

    def run(self, i: int) -> list[int]:
        """Step i has run: gives those for which the growth is another now."""
        changed: list[int] = []
        for b in self.touched[i]:
            self.users[b].remove(i)
            if b not in self.live:  # no user makes it live any more
                self.live.add(b)
                self._shrink(self.users[b], b, changed)
            if len(self.users[b]) == 1:  # the last user lets it die
                self._shrink(self.users[b], b, changed)
        return changed

    def _shrink(self, kernels: set[int], buffer: Buffer, changed: list[int]) -> None:
        for i in kernels:
            self.growth[i] -= self.size[buffer]
            changed.append(i)
