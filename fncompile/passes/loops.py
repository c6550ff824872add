"""Inside one kernel: which stages share a loop, which values stay in registers, which axes are one.

Requires: the stages of a group and the order constraints between them. Ensures: a `Kernel` whose
loops can run one after the other in each row; a value read only at the point where it was computed
is a `Value`, and a buffer that nobody reads any more is gone.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from operator import is_

from fncompile.ir.dims import Dim, product
from fncompile.passes.apart import stores_apart
from fncompile.plan.types import (
    Affine,
    Apply,
    Bits,
    Buffer,
    Expr,
    GatherLoad,
    Guarded,
    Index,
    Kernel,
    Load,
    Loop,
    Routine,
    Stage,
    Store,
    Value,
    axis_index,
    buffer_of,
)

# rewriting the affine parts of stages -------------------------------------------------------------


def rewrite(
    expr: Expr, leaf: Callable[[Expr], Expr], affine: Callable[[Affine], Affine] = lambda a: a
) -> Expr:
    """`expr` with `affine` applied to every index, then `leaf` to every Load, GatherLoad and
    Value."""
    memo: dict[Expr, Expr] = {}

    def visit(e: Expr) -> Expr:
        found = memo.get(e)
        if found is None:
            found = memo[e] = _rewritten(e, visit, leaf, affine)
        return found

    return visit(expr)


def _rewritten(e: Expr, visit, leaf, affine) -> Expr:
    if isinstance(e, Apply):
        args = tuple([visit(a) for a in e.args])
        return e if all(map(is_, args, e.args)) else Apply(e.fn, args, e.dtype)
    if isinstance(e, Guarded):
        conditions = tuple((affine(a), d) for a, d in e.conditions)
        return replace(e, conditions=conditions, inside=visit(e.inside), outside=visit(e.outside))
    if isinstance(e, GatherLoad):
        return leaf(replace(e, row=visit(e.row), at=affine(e.at)))
    if isinstance(e, (Index, Bits)):
        return replace(e, at=affine(e.at))
    if isinstance(e, Load):
        at = affine(e.at)
        return leaf(e if at is e.at else Load(e.buffer, at, e.dtype))
    return leaf(e) if isinstance(e, Value) else e


def reindex(
    stage: Stage, mapping: dict[int, Affine], domain: tuple[Dim, ...], reduced: int
) -> Stage:
    """The stage with each axis replaced by an affine expression of the axes of `domain`."""
    return replace(move(stage, lambda a: a.map_axes(mapping)), domain=domain, reduced=reduced)


def move(stage: Stage, affine: Callable[[Affine], Affine]) -> Stage:
    """The stage with `affine` applied to every index."""

    def same(e: Expr) -> Expr:
        return e

    return replace(
        stage,
        expr=rewrite(stage.expr, same, affine),
        row=None if stage.row is None else rewrite(stage.row, same, affine),
        stores=tuple(Store(s.buffer, affine(s.at)) for s in stage.stores),
        routine=None if stage.routine is None else _moved(stage.routine, affine),
    )


def _moved(routine: Routine, affine: Callable[[Affine], Affine]) -> Routine:
    arrays = tuple((i, replace(a, at=affine(a.at))) for i, a in routine.arrays)
    exprs = tuple((i, rewrite(e, lambda x: x, affine)) for i, e in routine.exprs)
    return replace(routine, arrays=arrays, exprs=exprs)


def merge_axes_to(stage: Stage, domain: tuple[Dim, ...]) -> Stage | None:
    """`stage` over the axes of `domain`, when its own axes can be merged into them, else None."""
    groups: list[list[int]] = []
    axes = list(range(len(stage.domain)))
    for extent in domain:
        taken: list[int] = []
        while product(stage.domain[a] for a in taken) != extent and axes:
            taken.append(axes.pop(0))
        if product(stage.domain[a] for a in taken) != extent:
            return None
        groups.append(taken)
    if any(stage.domain[a] != 1 for a in axes):
        return None
    groups[-1] += axes
    larger = [[a for a in g if stage.domain[a] != 1] for g in groups]  # those beside each other
    if not all(_mergeable(stage, a, b) for g in larger for a, b in pairwise(g)):
        return None
    return reindex(stage, _merging(stage.domain, groups), domain, 0)


def _mergeable(stage: Stage, outer: int, inner: int) -> bool:
    if 1 in (stage.domain[outer], stage.domain[inner]):
        return True
    step = stage.domain[inner]
    return all(a.coefficient(outer) == a.coefficient(inner) * step for a in stage.affines)


def _merging(domain: Sequence[Dim], groups: Sequence[Sequence[int]]) -> dict[int, Affine]:
    """Each group of axes becomes one; its last axis above 1 carries the stride."""
    mapping: dict[int, Affine] = {}
    for new, group in enumerate(groups):
        real = [a for a in group if domain[a] != 1]
        for a in group:
            mapping[a] = axis_index(new) if real and a == real[-1] else Affine()
    return mapping


def collapse(kernel: Kernel) -> Kernel:
    """Axes that every access walks as one become one; extents of 1 disappear."""
    if kernel.product is not None or kernel.routine is not None:
        return kernel
    stages = kernel.stages
    outer_groups = _group_axes(range(kernel.outer), stages)
    loops = []
    for loop in kernel.loops:
        kept = (
            max(len(s.kept) for s in loop.stages)
            if any(s.reduced for s in loop.stages)
            else len(loop.domain)
        )
        split = next((len(s.kept) for s in loop.stages if s.reduced), kept)
        inner = _group_axes(range(kernel.outer, split), loop.stages)
        last = _group_axes(range(split, len(loop.domain)), loop.stages)
        if split < len(loop.domain) and not last and any(s.reduced for s in loop.stages):
            last = [[split]]  # a reduction keeps an axis to reduce
        groups = [*outer_groups, *inner, *last]
        domain = tuple(product(loop.domain[a] for a in g) for g in groups)
        mapping = {
            **{a: Affine() for a in range(len(loop.domain))},
            **_merging(loop.domain, groups),
        }
        loops.append(
            Loop(
                tuple(
                    reindex(s, mapping, domain, len(last) if s.reduced else 0) for s in loop.stages
                )
            )
        )
    return replace(kernel, outer=len(outer_groups), loops=tuple(loops))


def _group_axes(axes: Sequence[int], stages: Sequence[Stage]) -> list[list[int]]:
    groups: list[list[int]] = []
    for axis in axes:
        if all(s.domain[axis] == 1 for s in stages):
            continue
        if groups and all(_mergeable(s, groups[-1][-1], axis) for s in stages):
            groups[-1].append(axis)
        else:
            groups.append([axis])
    return groups


# loops --------------------------------------------------------------------------------------------


@dataclass
class _Open:
    """A loop that may still take stages."""

    reduced: int  # axes that its reductions reduce
    stages: list[int]


class _Loops:
    """The loops of a kernel, while stages are given to them."""

    def __init__(self) -> None:
        self.all: list[_Open] = []
        self._alike: dict[tuple[Dim, ...], list[int]] = {}  # numbers of the loops over a domain

    def place(self, i: int, stage: Stage, first: int) -> int:
        """The first loop from `first` on that `stage`, which is number i, may share, or a new one.

        A map may run inside the reduced axes of another stage if it spans them, and it does.
        """
        alike = [] if stage.kind == "scatter" else self._alike.setdefault(stage.domain, [])
        for k in alike[bisect_left(alike, first) :]:
            loop = self.all[k]
            if not (loop.reduced and stage.reduced) or loop.reduced == stage.reduced:
                loop.stages.append(i)
                loop.reduced = loop.reduced or stage.reduced
                return k
        self.all.append(_Open(stage.reduced, [i]))
        alike.append(len(self.all) - 1)
        return len(self.all) - 1


def partition(
    members: list[Stage],
    indices: list[int],
    edges: Sequence,
    outer: int,
    outside_reads: set[Buffer],
) -> Kernel:
    """The kernel of a group; `indices` are the names that `edges` use for its members."""
    stages, loops = dict(zip(indices, members)), _Loops()
    home: dict[int, int] = {}
    into: dict[int, list] = {i: [] for i in indices}
    for e in edges:
        into[e.target].append(e)
    for i in _topological(into):
        first = max((_earliest(e, stages, home) for e in into[i]), default=0)
        home[i] = loops.place(i, stages[i], first)
    flat = [i for loop in loops.all for i in loop.stages]
    numbers = {i: k for k, i in enumerate(flat)}
    done = {i: _forward(i, stages, home, numbers, into[i], outer) for i in flat}
    read = outside_reads | {buffer_of(e) for s in done.values() for e in s.loads}
    kept = {i: _drop_unread(s, read) for i, s in done.items()}
    made = tuple(Loop(tuple(kept[i] for i in loop.stages)) for loop in loops.all)
    return collapse(Kernel("", outer, made))


def _topological(into: dict[int, list]) -> list[int]:
    """Sources of edges before their targets, else by number."""
    waiting = {i: {e.source for e in edges} for i, edges in into.items()}
    after: dict[int, list[int]] = {i: [] for i in into}
    for i, sources in waiting.items():
        for source in sources:
            after[source].append(i)
    ready = [i for i, sources in waiting.items() if not sources]
    heapq.heapify(ready)
    order: list[int] = []
    while ready:
        order.append(heapq.heappop(ready))
        for i in after[order[-1]]:
            waiting[i].remove(order[-1])
            if not waiting[i]:
                heapq.heappush(ready, i)
    return order


def _earliest(edge, stages: dict[int, Stage], home: dict[int, int]) -> int:
    """The first loop where the target of `edge` may run."""
    source, target = stages[edge.source], stages[edge.target]
    before_it = source.kind in ("map", "dot") or _beside(edge, source, target)
    together = source.domain == target.domain and before_it and _same_point(edge, source, target)
    return home[edge.source] + (0 if together else 1)


def _beside(edge, source: Stage, target: Stage) -> bool:
    """Are they reductions that only store beside each other?"""
    return edge.kind == "waw" and 0 < source.reduced == target.reduced


def _same_point(edge, source: Stage, target: Stage) -> bool:
    if edge.kind == "waw":
        return stores_apart(source, target, edge.buffer)
    writer, reader = (target, source) if edge.kind == "war" else (source, target)
    stored = {s.at for s in writer.stores}
    read = [e for e in reader.loads if buffer_of(e) == edge.buffer]
    return writer.reduced == 0 and all(isinstance(e, Load) and e.at in stored for e in read)


def _forward(i, stages, home, numbers, edges, outer: int) -> Stage:
    """Replace loads of what this kernel just computed at the same point by `Value`s."""
    sources = {e.buffer: e.source for e in edges if e.kind == "raw"}

    def leaf(e: Expr) -> Expr:
        if not isinstance(e, Load) or e.buffer not in sources:
            return e
        j = sources[e.buffer]
        writer = stages[j]
        if Store(e.buffer, e.at) not in writer.stores or not _in_register(
            writer, home[j], home[i], outer
        ):
            return e
        return Value(numbers[j], e.dtype)

    stage = stages[i]
    row = None if stage.row is None else rewrite(stage.row, leaf)
    return replace(stage, expr=rewrite(stage.expr, leaf), row=row)


def _in_register(writer: Stage, wrote: int, reads: int, outer: int) -> bool:
    if wrote == reads:
        return writer.reduced == 0
    return len(writer.kept) == outer and writer.kind != "scatter"  # one value a row


def _drop_unread(stage: Stage, read: set[Buffer]) -> Stage:
    kept = tuple(
        s
        for s in stage.stores
        if s.buffer.kind != "arena" or s.buffer.base is not None or s.buffer in read
    )
    return replace(stage, stores=kept)
