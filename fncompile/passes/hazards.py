"""Which parameters must not be updated in place.

Requires: stages. An update in place is wrong when a stage that needs the old value can only run
after the update, or when the update itself reads other elements of the old value than the one it
writes.
"""

from __future__ import annotations

from fncompile.passes.grouping import accesses, dependencies
from fncompile.plan.types import Stage, root_buffer


def hazards(stages: list[Stage]) -> set[str]:
    """Names of parameters whose update needs a temporary and a copy."""
    blocked = {name for stage in stages for name in _self_overlap(stage)}
    after: list[list[int]] = [[] for _ in stages]
    edges = dependencies(stages)
    for edge in edges:
        if edge.kind != "war":
            after[edge.source].append(edge.target)
    for edge in edges:
        if edge.kind == "war":
            if _reaches(after, edge.target, edge.source):
                blocked.add(root_buffer(edge.buffer).name)
            else:
                after[edge.source].append(edge.target)
    return blocked


def _reaches(after: list[list[int]], source: int, target: int) -> bool:
    """Does a path lead from one stage to the other?"""
    seen, waiting = {source}, [source]
    while waiting:
        if (at := waiting.pop()) == target:
            return True
        new = [stage for stage in after[at] if stage not in seen]
        seen.update(new)
        waiting += new
    return False


def _self_overlap(stage: Stage) -> list[str]:
    names = []
    for store in stage.stores:
        root = root_buffer(store.buffer)
        if root.has_old_value and store.buffer.base is not None:
            read = [at for b, at in accesses(stage) if b == root]
            if any(at != store.at for at in read):
                names.append(root.name)
    return names
