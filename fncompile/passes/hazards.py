"""Which parameters must not be updated in place.

Requires: stages. An update in place is wrong when a stage that needs the old value can only run
after the update, or when the update itself reads other elements of the old value than the one it
writes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from fncompile.passes.grouping import accesses, dependencies
from fncompile.plan.types import Stage, root_buffer


def hazards(stages: list[Stage]) -> set[str]:
    """Names of parameters whose update needs a temporary and a copy."""
    blocked = {name for i, stage in enumerate(stages) for name in _self_overlap(stage)}
    after: dict[int, set[int]] = defaultdict(set)
    edges = dependencies(stages)
    for edge in edges:
        if edge.kind != "war":
            after[edge.source].add(edge.target)
    for edge in edges:
        if edge.kind == "war":
            if _leads(after, edge.target, edge.source):
                blocked.add(root_buffer(edge.buffer).name)
            else:
                after[edge.source].add(edge.target)
    return blocked


def _leads(after: Mapping[int, set[int]], start: int, goal: int) -> bool:
    """Is there a way from one stage to another, along the stages `after` each?"""
    seen, waiting = {start}, [start]
    while waiting and goal not in seen:
        found = after.get(waiting.pop(), set()) - seen
        seen |= found
        waiting += found
    return goal in seen


def _self_overlap(stage: Stage) -> list[str]:
    names = []
    for store in stage.stores:
        root = root_buffer(store.buffer)
        if root.has_old_value and store.buffer.base is not None:
            read = [at for b, at in accesses(stage) if b == root]
            if any(at != store.at for at in read):
                names.append(root.name)
    return names
