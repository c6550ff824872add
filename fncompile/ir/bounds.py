"""Slices, pads and windows that fit only for some sizes: what an entry must check before it reads
or writes.

Inference refuses what cannot fit for any size. Where an extent is a symbol, `bounds` lists the
rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fncompile.ir.dims import Dim, Shape, evaluate, is_static
from fncompile.ir.node import Node, Program


@dataclass(frozen=True)
class Bound:
    """`count >= 0`, and unless it is 0, `first` and `last` are indices of an axis of `extent`."""

    count: Dim
    first: Dim
    last: Dim
    extent: Dim

    def holds(self, sizes: Mapping[str, int]) -> bool:
        count, first, last, extent = (
            evaluate(d, sizes) for d in (self.count, self.first, self.last, self.extent)
        )
        return count == 0 or (count > 0 and 0 <= first < extent and 0 <= last < extent)

    def __str__(self) -> str:
        return f"{self.count} elements from {self.first} to {self.last} of an axis of {self.extent}"


def bounds(program: Program) -> tuple[Bound, ...]:
    """Those that depend on symbols, in program order."""
    found: dict[Bound, None] = {}
    for node in program.all_nodes():
        for bound in RULES.get(node.op, _none)(node):
            if not is_static((bound.count, bound.first, bound.last, bound.extent)):
                found[bound] = None
    return tuple(b for b in found if not _always(b))


def _none(node: Node) -> list[Bound]:
    return []


def _slice(node: Node) -> list[Bound]:
    return _of(node, node.shape, node.src[0].shape)


def _pad(node: Node) -> list[Bound]:
    return _of(node, node.src[0].shape, node.shape)


def _of(node: Node, inner: Shape, outer: Shape) -> list[Bound]:
    rows = zip(inner, node["start"], node["step"], outer)
    return [Bound(n, first, first + (n - 1) * step, extent) for n, first, step, extent in rows]


def _window(node: Node) -> list[Bound]:
    """Any number of windows, but not fewer than none."""
    return [Bound(node.shape[axis], 0, 0, 1) for axis in node["axes"]]


RULES: dict[str, Callable[[Node], list[Bound]]] = {
    "slice": _slice,
    "pad": _pad,
    "window": _window,
}


def _always(bound: Bound) -> bool:
    """The whole axis, forwards or backwards."""
    whole = {bound.first, bound.last} == {0, bound.extent - 1}
    return whole and bound.count == bound.extent
