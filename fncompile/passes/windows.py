"""Windows as views of what lies there: padding is a pad, and the adjoint of a product is a product.

Requires: a Program. Ensures: no `window` has padding, so that all it is are other strides; an
`unwindow` of a contraction, the gradient of a convolution towards its input, is a contraction over
windows of the left operand for each remainder of the strides; and so is one of a product with a
kernel for each channel, a sum over such windows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

from fncompile.ir import build
from fncompile.ir.dims import Dim, ceildiv
from fncompile.ir.node import Node, Program, make, rebuild
from fncompile.ir.windows import Phase, phases
from fncompile.passes.padding import unpadded
from fncompile.passes.unwindow_dot import contraction
from fncompile.passes.unwindow_mul import scaled


def windows(program: Program, context=None) -> Program:
    def visit(node: Node, src: tuple[Node, ...]) -> Node | None:
        return RULES[node.op](make(node.op, src, *node.attr)) if node.op in RULES else None

    return program.map(rebuild(program.roots, visit).__getitem__)


def as_forward(node: Node) -> Node | None:
    """What all windows saw of a product, summed up, is a product of windows of one operand: one for
    each remainder of the strides, interleaved. None where it is of no product."""
    found = contraction(node) or scaled(node)
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
    "unwindow": as_forward,
}
