"""Regions: programs inside a program, such as the body of a `scan`.

A region is closed: all that it reads comes in through its inputs, which are bound names. They are
called after what they are and after how deep regions are nested below, so that two bodies that
compute the same are the same, and no name of an inner region can mean that of an outer one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from fncompile.ir.ops import OPS
from fncompile.ir.types import TensorType

if TYPE_CHECKING:
    from fncompile.ir.node import Node


@dataclass(frozen=True)
class Region:
    """The body of a scan: one turn.

    `inputs` are `carries` values that the turn before left, then the elements of `sequences`
    sequences, then what is the same in all turns. `outputs` are the carries for the next turn, then
    the elements of the sequences that come out.
    """

    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]
    carries: int
    sequences: int

    @property
    def groups(self) -> tuple[tuple[Node, ...], ...]:
        """The inputs: carries, elements, invariants."""
        return split(self.inputs, self.carries, self.sequences)

    @property
    def next_carries(self) -> tuple[Node, ...]:
        return self.outputs[: self.carries]

    @property
    def elements_out(self) -> tuple[Node, ...]:
        return self.outputs[self.carries :]

    def __repr__(self) -> str:
        types = ", ".join(str(n.type) for n in self.inputs)
        return f"Region({types}; {self.carries} carries, {self.sequences} sequences)"


def split(items: Sequence, *sizes: int) -> tuple[tuple, ...]:
    """`items` in groups of these sizes, and a last one of what is left."""
    found, start = [], 0
    for size in sizes:
        found.append(tuple(items[start : start + size]))
        start += size
    return (*found, tuple(items[start:]))


def height(nodes: Iterable[Node]) -> int:
    """How deep regions are nested in these nodes."""
    return max((1 + _depth(n["body"]) for n in nodes if OPS[n.op].has_region), default=0)


def _depth(region: Region) -> int:
    """What the names of its inputs say; without any, nothing in it can be confused."""
    name = region.inputs[0]["name"] if region.inputs else "@0."
    return int(name[1:].partition(".")[0])


def bound_input(depth: int, kind: str, number: int, type: TensorType) -> Node:
    """The input of a region with `depth` regions nested inside; `kind`: one letter."""
    from fncompile.ir.node import make

    return make("input", (), f"@{depth}.{kind}{number}", type)


_numbers = count()


def fresh(type: TensorType) -> Node:
    """An input to build a region with, which no other node is; `renamed` gives it its name."""
    from fncompile.ir.node import make

    return make("input", (), f"@new.{next(_numbers)}", type)


KINDS = "cxw"  # carries, elements of sequences, invariants


def renamed(region: Region) -> Region:
    """The region with the names that its inputs should have."""
    from fncompile.ir.node import toposort

    depth = height(toposort(region.outputs))
    names = {
        node: bound_input(depth, kind, i, node.type)
        for kind, group in zip(KINDS, region.groups, strict=True)
        for i, node in enumerate(group)
    }
    outputs = substituted(region.outputs, names)
    return Region(tuple(names.values()), outputs, region.carries, region.sequences)


def substituted(roots: Sequence[Node], values: dict[Node, Node]) -> tuple[Node, ...]:
    """The roots, with each node that is a key of `values` replaced by its value."""
    from fncompile.ir.node import make, toposort

    new: dict[Node, Node] = {}
    for node in toposort(roots):
        if node in values:
            new[node] = values[node]
            continue
        src = tuple(new[s] for s in node.src)
        new[node] = node if src == node.src else make(node.op, src, *node.attr)
    return tuple(new[root] for root in roots)


def closed(
    inputs: Sequence[Node], outputs: Sequence[Node], carries: int
) -> tuple[Region, tuple[Node, ...]]:
    """The region that computes `outputs` from `inputs` (carries, then elements), and the nodes
    around it that it reads: what does not depend on an input is computed once, outside.

    Constants stay inside, as they cost nothing.
    """
    from fncompile.ir.node import toposort

    bound = set(inputs)
    order = toposort(outputs)
    inside: set[Node] = set(bound)
    for node in order:
        if any(s in inside for s in node.src):
            inside.add(node)
    used = [s for n in order if n in inside and n not in bound for s in n.src]
    outer = dict.fromkeys(s for s in (*used, *outputs) if s not in inside and not is_free(s))
    region = Region((*inputs, *outer), tuple(outputs), carries, len(inputs) - carries)
    return renamed(region), tuple(outer)


def is_free(node: Node) -> bool:
    """Is it computed from nothing, wherever it is needed?"""
    while node.op in ("broadcast", "reshape"):
        node = node.src[0]
    return not node.src and node.op not in ("input", "param")


def rebuilt(region: Region, change: Callable[[Sequence[Node]], dict[Node, Node]]) -> Region:
    """The region after `change`, which maps nodes below the ones given to their replacements."""
    new = change([*region.inputs, *region.outputs])
    inputs = tuple(new[n] for n in region.inputs)
    outputs = tuple(new[n] for n in region.outputs)
    if inputs == region.inputs and outputs == region.outputs:
        return region
    return Region(inputs, outputs, region.carries, region.sequences)
