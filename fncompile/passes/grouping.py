"""Contract edges of the graph of stages until each group is one kernel.

Requires: stages with their accesses. Ensures: groups that are convex (no path leaves one and comes
back), so that an order exists; a reason for every edge that stays.

A group of pointwise and reducing stages shares `outer` leading axes, along which each row reads
only what the same row wrote. A group around a contraction holds the product and the pointwise
stages that follow it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

from fncompile.passes.apart import stores_apart
from fncompile.passes.loops import merge_axes_to, partition
from fncompile.passes.materialize import describe
from fncompile.passes.quotient import Quotient
from fncompile.passes.rows import Rows, independent_rows
from fncompile.passes.siblings import join_siblings
from fncompile.plan.types import (
    Affine,
    Buffer,
    Decision,
    Kernel,
    Load,
    Stage,
    buffer_of,
    root_buffer,
    whole,
)


@dataclass(frozen=True)
class Edge:
    """Stage `source` must come before `target`; `buffer` is what they share.

    `kind`: "raw" (read after write), "war" (write after read), "waw".
    """

    source: int
    target: int
    buffer: Buffer
    kind: str


def accesses(stage: Stage) -> list[tuple[Buffer, Affine | None]]:
    """What a stage reads, and where (None: anywhere)."""
    if stage.routine is not None:
        return [(buffer_of(e), None) for e in stage.loads]
    found: list[tuple[Buffer, Affine | None]] = [
        (buffer_of(e), e.at if isinstance(e, Load) else None) for e in stage.loads
    ]
    if stage.product is not None:
        found += [(stage.product.a.buffer, None), (stage.product.b.buffer, None)]
    return found


def overlaps(a: Buffer, b: Buffer) -> bool:
    """May the two share memory: is one inside the other? Parts of one concatenation are not."""
    a, b = whole(a), whole(b)
    return a in enclosing(b) or b in enclosing(a)


def enclosing(buffer: Buffer) -> list[Buffer]:
    chain = [buffer]
    while chain[-1].base is not None:
        chain.append(chain[-1].base)
    return chain


class _Writers:
    """Who writes what, by the memory that it may share."""

    def __init__(self, stages: list[Stage]):
        self.of_root: dict[Buffer, list[tuple[int, Buffer]]] = defaultdict(list)
        self._at: dict[Buffer, list[tuple[int, Buffer]]] = defaultdict(list)
        self._inside: dict[Buffer, list[tuple[int, Buffer]]] = defaultdict(list)
        for i, stage in enumerate(stages):
            for store in stage.stores:
                written = i, store.buffer
                self.of_root[root_buffer(store.buffer)].append(written)
                around = enclosing(whole(store.buffer))
                self._at[around[0]].append(written)
                for buffer in around[1:]:
                    self._inside[buffer].append(written)

    def overlapping(self, buffer: Buffer) -> list[tuple[int, Buffer]]:
        """Those of what `overlaps` with it, in order."""
        around = enclosing(whole(buffer))
        found = [w for b in around for w in self._at.get(b, ())]
        return sorted([*found, *self._inside.get(around[0], ())], key=lambda w: w[0])


def dependencies(stages: list[Stage]) -> list[Edge]:
    """All order constraints between stages."""
    writers = _Writers(stages)
    edges: dict[Edge, None] = {}
    for j, stage in enumerate(stages):
        for buffer, _ in accesses(stage):
            old_value = root_buffer(buffer).has_old_value and buffer.base is None
            if old_value:
                for i, written in writers.of_root.get(buffer, ()):
                    if i != j and written.base is not None:
                        edges[Edge(j, i, buffer, "war")] = None
            for i, written in writers.overlapping(buffer):
                if i != j and not (old_value and written.base is not None):
                    edges[Edge(i, j, buffer, "raw")] = None
    for same in writers.of_root.values():
        for (i, a), (j, b) in pairwise(same):
            if a == b:
                edges[Edge(i, j, a, "waw")] = None
    return list(edges)


def _rank(edge: Edge) -> int:
    return ("waw", "war", "raw").index(edge.kind)


class Groups(Quotient):
    """Groups of stages, and what the rules ask of them."""

    def __init__(self, stages: list[Stage], edges: list[Edge]):
        super().__init__(len(stages), [(e.source, e.target) for e in edges])
        self.stages, self.constraints = stages, edges
        self.rows = {i: Rows.of(s) for i, s in enumerate(stages)}
        self.products = {i for i, s in enumerate(stages) if s.kind in ("dot", "routine")}
        self._independent: dict[int, int] = {}  # of edges
        # of what is between two stages the kind that counts most: what flows, then what is kept
        self.kinds = {(e.source, e.target): e.kind for e in sorted(edges, key=_rank)}

    def joined_rows(self, a: int, b: int) -> Rows:
        allowed = -1
        for number in self.between(a, b):
            if number not in self._independent:
                self._independent[number] = self._rows_along(self.constraints[number])
            allowed &= self._independent[number]
        return self.rows[a].joined(self.rows[b], allowed)

    def _rows_along(self, edge: Edge) -> int:
        i, j = (edge.target, edge.source) if edge.kind == "war" else (edge.source, edge.target)
        writer, reader = self.stages[i], self.stages[j]
        stored = [s.at for s in writer.stores if root_buffer(s.buffer) == root_buffer(edge.buffer)]
        touched = [at for b, at in accesses(reader) if b == edge.buffer]
        if edge.kind == "waw":
            touched = [s.at for s in reader.stores if s.buffer == edge.buffer]
        return independent_rows(writer, stored, reader, touched)

    def merge(self, a: int, b: int) -> None:
        if a not in self.products:
            self.rows[a] = self.joined_rows(a, b)
        super().merge(a, b)


# (groups, a, b) -> why group b must not join a, or None
Rule = Callable[[Groups, int, int], "str | None"]


def group(
    stages: list[Stage], allow: Callable[[str], bool], read_elsewhere: Iterable[Buffer] = ()
) -> tuple[list[Kernel], list[Decision]]:
    """Kernels in a valid order, and the decisions taken. Other stages need `read_elsewhere`."""
    groups = Groups(stages, dependencies(stages))
    decisions: dict[tuple[str, int, int], str | None] = {}
    for name, rule in RULES.items():
        for number, reason in _contract(groups, name, rule, allow).items():
            source, target = groups.edges[number]
            decisions[name, source, target] = reason
    joined = join_siblings(groups, stages, groups.joined_rows) if allow("fuse") else []
    readers = _readers(stages)
    for buffer in read_elsewhere:
        readers.setdefault(buffer, set()).add(len(stages))
    kernels = [_kernel(groups, g, readers) for g in groups.ordered()]
    made = [_decision(groups, *key, reason) for key, reason in decisions.items()]
    return kernels, [*made, *joined]


def _contract(
    groups: Groups, name: str, rule: Rule, allow: Callable[[str], bool]
) -> dict[int, str | None]:
    """Merge along edges until the rule allows no more; for each edge why not, or None. An edge is
    asked again only when one of its groups has changed."""
    reasons: dict[int, str | None] = {}
    asked: dict[int, tuple[int, ...]] = {}
    waiting, changed = list(range(len(groups.edges))), True
    while changed:
        changed = False
        waiting = [
            n for n in waiting if groups.of[groups.edges[n][0]] != groups.of[groups.edges[n][1]]
        ]
        for number in waiting:
            a, b = (groups.of[stage] for stage in groups.edges[number])
            now = (a, groups.changes[a], b, groups.changes[b])
            concerned = (a in groups.products) == (name == "epilogue")
            if a == b or not concerned or asked.get(number) == now:
                continue
            asked[number] = now
            reason = rule(groups, a, b) or (None if allow("fuse") else "switched off")
            reasons[number] = reason
            if reason is None:
                groups.merge(a, b)
                changed = True
    return reasons


_ORDERED = {"war": "the second overwrites what the first reads", "waw": "both write the same"}


def _decision(groups: Groups, name: str, source: int, target: int, reason: str | None) -> Decision:
    nodes = (groups.stages[i].node for i in (source, target))
    subject = " -> ".join(map(describe, nodes))
    if reason is not None and groups.of[source] == groups.of[target]:
        return Decision(subject, True, "others brought the two into one kernel", name)
    kind = groups.kinds[source, target]
    if kind in _ORDERED and reason is not None:
        reason = f"{_ORDERED[kind]}; {reason}"
    return Decision(subject, reason is None, reason or RULES[name].__doc__ or "", name)


def _merge_epilogue(groups: Groups, a: int, b: int) -> str | None:
    """computed on each element of the product while it is at hand"""
    head = groups.stages[min(groups.members[a])]
    follower = groups.members[b]
    if head.kind == "routine":
        return "a routine stores what it computes"
    if b in groups.products or len(follower) != 1 or groups.stages[follower[0]].kind != "map":
        return "a contraction takes only pointwise followers"
    moved = merge_axes_to(groups.stages[follower[0]], head.domain)
    if moved is None:
        points = groups.stages[follower[0]].domain
        return f"the follower's points {points} are not those of the product {head.domain}"
    for edge in (groups.constraints[n] for n in groups.between(a, b)):
        if not _follows(edge.kind, groups.stages[edge.source], moved, edge.buffer):
            return "the follower needs other elements of the product than its own"
    if groups.indirect_path(a, b):
        return "a path through another kernel leads back"
    groups.stages[follower[0]] = moved
    return None


def _follows(kind: str, before: Stage, after: Stage, buffer: Buffer) -> bool:
    """May `after` come point by point behind `before`, for all that they do with the buffer?"""
    if kind != "waw":
        return kind == "raw" and _pointwise(before, after, buffer)
    return stores_apart(before, after, buffer)


def _pointwise(writer: Stage, reader: Stage, buffer: Buffer) -> bool:
    """Does `reader` read `buffer` only at the element that `writer` stored at the same point?"""
    stored = {s.at for s in writer.stores if s.buffer == buffer}
    return all(at in stored for b, at in accesses(reader) if b == buffer)


def _merge_rows(groups: Groups, a: int, b: int) -> str | None:
    """run row by row in one kernel"""
    if b in groups.products:
        return "a contraction, or a routine, is a kernel of its own"
    rows = groups.joined_rows(a, b)
    if rows.scatters:
        return "a scatter writes rows that are known only at run time"
    if rows.shared == 0 and not rows.single:
        return "they share no leading axis along which rows are independent"
    if groups.indirect_path(a, b):
        return "a path through another kernel leads back"
    return None


RULES: dict[str, Rule] = {"epilogue": _merge_epilogue, "rows": _merge_rows}


def _readers(stages: list[Stage]) -> dict[Buffer, set[int]]:
    found: dict[Buffer, set[int]] = {}
    for i, stage in enumerate(stages):
        for buffer, _ in accesses(stage):
            found.setdefault(buffer, set()).add(i)
    return found


def _kernel(groups: Groups, g: int, readers: dict[Buffer, set[int]]) -> Kernel:
    indices = sorted(groups.members[g])
    members = [groups.stages[i] for i in indices]
    inside = [groups.constraints[n] for n in sorted(groups.inside[g])]
    written = {store.buffer for s in members for store in s.stores}
    outside_reads = {b for b in written if readers.get(b, set()).difference(indices)}
    outer = 0 if groups.rows[g].scatters else groups.rows[g].shared
    if g in groups.products:
        outer = len(groups.stages[groups.members[g][0]].domain)
    return partition(members, indices, inside, outer, outside_reads)
