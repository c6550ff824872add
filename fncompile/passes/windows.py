"""Windows as views of what lies there: padding is a pad, and the adjoint of a product is a product.

Requires: a Program. Ensures: no `window` has padding, so that all it is are other strides; an
`unwindow` of a contraction, the gradient of a convolution towards its input, is a contraction over
windows of the left operand for each remainder of the strides.
"""

from __future__ import annotations

from collections.abc import Sequence

from fncompile.ir import build
from fncompile.ir.dims import Dim
from fncompile.ir.node import Node, Program, rebuild


def windows(program: Program, context=None) -> Program:
    def visit(node: Node, src: tuple[Node, ...]) -> Node | None:
        return unpadded(node, *src) if node.op == "window" else None

    return program.map(rebuild(program.roots, visit).__getitem__)


def unpadded(node: Node, x: Node) -> Node:
    """The window of `x` with its padding around it."""
    wide = padded(x, node["axes"], node["low"], node["high"], node["fill"])
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
