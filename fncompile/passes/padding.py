"""Padding of windows as a `pad`, and windows of what windows saw."""

from __future__ import annotations

from collections.abc import Sequence

from fncompile.ir import build
from fncompile.ir.dims import Dim
from fncompile.ir.node import Node
from fncompile.ir.windows import Phase


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


def seen_back(x: Node, axes: Sequence[int], chosen: Sequence[Phase], counts: Sequence[Dim]) -> Node:
    """Windows of what windows saw: `counts` of them along each axis, of the taps of the phases."""
    taps, steps = [p.taps for p in chosen], [p.step for p in chosen]
    low = [(p.taps - 1) * p.step - p.shift for p in chosen]
    high = [
        count - x.shape[axis] + (p.taps - 1) * p.step - before
        for p, axis, count, before in zip(chosen, axes, counts, low)
    ]
    return unpadded(build.window(x, axes, taps, [1] * len(chosen), steps, low, high))


def turned(kernel: Node, axes: Sequence[int], chosen: Sequence[Phase]) -> Node:
    """The taps of the phases, the last one first."""
    for p, axis in zip(chosen, axes):
        last = p.tap + (p.taps - 1) * p.tap_step
        kernel = build.slice_axis(kernel, axis, last, p.taps, -p.tap_step)
    return kernel
