"""What to keep of a computation, against all sets of nodes that would do."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from fncompile.autodiff.least import least_between
from fncompile.ir import build
from fncompile.ir.node import Node, toposort
from fncompile.ir.types import TensorType


def _below(goals, stops) -> set[Node]:
    """All that the goals are computed from without those that are given."""
    seen, waiting = set(), [g for g in goals if g not in stops]
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting += [s for s in node.src if s not in stops]
    return seen


def _separates(nodes, starts, goals) -> bool:
    return not _below(goals, set(nodes)) & set(starts)


def _drawn(rng: np.random.Generator) -> tuple[list[Node], list[Node], dict[Node, int]]:
    leaves = [build.input(f"x{i}", TensorType("float32", (2,))) for i in range(3)]
    nodes = list(leaves)
    for _ in range(7):
        a, b = rng.choice(len(nodes), 2)
        nodes.append(build.ew("add" if rng.random() < 0.7 else "mul", nodes[a], nodes[b]))
    nodes = toposort(dict.fromkeys(nodes))
    goals = [n for n in nodes if rng.random() < 0.4] or [nodes[-1]]
    starts = [n for n in nodes if n in leaves[:2] or rng.random() < 0.2]
    return starts, goals, {n: int(rng.integers(1, 5)) for n in nodes}


@pytest.mark.parametrize("seed", range(40))
def test_it_is_the_smallest_set_that_separates(seed):
    starts, goals, sizes = _drawn(np.random.default_rng(seed))
    kept = least_between(starts, goals, sizes.__getitem__)
    assert _separates(kept, starts, goals)
    room = sum(map(sizes.__getitem__, kept))
    ways = [c for r in range(len(kept) + 3) for c in combinations(sizes, r)]
    able = [c for c in ways if sum(map(sizes.__getitem__, c)) <= room
            and _separates(c, starts, goals)]
    assert min(sum(map(sizes.__getitem__, c)) for c in able) == room
    least = min(len(_below(goals, set(c))) for c in able)
    assert len(_below(goals, set(kept))) == least  # the latest: nothing less to compute again


def test_nothing_is_kept_where_no_way_leads():
    x, y = (build.input(name, TensorType("float32", (2,))) for name in "xy")
    assert least_between([x], [build.ew("exp", y)], lambda n: 1) == []
