"""Reductions that read the same are one pass over it, though neither needs the other.

Requires: groups along which all edges have been contracted. Ensures: groups stay convex.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import combinations

from fncompile.passes.materialize import describe
from fncompile.passes.quotient import Quotient
from fncompile.passes.rows import Rows
from fncompile.plan.types import Decision, Load, Stage

REASON = "one pass over what both read"


def join_siblings(
    groups: Quotient, stages: list[Stage], rows: Callable[[int, int], Rows]
) -> list[Decision]:
    """Merge groups with reductions over the same points of the same buffer, where their `rows` are
    independent together and neither leads to the other: the two sums of the gradient of a
    normalisation."""
    decisions = []
    for i, j in _candidates(stages):
        a, b = sorted((groups.of[i], groups.of[j]))
        if a == b or groups.leads(a, b) or groups.leads(b, a) or rows(a, b).shared == 0:
            continue
        groups.merge(a, b)
        subject = f"{describe(stages[i].node)} -> {describe(stages[j].node)}"
        decisions.append(Decision(subject, True, REASON, "siblings"))
    return decisions


def _candidates(stages: list[Stage]) -> Iterator[tuple[int, int]]:
    """Pairs of reductions over the same points that read one element of a buffer at each. Those
    that stand for one, a point of its result each, fill the registers and take in no other."""
    found: dict[tuple, list[int]] = defaultdict(list)
    pieces = Counter(stage.node for stage in stages if stage.kind == "sum")
    for i, stage in enumerate(stages):
        if stage.kind != "sum" or not stage.kept:
            continue
        for load in dict.fromkeys(e for e in stage.loads if isinstance(e, Load)):
            if {axis for axis, _ in load.at.terms} == set(range(len(stage.domain))):
                alone = stage.node if pieces[stage.node] > 1 else None
                found[load.buffer, load.at, stage.domain, stage.reduced, alone].append(i)
    yield from sorted({pair for same in found.values() for pair in combinations(same, 2)})
