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
    import networkx as nx

    blocked = {name for i, stage in enumerate(stages) for name in _self_overlap(stage)}
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(stages)))
    edges = dependencies(stages)
    graph.add_edges_from((e.source, e.target) for e in edges if e.kind != "war")
    for edge in edges:
        if edge.kind == "war":
            if nx.has_path(graph, edge.target, edge.source):
                blocked.add(root_buffer(edge.buffer).name)
            else:
                graph.add_edge(edge.source, edge.target)
    return blocked


def _self_overlap(stage: Stage) -> list[str]:
    names = []
    for store in stage.stores:
        root = root_buffer(store.buffer)
        if root.has_old_value and store.buffer.base is not None:
            read = [at for b, at in accesses(stage) if b == root]
            if any(at != store.at for at in read):
                names.append(root.name)
    return names
