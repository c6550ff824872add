"""Contract edges of the graph of stages until each group is one kernel.

Requires: stages with their accesses. Ensures: groups that are convex (no path leaves one and comes
back), so that an order exists; a reason for every edge that stays.

A group of pointwise and reducing stages shares `outer` leading axes, along which each row reads
only what the same row wrote. A group around a contraction holds the product and the pointwise
stages that follow it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from fncompile.ir.dims import Dim, Poly
from fncompile.passes.loops import merge_axes_to, partition
from fncompile.passes.materialize import describe
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


@dataclass
class Edge:
    """Stage `source` must come before `target`; `buffer` is what they share, `at` their accesses to
    it.

    `kind`: "raw" (read after write), "war" (write after read), "waw".
    """

    source: int
    target: int
    buffer: Buffer
    kind: str


def accesses(stage: Stage) -> list[tuple[Buffer, Affine | None]]:
    """What a stage reads, and where (None: anywhere)."""
    found: list[tuple[Buffer, Affine | None]] = [
        (buffer_of(e), e.at if isinstance(e, Load) else None) for e in stage.loads
    ]
    if stage.product is not None:
        found += [(stage.product.a.buffer, None), (stage.product.b.buffer, None)]
    return found


def overlaps(a: Buffer, b: Buffer) -> bool:
    """May the two share memory: is one inside the other? Parts of one concatenation are not."""
    a, b = whole(a), whole(b)
    return a in _enclosing(b) or b in _enclosing(a)


def _enclosing(buffer: Buffer) -> list[Buffer]:
    chain = [buffer]
    while chain[-1].base is not None:
        chain.append(chain[-1].base)
    return chain


def dependencies(stages: list[Stage]) -> list[Edge]:
    """All order constraints between stages."""
    writers: dict[Buffer, list[tuple[int, Buffer]]] = {}
    for i, stage in enumerate(stages):
        for store in stage.stores:
            writers.setdefault(root_buffer(store.buffer), []).append((i, store.buffer))
    edges: dict[tuple[int, int, Buffer, str], Edge] = {}
    for j, stage in enumerate(stages):
        for buffer, _ in accesses(stage):
            for i, written in writers.get(root_buffer(buffer), ()):
                if i == j:
                    continue
                old_value = root_buffer(buffer).kind == "param" and buffer.base is None
                if old_value and written.base is not None:
                    edges[j, i, buffer, "war"] = Edge(j, i, buffer, "war")
                elif overlaps(buffer, written):
                    edges[i, j, buffer, "raw"] = Edge(i, j, buffer, "raw")
    for same in writers.values():
        for (i, a), (j, b) in pairwise(same):
            if a == b:
                edges[i, j, a, "waw"] = Edge(i, j, a, "waw")
    return list(edges.values())


class Groups:
    """The quotient graph: which stages are together, and what is reachable."""

    def __init__(self, stages: list[Stage], edges: list[Edge]):
        import networkx as nx

        self.stages, self.edges = stages, edges
        self.of = list(range(len(stages)))
        self.members = {i: [i] for i in range(len(stages))}
        self.graph = nx.DiGraph()
        self.graph.add_nodes_from(self.members)
        self.graph.add_edges_from((e.source, e.target) for e in edges)
        self.rank = {n: i for i, n in enumerate(nx.topological_sort(self.graph))}

    def between(self, a: int, b: int) -> list[Edge]:
        inside = {*self.members[a], *self.members[b]}
        return [e for e in self.edges if e.source in inside and e.target in inside]

    def indirect_path(self, a: int, b: int) -> bool:
        """Is there a path from a to b through a third group?"""
        stack = [s for s in self.graph.successors(a) if s != b]
        seen = set(stack)
        while stack:
            node = stack.pop()
            if node == b:
                return True
            for s in self.graph.successors(node):
                if s not in seen:
                    seen.add(s)
                    stack.append(s)
        return False

    def merge(self, a: int, b: int) -> None:
        """Put group b into group a."""
        for n in self.members[b]:
            self.of[n] = a
        self.members[a] = sorted(self.members[a] + self.members.pop(b))
        for p in list(self.graph.predecessors(b)):
            if p != a:
                self.graph.add_edge(p, a)
        for s in list(self.graph.successors(b)):
            if s != a:
                self.graph.add_edge(a, s)
        self.graph.remove_node(b)


def group(stages: list[Stage], allow: Callable[[str], bool]) -> tuple[list[Kernel], list[Decision]]:
    """Kernels in a valid order, and the decisions taken."""
    edges = dependencies(stages)
    groups = Groups(stages, edges)
    decisions: dict[tuple[int, int], Decision] = {}
    for merge in (_merge_epilogue, _merge_rows):
        changed = True
        while changed:
            changed = False
            for edge in edges:
                a, b = groups.of[edge.source], groups.of[edge.target]
                if a == b:
                    continue
                reason = merge(groups, a, b) or (None if allow("fuse") else "switched off")
                subject = (
                    f"{describe(stages[edge.source].node)} -> {describe(stages[edge.target].node)}"
                )
                decisions[edge.source, edge.target] = Decision(
                    subject, reason is None, reason or merge.__doc__ or ""
                )
                if reason is None:
                    groups.merge(a, b)
                    changed = True
    readers = _readers(stages)
    kernels = [_kernel(groups, g, readers) for g in _ordered(groups)]
    return kernels, list(decisions.values())


def _ordered(groups: Groups) -> list[int]:
    import networkx as nx

    return list(
        nx.lexicographical_topological_sort(groups.graph, key=lambda g: groups.members[g][0])
    )


def _is_product(groups: Groups, g: int) -> bool:
    return any(groups.stages[i].kind == "dot" for i in groups.members[g])


def _merge_epilogue(groups: Groups, a: int, b: int) -> str | None:
    """computed on each element of the product while it is at hand"""
    if not _is_product(groups, a):
        return "not behind a contraction"
    head = groups.stages[groups.members[a][0]]
    follower = groups.members[b]
    if _is_product(groups, b) or len(follower) != 1 or groups.stages[follower[0]].kind != "map":
        return "a contraction takes only pointwise followers"
    moved = merge_axes_to(groups.stages[follower[0]], head.domain)
    if moved is None:
        points = groups.stages[follower[0]].domain
        return f"the follower's points {points} are not those of the product {head.domain}"
    inside = groups.between(a, b)
    for edge in inside:
        if edge.kind != "raw" or not _pointwise(groups.stages[edge.source], moved, edge.buffer):
            return "the follower needs other elements of the product than its own"
    if groups.indirect_path(a, b):
        return "a path through another kernel leads back"
    groups.stages[follower[0]] = moved
    return None


def _pointwise(writer: Stage, reader: Stage, buffer: Buffer) -> bool:
    """Does `reader` read `buffer` only at the element that `writer` stored at the same point?"""
    stored = {s.at for s in writer.stores if s.buffer == buffer}
    return all(at in stored for b, at in accesses(reader) if b == buffer)


def _merge_rows(groups: Groups, a: int, b: int) -> str | None:
    """run row by row in one kernel"""
    if _is_product(groups, a) or _is_product(groups, b):
        return "a contraction is a kernel of its own here"
    members = [groups.stages[i] for i in (*groups.members[a], *groups.members[b])]
    if any(s.kind == "scatter" for s in members):
        return "a scatter writes rows that are known only at run time"
    outer = shared_axes(members, groups.between(a, b), groups.stages)
    if outer == 0 and any(s.kept for s in members):
        return "they share no leading axis along which rows are independent"
    if groups.indirect_path(a, b):
        return "a path through another kernel leads back"
    return None


def shared_axes(members: list[Stage], edges: list[Edge], stages: list[Stage]) -> int:
    """How many leading axes all members share, with every row reading only its own row."""
    shared = 0
    for dims in zip(*(s.kept for s in members)):
        if any(d != dims[0] for d in dims):
            break
        shared += 1
    while shared and not all(
        _aligned(stages[e.source], stages[e.target], e, shared) for e in edges
    ):
        shared -= 1
    return shared


def _aligned(source: Stage, target: Stage, edge: Edge, outer: int) -> bool:
    writer, reader = (target, source) if edge.kind == "war" else (source, target)
    if edge.kind == "waw":
        return False
    stored = [s.at for s in writer.stores if root_buffer(s.buffer) == root_buffer(edge.buffer)]
    read = [at for b, at in accesses(reader) if b == edge.buffer]
    return all(
        r is not None and _same_rows(w, writer, r, reader, outer) for w in stored for r in read
    )


def _same_rows(w: Affine, writer: Stage, r: Affine, reader: Stage, outer: int) -> bool:
    """Equal strides along the outer axes, and inner parts that stay within one row."""
    strides = [w.coefficient(i) for i in range(outer)]
    if strides != [r.coefficient(i) for i in range(outer)] or w.offset != 0:
        return False
    used = [c for c, d in zip(strides, writer.domain) if d != 1]
    if any(c == 0 for c in used):
        return False
    row = used[-1] if used else None
    return row is None or _fits(_extent(r, reader, outer), row)


def _extent(at: Affine, stage: Stage, outer: int) -> Dim | None:
    """One more than the largest inner offset; None when some step is backwards or unknown."""
    top: Dim = at.offset
    for axis, coef in at.terms:
        if axis >= outer:
            if not _non_negative(coef):
                return None
            top = top + coef * (stage.domain[axis] - 1)
    return top + 1 if _non_negative(at.offset) else None


def _fits(extent: Dim | None, row: Dim) -> bool:
    return extent is not None and _non_negative(row - extent)


def _non_negative(dim: Dim) -> bool:
    if isinstance(dim, Poly):
        return all(c >= 0 for _, c in dim.terms)
    return dim >= 0


def _readers(stages: list[Stage]) -> dict[Buffer, set[int]]:
    found: dict[Buffer, set[int]] = {}
    for i, stage in enumerate(stages):
        for buffer, _ in accesses(stage):
            found.setdefault(buffer, set()).add(i)
    return found


def _kernel(groups: Groups, g: int, readers: dict[Buffer, set[int]]) -> Kernel:
    indices = groups.members[g]
    members = [groups.stages[i] for i in indices]
    inside = [e for e in groups.edges if e.source in indices and e.target in indices]
    written = {store.buffer for s in members for store in s.stores}
    outside_reads = {b for b in written if readers.get(b, set()).difference(indices)}
    if any(s.kind == "dot" for s in members):
        outer = 3
    elif any(s.kind == "scatter" for s in members):
        outer = 0
    else:
        outer = shared_axes(members, inside, groups.stages)
    return partition(members, indices, inside, outer, outside_reads)

