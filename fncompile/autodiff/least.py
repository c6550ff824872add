"""What to keep of a computation, so that the rest of it can be computed again: a least cut.

The flow of Ford and Fulkerson (1956), by shortest paths (Edmonds and Karp, 1972), in a graph whose
every node is an edge as wide as the node is large.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Collection

from fncompile.ir.node import Node

End = tuple[Node | None, bool]  # where an edge of a node begins (False), or ends (True)
START: End = (None, False)
GOAL: End = (None, True)
Room = dict[End, dict[End, int]]  # what still fits through, along each edge and back


def least_between(
    starts: Collection[Node], goals: Collection[Node], size: Callable[[Node], int]
) -> list[Node]:
    """The nodes of least size, all together, such that no way down from one of `goals` comes to one
    of `starts`, or goes below, but by one of them; the nearest to the goals where several are as
    small. In the order of the ways. A start or goal may be among them."""
    room, order = _graph(starts, goals, size)
    while path := _path(room):
        most = min(room[a][b] for a, b in path)
        for a, b in path:
            room[a][b] -= most
            room[b][a] = room[b].get(a, 0) + most
    near = _near_goal(room)
    return [n for n in order if (n, True) in near and (n, False) not in near]


def _graph(
    starts: Collection[Node], goals: Collection[Node], size: Callable[[Node], int]
) -> tuple[Room, list[Node]]:
    room: Room = defaultdict(dict)
    sizes: dict[Node, int] = {}
    waiting = list(goals)[::-1]
    while waiting:
        node = waiting.pop()
        if node not in sizes:
            sizes[node] = size(node)
            waiting += () if node in starts else node.src[::-1]
    endless = sum(sizes.values()) + 1
    for node, number in sizes.items():
        room[node, False][node, True] = number
        if node in starts:
            room[START][node, False] = endless
        else:
            for source in node.src:
                room[source, True][node, False] = endless
    for node in goals:
        room[node, True][GOAL] = endless
    return room, list(sizes)


def _path(room: Room) -> list[tuple[End, End]]:
    """The shortest one from the start to the goal along which something still fits."""
    before: dict[End, End] = {START: START}
    waiting = deque([START])
    while waiting and GOAL not in before:
        a = waiting.popleft()
        for b, free in room[a].items():
            if free and b not in before:
                before[b] = a
                waiting.append(b)
    path: list[tuple[End, End]] = []
    at = GOAL
    while at in before and at != START:
        path.append((before[at], at))
        at = before[at]
    return path


def _near_goal(room: Room) -> set[End]:
    """From where something still comes to the goal."""
    into: dict[End, list[End]] = defaultdict(list)
    for a, row in room.items():
        for b, free in row.items():
            if free:
                into[b].append(a)
    found = {GOAL}
    waiting = [GOAL]
    while waiting:
        new = [a for a in into[waiting.pop()] if a not in found]
        found.update(new)
        waiting += new
    return found
