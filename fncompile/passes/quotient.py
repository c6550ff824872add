"""The graph of groups: which stages are together, what is between two groups, what reaches what.

Contracting an edge costs what it changes: the neighbours of the group that goes, and the groups
that did not reach before what they reach now. So thousands of stages of an ordinary network are
grouped in time linear in their edges.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from graphlib import TopologicalSorter


class Quotient:
    """`edges` are (source, target) pairs of stages, without cycles. A group is named by the stage
    that it grew from."""

    def __init__(self, size: int, edges: Sequence[tuple[int, int]]):
        self.edges = edges
        self.of = list(range(size))
        self.members = {g: [g] for g in range(size)}
        self.inside: dict[int, list[int]] = {g: [] for g in range(size)}  # numbers of edges
        self.changes = [0] * size  # how often each group has grown
        self._border: dict[int, set[int]] = {g: set() for g in range(size)}
        self._before: dict[int, set[int]] = {g: set() for g in range(size)}
        self._after: dict[int, set[int]] = {g: set() for g in range(size)}
        for number, (source, target) in enumerate(edges):
            self._border[source].add(number)
            self._border[target].add(number)
            self._before[target].add(source)
            self._after[source].add(target)
        # sets of stages as bits: each group's own, and what can be reached from it
        self._own = {g: 1 << g for g in range(size)}
        self._below = dict.fromkeys(range(size), 0)
        for g in TopologicalSorter(self._after).static_order():
            for s in self._after[g]:
                self._below[g] |= self._own[s] | self._below[s]

    def between(self, a: int, b: int) -> set[int]:
        """Numbers of the edges that lead from one to the other."""
        return self._border[a] & self._border[b]

    def indirect_path(self, a: int, b: int) -> bool:
        """Is there a path from a to b through a third group?"""
        if len(self._after[a]) <= len(self._before[b]):
            return any(self._below[s] & self._own[b] for s in self._after[a] if s != b)
        return any(self._below[a] & self._own[p] for p in self._before[b] if p != a)

    def leads(self, a: int, b: int) -> bool:
        """Is there any path from a to b?"""
        return bool(self._below[a] & self._own[b])

    def merge(self, a: int, b: int) -> None:
        """Put group b, which a leads to directly and by no other way, or not at all, into group a.
        """
        for n in self.members[b]:
            self.of[n] = a
        self.inside[a] += self.inside.pop(b)
        self.inside[a] += self.between(a, b)
        self._border[a] ^= self._border.pop(b)
        self.members[a] += self.members.pop(b)
        self.changes[a] += 1
        self._join(self._before, self._after, a, b)
        self._join(self._after, self._before, a, b)
        self._own[a] |= self._own.pop(b)
        self._below[a] = (self._below[a] | self._below.pop(b)) & ~self._own[a]
        self._tell_those_before(a)

    def _join(self, one: dict[int, set[int]], other: dict[int, set[int]], a: int, b: int) -> None:
        """The neighbours of b on one side become neighbours of a."""
        for g in one.pop(b):
            other[g].discard(b)
            if g != a:
                other[g].add(a)
                one[a].add(g)

    def _tell_those_before(self, g: int) -> None:
        """Who reaches g reaches all that g does."""
        reached = self._own[g] | self._below[g]
        waiting = list(self._before[g])
        while waiting:
            p = waiting.pop()
            if reached & ~self._below[p]:
                self._below[p] |= reached
                waiting += self._before[p]

    def ordered(self) -> list[int]:
        """The groups in an order that all edges allow; of those that could come next, the one that
        grew from, or holds, the earliest stage."""
        first = {g: min(members) for g, members in self.members.items()}
        waiting = {g: len(self._before[g]) for g in self.members}
        ready = [(first[g], g) for g, n in waiting.items() if n == 0]
        heapq.heapify(ready)
        order = []
        while ready:
            g = heapq.heappop(ready)[1]
            order.append(g)
            for s in self._after[g]:
                waiting[s] -= 1
                if waiting[s] == 0:
                    heapq.heappush(ready, (first[s], s))
        return order
