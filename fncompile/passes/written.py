"""Where a recurrence writes the sequence that comes out of it: in the order of who reads it.

Steps come first in a scan, samples in what layers hand on; written where the only reader wants
them, rows need no pass of their own that turns them. So for steps in reverse, and for a part of a
concatenation, as the two directions of a Bidirectional are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fncompile.ir.dims import Dim, row_major
from fncompile.ir.node import Node


@dataclass(frozen=True)
class Written:
    """The element of a sequence at an index lies in the memory of `target`, at `start` and, along
    each axis, `strides` times the index. `last` is the view of the sequence that `target` is, or
    has as a part."""

    target: Node
    last: Node
    start: Dim
    strides: tuple[Dim, ...]


def written_as(whole: Node, readers: Mapping[Node, Sequence[Node]]) -> Written | None:
    """None where it is written as it is: others read it, or nobody asks for another order."""
    last, axes, back = whole, list(range(whole.ndim)), [False] * whole.ndim
    while (reader := _only(readers, last)) is not None and reader.op in ("permute", "slice"):
        if reader.op == "permute":
            axes = [axes[p] for p in reader["perm"]]
            back = [back[p] for p in reader["perm"]]
        elif _flips(reader):
            back = [b != (step == -1) for b, step in zip(back, reader["step"])]
        else:
            break
        last = reader
    target = last
    start: Dim = 0
    if reader is not None and reader.op == "concat" and reader.src.count(last) == 1:
        axis, before = reader["axis"], reader.src[: reader.src.index(last)]
        target = reader
        for part in before:
            start = start + part.shape[axis] * row_major(reader.shape)[axis]
    if target is whole:
        return None
    strides: list[Dim] = [0] * whole.ndim
    for axis, turned, step in zip(axes, back, row_major(target.shape)):
        strides[axis] = -step if turned else step
        start = start + (whole.shape[axis] - 1) * step if turned else start
    if strides[-1] != row_major(whole.shape)[-1]:
        return None  # each element of a row would lie in a line of the cache of its own
    return Written(target, last, start, tuple(strides))


def _only(readers: Mapping[Node, Sequence[Node]], node: Node) -> Node | None:
    """A root has itself among its readers."""
    found = readers[node]
    return found[0] if len(found) == 1 and found[0] is not node else None


def _flips(node: Node) -> bool:
    """Is it all of its source, along some axes from the end on?"""
    rows = zip(node["start"], node["size"], node["step"], node.src[0].shape)
    return all(n == d and (s, t) in ((0, 1), (d - 1, -1)) for s, n, t, d in rows)
