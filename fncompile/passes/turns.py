"""Kernels and repeats of them, from the stages of a program and of its recurrences.

Requires: the stages of each, by where they are computed. Ensures: a tree of steps in an order that
all accesses allow. Stages between which a repeat must run are never in one kernel: a stage belongs
to as late a stretch as it has repeats before it, and each stretch is grouped by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

from fncompile.passes.grouping import dependencies, group
from fncompile.passes.hazards import hazards
from fncompile.passes.inline import OUTSIDE, Recurrence
from fncompile.plan.types import (
    Affine,
    Apply,
    Buffer,
    Decision,
    Load,
    Repeat,
    Stage,
    Step,
    Store,
    buffer_of,
    root_buffer,
)


@dataclass
class Turns:
    """`stages` by home, and the recurrences; `carried` are the buffers of the carries of each."""

    stages: Mapping[str, list[Stage]]
    recurrences: Sequence[Recurrence]
    carried: Mapping[str, tuple[Buffer, ...]]
    allow: Callable[[str], bool]
    decisions: list[Decision] = field(default_factory=list)

    def hazards(self) -> set[str]:
        """Names of what cannot be updated in place."""
        homes = (OUTSIDE, *(r.symbol for r in self.recurrences))
        return {name for home in homes for name in hazards(self._all(home))}

    def steps(self, home: str = OUTSIDE) -> list[Step]:
        inner, count = self._inside(home), len(self.stages.get(home, ()))
        everything = self._all(home)
        stretches: dict[int, list[int]] = defaultdict(list)
        for number, stretch in enumerate(_stretches(everything, count)):
            stretches[stretch].append(number)
        out: list[Step] = []
        for stretch in sorted(stretches):
            numbers = stretches[stretch]
            some = [everything[n] for n in numbers if n < count]
            if some:
                kernels, decisions = group(some, self.allow, self._read_elsewhere(some))
                self.decisions += decisions
                out += kernels
            out += [self._repeat(inner[n - count]) for n in numbers if n >= count]
        return out

    def _inside(self, home: str) -> list[Recurrence]:
        return [r for r in self.recurrences if r.around == home]

    def _all(self, home: str) -> list[Stage]:
        """The stages of `home`, and one for each recurrence in it that stands for all of that."""
        return [*self.stages.get(home, ()), *(self._as_one(r) for r in self._inside(home))]

    def _repeat(self, recurrence: Recurrence) -> Repeat:
        name = recurrence.symbol
        return Repeat(name, recurrence.count, tuple(self.steps(name)), self.carried[name])

    def _as_one(self, recurrence: Recurrence) -> Stage:
        stages = self._below(recurrence.symbol)
        node = recurrence.results[0]
        read = dict.fromkeys(_outside(b) for s in stages for b in _read(s))
        written = dict.fromkeys(_outside(s.buffer) for stage in stages for s in stage.stores)
        loads = tuple(Load(b, Affine(), b.type.dtype) for b in read)
        stores = tuple(Store(b, Affine()) for b in written)
        return Stage(node, "repeat", (), 0, Apply("repeat", loads, ""), stores, "")

    def _below(self, home: str) -> list[Stage]:
        inner = [s for r in self._inside(home) for s in self._below(r.symbol)]
        return [*self.stages.get(home, ()), *inner]

    def _read_elsewhere(self, some: Sequence[Stage]) -> set[Buffer]:
        here = set(map(id, some))
        others = (s for stages in self.stages.values() for s in stages if id(s) not in here)
        return {b for s in others for b in _read(s)}


def _outside(buffer: Buffer) -> Buffer:
    """What stages around a repeat see of a buffer inside: a part as it is, since another part of
    the same result may depend on the repeat; what is carried or updated as one."""
    root = root_buffer(buffer)
    return root if root.has_old_value else buffer


def _read(stage: Stage) -> list[Buffer]:
    found = [buffer_of(e) for e in stage.loads]
    product = stage.product
    return found if product is None else [*found, product.a.buffer, product.b.buffer]


def _stretches(stages: Sequence[Stage], count: int) -> list[int]:
    """For each stage how many repeats, of those from number `count` on, must run before it."""
    before: dict[int, set[int]] = {i: set() for i in range(len(stages))}
    if count < len(stages):
        for edge in dependencies(list(stages)):
            before[edge.target].add(edge.source)
    found = [0] * len(stages)
    for i in TopologicalSorter(before).static_order():
        found[i] = max((found[j] + (j >= count) for j in before[i]), default=0)
    return found
