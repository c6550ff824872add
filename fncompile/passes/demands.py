"""Which values must lie in memory because of how they are read.

A contraction reads matrices, a gather a table, a random stream its key; and a reshape that would
need division reads what has been written. Whether a value that is computed, or a view, will do is
asked here before any stage is made, so that stages never find that something is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fncompile.ir.dims import Dim, product
from fncompile.ir.node import Node
from fncompile.passes.access import (
    SPREADING,
    VIEWS,
    Buffers,
    Indices,
    base_of,
    below_views,
    identity,
    is_contiguous,
    is_leaf,
    linear,
    split_indices,
)
from fncompile.passes.contraction import Axes, extents, is_one, may_walk
from fncompile.plan.machine import usual
from fncompile.plan.types import Affine, Buffer, Load


@dataclass(frozen=True)
class Use:
    """`node` is read in a way for which, for `reason`, not everything will do.

    `fits` says whether a view of memory does; without it none does that must be computed.
    """

    node: Node
    reason: str
    fits: Callable[[Load], bool] | None = None


def computed_uses(node: Node, buffers: Buffers) -> list[tuple[Node, str]]:
    """What `node` reads that would be computed where it is read, and must not be; and why."""
    return [
        (_stored_for(use, buffers), use.reason)
        for use in USES.get(node.op, _no_uses)(node)
        if not _may_stay(use, buffers)
    ]


def _may_stay(use: Use, buffers: Buffers) -> bool:
    base = base_of(use.node)
    if use.node in buffers or base in buffers:
        return True
    return use.fits is not None and base.op in VIEWS  # `viewed_uses` decides


def viewed_uses(node: Node, buffers: Buffers) -> list[tuple[Node, str]]:
    """What `node` reads that is a view which will not do: of nothing in memory, or not with such
    steps; and why."""
    found = []
    for use in USES.get(node.op, _no_uses)(node):
        if use.fits is not None:
            below = below_views(use.node, identity(use.node.ndim), buffers)
            if isinstance(below, Load):
                if not use.fits(below):
                    found.append((_stored_for(use, buffers), use.reason))
            elif _is_spread(use.node) and use.fits(_as_if_stored(*below)):
                found.append((below[0], "an operand of a contraction repeats its elements"))
            else:
                found.append((_stored_for(use, buffers), use.reason))
    return found


def _is_spread(node: Node) -> bool:
    """Does an element stand several times in this view?"""
    while node.op in VIEWS:
        if node.op in SPREADING:
            return True
        node = node.src[0]
    return False


def _as_if_stored(node: Node, indices: Indices) -> Load:
    """What reading `node` would be if it lay in memory."""
    return Load(Buffer("", node.type, "arena"), linear(node.shape, indices), node.dtype)


def _stored_for(use: Use, buffers: Buffers) -> Node:
    """The node to store: without reshapes, where that is not what lies in memory already."""
    base = base_of(use.node)
    return use.node if base in buffers or is_leaf(base) else base


# how each op reads -------------------------------------------------------------------------------


def _no_uses(node: Node) -> list[Use]:
    return []


def _dot(node: Node) -> list[Use]:
    a, b = node.src
    axes, sizes = Axes.of(node), extents(node)
    _, _, columns, contracted = axes.groups()

    def walks(numbers: list[int], *groups: range) -> Callable[[Load], bool]:
        """Is each group one axis to a load at the axes of its operand in their order?"""
        return lambda load: all(is_one(g, sizes, _renamed(load.at, numbers)) for g in groups)

    def left(load: Load) -> bool:
        return may_walk(node, _renamed(load.at, axes.left()))

    right = walks(axes.right(), columns, contracted)
    return [
        Use(a, "walking the left operand of a contraction costs more than a copy", left),
        Use(
            b,
            "the right operand of a contraction is read along its last axis",
            lambda load: right(load) and _by_rows(b, axes.columns)(load),
        ),
    ]


def _renamed(at: Affine, numbers: list[int]) -> Affine:
    return Affine(at.offset, tuple((numbers[axis], c) for axis, c in at.terms))


def _by_rows(x: Node, columns: int) -> Callable[[Load], bool]:
    """Are the elements of its rows, which are of as many axes, adjacent?"""
    last = next((i for i in reversed(range(x.ndim - columns, x.ndim)) if x.shape[i] != 1), None)
    return lambda load: last is None or load.at.coefficient(last) == 1


def _gather(node: Node) -> list[Use]:
    table = node.src[0]
    return [Use(table, "it is indexed by other values", lambda load: is_contiguous(load, table))]


def _bits(node: Node) -> list[Use]:
    return [Use(node.src[0], "it is the key of a random stream")]


def _reshape(node: Node) -> list[Use]:
    source = node.src[0]
    if split_indices(node.shape, identity(node.ndim), source.shape) is not None:
        return []
    return [Use(source, f"reshape to {node.type} of what is not in memory needs division")]


def _window(node: Node) -> list[Use]:
    return [Use(_wide(node.src[0]), "windows see each element several times", lambda load: True)]


def _wide(x: Node) -> Node:
    """The pad that it is a slice of, or itself."""
    whole = x
    while whole.op in ("reshape", "slice"):
        whole = whole.src[0]
    return whole if whole.op == "pad" else x


# routines -----------------------------------------------------------------------------------------

BY_ELEMENT = {"attention": (3, 4, 5), "attention_grad": (3, 4, 5)}
"""The sources that a routine computes element by element, as often as it needs them."""


def _routine(node: Node) -> list[Use]:
    in_rows = f"{node.op} reads it in rows"
    return [
        Use(x, in_rows, _by_rows(x, x.ndim))
        for i, x in enumerate(node.src)
        if i not in BY_ELEMENT.get(node.op, ())
    ]


def _argsort(node: Node) -> list[Use]:
    x = node.src[0]
    return [Use(x, "it is sorted by rows", lambda load: is_contiguous(load, x))]


def computed_again(nodes: Sequence[Node]) -> set[Node]:
    """What routines compute by element and is as large as all the points of one matrix of them:
    never stored for that, however often it is read."""
    found: set[Node] = set()
    for node in nodes:
        for i in BY_ELEMENT.get(node.op, ()):
            _add_large(node.src[i], product(node.src[i].shape[-2:]), found)
    return found


def _add_large(node: Node, least: Dim, found: set[Node]) -> None:
    stack = [node]
    while stack:
        x = stack.pop()
        by_element = x.op in VIEWS or x.op in ("ew", "cast", "bits")
        if x not in found and by_element and _at_least(x.type.size, least):
            found.add(x)
            stack += x.src


def _at_least(size: Dim, least: Dim) -> bool:
    return usual(size) >= usual(least)


USES: dict[str, Callable[[Node], list[Use]]] = {
    "dot": _dot,
    "gather": _gather,
    "bits": _bits,
    "reshape": _reshape,
    "window": _window,
    "attention": _routine,
    "attention_grad": _routine,
    "argsort": _argsort,
}
