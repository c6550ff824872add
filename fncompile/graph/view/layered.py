"""Layered drawing of a directed acyclic graph (Sugiyama): ranks, order within ranks, coordinates.

`place` requires box sizes and edges; ensures that no boxes overlap, that edges point down, and that
each edge is a list of points that passes between the boxes of the ranks it crosses.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import networkx

Name = Hashable
Edge = tuple[Name, Name]
Point = tuple[float, float]

GAP_X, GAP_Y = 28.0, 44.0
_SWEEPS = 12
_WAYPOINT = 4.0  # width kept free where a long edge passes a rank


@dataclass
class Placed:
    """`centers` of the boxes and the `paths` of the edges, within `width` by `height`."""

    width: float
    height: float
    centers: dict[Name, Point] = field(default_factory=dict)
    paths: dict[Edge, list[Point]] = field(default_factory=dict)


def place(sizes: Mapping[Name, tuple[float, float]], edges: Sequence[Edge]) -> Placed:
    """Positions for boxes of (width, height) `sizes`; their order where nothing else decides."""
    graph = _graph(sizes, edges)
    ranks = _rank(graph)
    chains = _split_long_edges(graph, ranks, dict.fromkeys(edges))
    rows = _order(graph, ranks)
    widths = {v: sizes[v][0] if v in sizes else _WAYPOINT for v in graph}
    x = _horizontal(graph, rows, widths)
    tops, heights, total = _vertical(rows, sizes)
    placed = Placed(max(x[v] + widths[v] / 2 for v in graph) if rows else 0.0, total)
    middle = {v: tops[r] + heights[r] / 2 for r, row in enumerate(rows) for v in row}
    placed.centers = {v: (x[v], middle[v]) for v in sizes}
    for edge, chain in chains.items():
        placed.paths[edge] = _path(chain, x, middle, sizes, tops, heights, ranks)
    return placed


def _graph(sizes: Mapping[Name, tuple[float, float]], edges: Sequence[Edge]) -> networkx.DiGraph:
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_nodes_from(sizes)
    graph.add_edges_from(edges)
    if not nx.is_directed_acyclic_graph(graph):
        raise ValueError("Only graphs without cycles can be drawn in layers.")
    return graph


def _rank(graph: networkx.DiGraph) -> dict[Name, int]:
    """Longest path from a source; then sources move down to just above their first user."""
    import networkx as nx

    ranks: dict[Name, int] = {}
    for v in nx.lexicographical_topological_sort(graph, key=list(graph).index):
        ranks[v] = max((ranks[u] + 1 for u in graph.predecessors(v)), default=0)
    for v in graph:
        if not graph.in_degree(v) and graph.out_degree(v):
            ranks[v] = min(ranks[w] for w in graph.successors(v)) - 1
    return ranks


def _split_long_edges(
    graph: networkx.DiGraph, ranks: dict[Name, int], edges: Mapping[Edge, None]
) -> dict[Edge, list[Name]]:
    """A waypoint in each rank that an edge crosses; gives the chain of nodes of each edge."""
    chains = {}
    for u, v in edges:
        between = [("waypoint", u, v, r) for r in range(ranks[u] + 1, ranks[v])]
        chains[u, v] = chain = [u, *between, v]
        if between:
            graph.remove_edge(u, v)
            graph.add_edges_from(itertools.pairwise(chain))
            ranks.update((w, w[3]) for w in between)
    return chains


# order within ranks -------------------------------------------------------------------------------


def _order(graph: networkx.DiGraph, ranks: Mapping[Name, int]) -> list[list[Name]]:
    """Rows of nodes; of the orders met in barycenter sweeps the one with the fewest crossings."""
    rows: list[list[Name]] = [[] for _ in range(max(ranks.values(), default=-1) + 1)]
    for v in graph:
        rows[ranks[v]].append(v)
    best, fewest = rows, _crossings(graph, rows)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        rows = _swept(graph, rows, down=sweep % 2 == 0)
        count = _crossings(graph, rows)
        if count < fewest:
            best, fewest = rows, count
    return best


def _swept(graph: networkx.DiGraph, rows: list[list[Name]], down: bool) -> list[list[Name]]:
    rows = [list(row) for row in rows]
    neighbours = graph.predecessors if down else graph.successors
    pairs = itertools.pairwise(rows if down else rows[::-1])
    for fixed, free in pairs:
        place_of = {v: i for i, v in enumerate(fixed)}
        current = {v: i for i, v in enumerate(free)}

        def barycenter(v: Name, place_of=place_of, current=current) -> float:
            near = [place_of[u] for u in neighbours(v)]
            return sum(near) / len(near) if near else current[v]

        free.sort(key=barycenter)
    return rows


def _crossings(graph: networkx.DiGraph, rows: list[list[Name]]) -> int:
    total = 0
    for upper, lower in itertools.pairwise(rows):
        at = {v: i for i, v in enumerate(lower)}
        ends = [at[w] for v in upper for w in sorted(graph.successors(v), key=at.__getitem__)]
        total += sum(ends[i] > e for j, e in enumerate(ends) for i in range(j))
    return total


# coordinates --------------------------------------------------------------------------------------


def _horizontal(
    graph: networkx.DiGraph, rows: list[list[Name]], widths: Mapping[Name, float]
) -> dict[Name, float]:
    """Centres, drawn towards those of the neighbours in turns from above and from below."""
    x: dict[Name, float] = {}
    for row in rows:
        at = 0.0
        for v in row:
            x[v] = at + widths[v] / 2
            at += widths[v] + GAP_X
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            wanted = [_pull(graph, v, x, down) for v in row]
            steps = [(widths[a] + widths[b]) / 2 + GAP_X for a, b in itertools.pairwise(row)]
            x.update(zip(row, _separate(wanted, steps), strict=True))
    left = min((x[v] - widths[v] / 2 for v in x), default=0.0)
    return {v: at - left for v, at in x.items()}


def _pull(graph: networkx.DiGraph, v: Name, x: Mapping[Name, float], down: bool) -> float:
    near = list(graph.predecessors(v) if down else graph.successors(v))
    near = near or list(graph.successors(v) if down else graph.predecessors(v))
    return sum(x[u] for u in near) / len(near) if near else x[v]


def _separate(wanted: Sequence[float], steps: Sequence[float]) -> list[float]:
    """The positions closest to `wanted` (least squares) that keep order and the distances `steps`.

    Subtracting the sums of steps leaves isotonic regression, solved by pooling adjacent violators.
    """
    offsets = [0.0]
    for step in steps:
        offsets.append(offsets[-1] + step)
    blocks: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=True):
        mean, count = want - offset, 1
        while blocks and blocks[-1][0] > mean:
            other, n = blocks.pop()
            mean, count = (mean * count + other * n) / (count + n), count + n
        blocks.append((mean, count))
    means = [mean for mean, count in blocks for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


def _vertical(
    rows: list[list[Name]], sizes: Mapping[Name, tuple[float, float]]
) -> tuple[list[float], list[float], float]:
    heights = [max((sizes[v][1] for v in row if v in sizes), default=0.0) for row in rows]
    tops, at = [], 0.0
    for height in heights:
        tops.append(at)
        at += height + GAP_Y
    return tops, heights, max(at - GAP_Y, 0.0)


def _path(chain, x, middle, sizes, tops, heights, ranks) -> list[Point]:
    """From the lower border of the first box to the upper border of the last."""
    u, v = chain[0], chain[-1]
    points = [(x[u], middle[u] + sizes[u][1] / 2)]
    for w in chain[1:-1]:
        top = tops[ranks[w]]
        points += [(x[w], top), (x[w], top + heights[ranks[w]])]
    return [*points, (x[v], middle[v] - sizes[v][1] / 2)]
