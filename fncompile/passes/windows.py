"""Windows as views of what lies there: padding is a pad, and the adjoint of a product is a product.

Requires: a Program. Ensures: no `window` has padding, so that all it is are other strides; an
`unwindow` of a contraction, the gradient of a convolution towards its input, is a contraction over
windows of the left operand for each remainder of the strides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

from fncompile.ir import build
from fncompile.ir.dims import Dim, Shape, ceildiv
from fncompile.ir.node import Node, Program, make, rebuild
from fncompile.ir.windows import Phase, phases
from fncompile.passes.access import VIEWS, identity
from fncompile.plan.types import axis_index


def windows(program: Program, context=None) -> Program:
    def visit(node: Node, src: tuple[Node, ...]) -> Node | None:
        return RULES[node.op](make(node.op, src, *node.attr)) if node.op in RULES else None

    return program.map(rebuild(program.roots, visit).__getitem__)


def unpadded(node: Node) -> Node:
    """The window of a tensor with the padding around it."""
    wide = padded(node.src[0], node["axes"], node["low"], node["high"], node["fill"])
    return build.window(wide, node["axes"], node["size"], node["stride"], node["dilation"])


def padded(x: Node, axes: Sequence[int], low: Sequence[Dim], high: Sequence[Dim], fill) -> Node:
    """`x` with so many elements more at the ends of axes, or fewer."""
    start: list[Dim] = [0] * x.ndim
    shape = list(x.shape)
    for axis, before, after in zip(axes, low, high):
        cut = tuple(-d if isinstance(d, int) and d < 0 else 0 for d in (before, after))
        kept = x.shape[axis] - cut[0] - cut[1]
        x = build.slice_axis(x, axis, cut[0], kept)
        start[axis] = before + cut[0]
        shape[axis] = kept + before + cut[0] + after + cut[1]
    return x if tuple(shape) == x.shape else build.pad(x, start, shape, value=fill)


# the adjoint of the windows of a contraction -----------------------------------------------------


@dataclass(frozen=True)
class _Contraction:
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
        low = [(p.taps - 1) * p.step - p.shift for p in chosen]
        high = [
            count - self.pixels.shape[axis] + (p.taps - 1) * p.step - before
            for p, axis, count, before in zip(chosen, self.windowed, counts, low)
        ]
        steps, ones = [p.step for p in chosen], [1] * len(chosen)
        seen = unpadded(build.window(self.pixels, self.windowed, taps, ones, steps, low, high))
        turned = self.kernel
        for p, axis in zip(chosen, self.taps):
            last = p.tap + (p.taps - 1) * p.tap_step
            turned = build.slice_axis(turned, axis, last, p.taps, -p.tap_step)
        new = range(self.pixels.ndim, seen.ndim)
        contract = (*self.contract[0], *new), (*self.contract[1], *self.taps)
        product = build.dot(seen, turned, contract, self.batch)
        return build.reshape(build.permute(product, self.order), shape)


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


def _free(x: Node, batch: Sequence[int], contract: Sequence[int]) -> list[int]:
    return [i for i in range(x.ndim) if i not in (*batch, *contract)]


def _contraction(node: Node) -> _Contraction | None:
    """None where the windows are of no product, or not of one operand and all taps of the other."""
    found = _dot_below(node.src[0])
    if found is None:
        return None
    dot, places = found
    batch_a, batch_b, contract_a, contract_b = dot.attr
    sides = {"a": (dot.src[0], batch_a, contract_a), "b": (dot.src[1], batch_b, contract_b)}
    free = {side: [(side, i) for i in _free(*sides[side])] for side in sides}
    batch = [("both", i) for i in range(len(batch_a))]
    labels = [*batch, *free["a"], *free["b"]]
    axes = {i: labels[place] for i, place in places.items()}
    all_taps = range(node.ndim, node.src[0].ndim)
    for left, right in ("ab", "ba"):
        if not all(axes.get(i, (left, 0))[0] == left for i in node["axes"]):
            continue
        if not all(axes.get(i, (right, 0))[0] == right for i in all_taps):
            continue
        pixels, windowed = _with_axes(sides[left][0], [axes.get(i) for i in node["axes"]])
        kernel, taps = _with_axes(sides[right][0], [axes.get(i) for i in all_taps])
        axes.update((i, (left, axis)) for i, axis in zip(node["axes"], windowed))
        of_batch, contracted = zip(sides[left][1:], sides[right][1:])
        kept = [*batch, *((left, i) for i in _free(pixels, of_batch[0], contracted[0]))]
        kept += [(right, i) for i in _free(kernel, of_batch[1], (*contracted[1], *taps))]
        first = [kept.index(axes[i]) for i in range(node.ndim) if i in axes]
        order = [*first, *(i for i in range(len(kept)) if i not in first)]
        return _Contraction(
            pixels, kernel, of_batch, contracted, windowed, taps, order, node["axes"], node.shape
        )
    return None


def _with_axes(x: Node, labels: Sequence[tuple[str, int] | None]) -> tuple[Node, list[int]]:
    """`x` with an axis of extent 1 at the end for each that it lacks, and which they are."""
    missing = sum(label is None for label in labels)
    new = iter(range(x.ndim, x.ndim + missing))
    found = [next(new) if label is None else label[1] for label in labels]
    return build.reshape(x, (*x.shape, *[1] * missing)), found


def as_contraction(node: Node) -> Node | None:
    """What all windows saw of a product, summed up, is a product over windows of one operand: a
    contraction for each remainder of the strides, interleaved."""
    found = _contraction(node)
    if found is None:
        return None
    taps = node.src[0].shape[node.ndim :]
    along = [phases(*row) for row in zip(node["extents"], taps, *node.attr[2:])]
    counts = [ceildiv(n, s) for n, s in zip(node["extents"], node["stride"])]
    parts = [found.of(chosen, counts) for chosen in product(*along)]
    return _interleaved(parts, node, along)


def _interleaved(parts: list[Node], node: Node, along: Sequence[list[Phase]]) -> Node:
    """One tensor of the parts, of which the last axis of phases runs fastest."""
    for axis, extent, found in reversed(list(zip(node["axes"], node["extents"], along))):
        n = len(found)
        parts = [_merged(parts[i : i + n], axis, extent) for i in range(0, len(parts), n)]
    return parts[0]


def _merged(parts: list[Node], axis: int, extent: Dim) -> Node:
    """Element j of part r is element r + j * (number of parts)."""
    beside = build.concat([build.expand_dims(p, (axis + 1,)) for p in parts], axis + 1)
    shape = list(parts[0].shape)
    shape[axis] = shape[axis] * len(parts)
    return build.slice_axis(build.reshape(beside, shape), axis, 0, extent)


RULES: dict[str, Callable[[Node], Node | None]] = {
    "window": unpadded,
    "unwindow": as_contraction,
}
