"""The border of zeros around what a contraction reads: the padding of a convolution.

A line at the edge of an image reads lines of zeros by some of its taps. What is known of them here
lets drivers leave these taps out: two lines of taps of 3 x H, where the image is H lines high.
"""

from __future__ import annotations

from fncompile.ir.dims import Dim, row_major
from fncompile.ir.node import Node
from fncompile.passes.access import Buffers, base_of
from fncompile.plan.product import Border, Product


def border_of(product: Product, left: Node, buffers: Buffers) -> Border | None:
    """Of a product whose left operand is `left`: where that lies in a pad with zeros, along an axis
    that the lines and one of the contracted axes, alone, go along."""
    while left not in buffers and left.src:
        left = left.src[0]
    pad = base_of(left)
    if pad.op != "pad" or pad["value"] != 0 or any(step != 1 for step in pad["step"]):
        return None
    found = (_along(product, pad, axis) for axis in range(pad.ndim))
    return next((border for border in found if border is not None), None)


def _along(product: Product, pad: Node, axis: int) -> Border | None:
    """Around this axis of the pad."""
    height, row, start = pad.shape[axis], row_major(pad.shape)[axis], pad["start"][axis]
    at, inner = product.a.at, pad.src[0].shape[axis]
    if height == inner or not _are_known(height, row, start, inner, at.offset):
        return None
    steps, within = dict[int, int](), at.offset % row
    for i, step in at.terms:
        if not isinstance(step, int) or step < 0:
            return None
        if step % (row * height) == 0:
            continue
        extent = product.left_domain[i]
        if not isinstance(extent, int):
            return None
        if step % row == 0:
            steps[i] = step // row
        else:
            within += step * (extent - 1)
    line, first_outer = product.line_axis, len(product.batches) + 2
    taps = [i for i in steps if i >= first_outer]
    if within >= row or line not in steps or len(taps) != 1 or len(steps) != 2:
        return None
    [tap], first = taps, start - at.offset // row % height
    last = sum(by * (product.left_domain[i] - 1) for i, by in steps.items())
    if first <= 0 and last < first + inner:
        return None
    return Border(tap - first_outer, steps[line], steps[tap], first, first + inner)


def _are_known(*sizes: Dim) -> bool:
    return all(isinstance(size, int) for size in sizes)
