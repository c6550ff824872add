"""The adjoint of windows of a contraction: the gradient of a convolution towards its input."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fncompile.ir import build
from fncompile.ir.dims import Dim, Shape
from fncompile.ir.node import Node
from fncompile.ir.windows import Phase
from fncompile.passes.access import VIEWS, identity
from fncompile.passes.padding import seen_back, turned
from fncompile.plan.types import axis_index

Label = tuple[str, int]  # of an axis: "a" or "b", the operand that has it, or "both"; its number


@dataclass(frozen=True)
class Contraction:
    """What an `unwindow` reads: a product of `pixels`, which has the windowed axes, and `kernel`,
    which has the taps. `shape` is that of the unwindow, whose axes are those of the product without
    the taps in the order `order`, but for extents of 1."""

    pixels: Node
    kernel: Node
    batch: tuple[Sequence[int], Sequence[int]]
    contract: tuple[Sequence[int], Sequence[int]]
    windowed: list[int]
    taps: list[int]
    order: list[int]
    axes: tuple[int, ...]
    shape: Shape

    def of(self, chosen: Sequence[Phase], counts: Sequence[Dim]) -> Node:
        """The sums of the elements of some phases, `counts` of each."""
        shape = list(self.shape)
        for axis, count in zip(self.axes, counts):
            shape[axis] = count
        taps = [p.taps for p in chosen]
        if 0 in taps:
            return build.full(tuple(shape), 0, self.pixels.dtype)
        seen = seen_back(self.pixels, self.windowed, chosen, counts)
        kernel = turned(self.kernel, self.taps, chosen)
        new = range(self.pixels.ndim, seen.ndim)
        contract = (*new, *self.contract[0]), (*self.taps, *self.contract[1])
        product = build.dot(seen, kernel, contract, self.batch)
        return build.reshape(build.permute(product, self.order), shape)


@dataclass(frozen=True)
class _Operand:
    """One of the contraction, and which of its axes are batches and contracted."""

    name: str
    node: Node
    batch: Sequence[int]
    contract: Sequence[int]

    def free(self, node: Node, without: Sequence[int] = ()) -> list[Label]:
        """The others, of the operand reshaped to `node`."""
        taken = (*self.batch, *self.contract, *without)
        return [(self.name, i) for i in range(node.ndim) if i not in taken]


def contraction(node: Node) -> Contraction | None:
    """None where the windows are of no product, or not of one operand and all taps of the other."""
    found = _dot_below(node.src[0])
    if found is None:
        return None
    dot, places = found
    a, b = (_Operand("ab"[i], dot.src[i], dot.attr[i], dot.attr[2 + i]) for i in range(2))
    labels = [("both", i) for i in range(len(a.batch))] + a.free(a.node) + b.free(b.node)
    axes = {i: labels[place] for i, place in places.items()}
    taps = range(node.ndim, node.src[0].ndim)
    for left, right in ((a, b), (b, a)):
        if _are_of(left, axes, node["axes"]) and _are_of(right, axes, taps):
            return _made(node, left, right, axes)
    return None


def _are_of(operand: _Operand, axes: dict[int, Label], wanted: Iterable[int]) -> bool:
    """Has the operand all of these axes that are larger than one?"""
    return all(axes[i][0] == operand.name for i in wanted if i in axes)


def _made(node: Node, left: _Operand, right: _Operand, axes: dict[int, Label]) -> Contraction:
    """With the windowed axes those of `left`, and the taps those of `right`."""
    tapped = range(node.ndim, node.src[0].ndim)
    pixels, windowed = _with_axes(left.node, [axes.get(i) for i in node["axes"]])
    kernel, taps = _with_axes(right.node, [axes.get(i) for i in tapped])
    axes = axes | {i: (left.name, axis) for i, axis in zip(node["axes"], windowed)}
    kept = [("both", i) for i in range(len(left.batch))]
    kept += left.free(pixels) + right.free(kernel, taps)
    first = [kept.index(axes[i]) for i in range(node.ndim) if i in axes]
    order = [*first, *(i for i in range(len(kept)) if i not in first)]
    batch, contract = (left.batch, right.batch), (left.contract, right.contract)
    return Contraction(
        pixels, kernel, batch, contract, windowed, taps, order, node["axes"], node.shape
    )


def _dot_below(x: Node) -> tuple[Node, dict[int, int]] | None:
    """The contraction that `x` is but for the order of its axes and extents of 1; and which axis
    of it each larger axis of `x` is."""
    node, indices = x, identity(x.ndim)
    while node.op in ("permute", "reshape"):
        moved = VIEWS[node.op](node, indices)
        if moved is None:
            return None
        node, indices = moved
    if node.op != "dot":
        return None
    places = {at: i for i, at in enumerate(indices)}
    wanted = [i for i, n in enumerate(x.shape) if n != 1]
    if any(axis_index(i) not in places for i in wanted):
        return None
    return node, {i: places[axis_index(i)] for i in wanted}


def _with_axes(x: Node, labels: Sequence[Label | None]) -> tuple[Node, list[int]]:
    """`x` with an axis of extent 1 at the end for each that it lacks, and which they are."""
    missing = sum(label is None for label in labels)
    new = iter(range(x.ndim, x.ndim + missing))
    found = [next(new) if label is None else label[1] for label in labels]
    return build.reshape(x, (*x.shape, *[1] * missing)), found
