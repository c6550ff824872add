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
    """What an `unwindow` reads: `dot` with its axes in the order `order`. The operand `pixels` has
    the windowed axes, `kernel` the taps; axes of these operands are numbered as they have them."""

    pixels: Node
    kernel: Node
    batch: tuple[Sequence[int], Sequence[int]]
    contract: tuple[Sequence[int], Sequence[int]]
    windowed: list[int]
    taps: list[int]
    order: list[int]  # axes of the result: those of dot(pixels, kernel) without the taps

    def of(self, chosen: Sequence[Phase], counts: Sequence[Dim]) -> Node:
        """The sums of the elements of some phases, `counts` of each."""
        taps = [p.taps for p in chosen]
        if 0 in taps:
            return build.full(self._shape(counts), 0, self.pixels.dtype)
        low = [(p.taps - 1) * p.step - p.shift for p in chosen]
        high = [
            count - self.pixels.shape[axis] + (p.taps - 1) * p.step - before
            for p, axis, count, before in zip(chosen, self.windowed, counts, low)
        ]
        steps, ones = [p.step for p in chosen], [1] * len(chosen)
        seen = unpadded(
            build.window(self.pixels, self.windowed, taps, ones, steps, low, high)
        )
        turned = self.kernel
        for p, axis in zip(chosen, self.taps):
            last = p.tap + (p.taps - 1) * p.tap_step
            turned = build.slice_axis(turned, axis, last, p.taps, -p.tap_step)
        new = range(self.pixels.ndim, seen.ndim)
        contract = (*self.contract[0], *new), (*self.contract[1], *self.taps)
        return build.permute(build.dot(seen, turned, contract, self.batch), self.order)

    def _shape(self, counts: Sequence[Dim]) -> Shape:
        extents = list(self.pixels.shape)
        for axis, count in zip(self.windowed, counts):
            extents[axis] = count
        left = [*self.batch[0], *_free(self.pixels, self.batch[0], self.contract[0])]
        right = _free(self.kernel, self.batch[1], (*self.contract[1], *self.taps))
        found = [*(extents[i] for i in left), *(self.kernel.shape[i] for i in right)]
        return tuple(found[i] for i in self.order)


def _free(x: Node, batch: Sequence[int], contract: Sequence[int]) -> list[int]:
    return [i for i in range(x.ndim) if i not in (*batch, *contract)]


def _contraction(node: Node) -> _Contraction | None:
    """None where the windows are of no product, or not of one operand and all taps of the other."""
    dot, perm = node.src[0], list(range(node.src[0].ndim))
    if dot.op == "permute":
        dot, perm = dot.src[0], list(dot["perm"])
    if dot.op != "dot":
        return None
    batch_a, batch_b, contract_a, contract_b = dot.attr
    sides = {
        "a": (dot.src[0], batch_a, contract_a),
        "b": (dot.src[1], batch_b, contract_b),
    }
    free = {side: [(side, i) for i in _free(*sides[side])] for side in sides}
    batch = [("both", i) for i in range(len(batch_a))]
    axes = [[*batch, *free["a"], *free["b"]][p] for p in perm]
    windowed, taps = [axes[i] for i in node["axes"]], axes[node.ndim :]
    for left, right in ("ab", "ba"):
        if {side for side, _ in windowed} == {left} and {side for side, _ in taps} == {right}:
            kept = [*batch, *free[left], *(x for x in free[right] if x not in taps)]
            order = [kept.index(x) for x in axes[: node.ndim]]
            (pixels, kernel), of_batch, contracted = zip(sides[left], sides[right])
            at, by = ([i for _, i in group] for group in (windowed, taps))
            return _Contraction(pixels, kernel, of_batch, contracted, at, by, order)
    return None


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
