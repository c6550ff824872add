"""The adjoint of windows of a product with a kernel for each channel: the gradient of a depthwise
convolution towards its input."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fncompile.ir import build
from fncompile.ir.dims import Dim, Shape
from fncompile.ir.node import Node
from fncompile.ir.windows import Phase
from fncompile.passes.padding import seen_back, turned


@dataclass(frozen=True)
class Scaled:
    """What an `unwindow` reads where there is a kernel for each channel: `pixels`, the same for all
    taps, times `kernel`, the same for all pixels. Both have all axes, those of extent 1."""

    pixels: Node
    kernel: Node
    axes: tuple[int, ...]
    shape: Shape

    def of(self, chosen: Sequence[Phase], counts: Sequence[Dim]) -> Node:
        """The sums of the elements of some phases, `counts` of each."""
        shape, rank = list(self.shape), len(self.shape)
        for axis, count in zip(self.axes, counts):
            shape[axis] = count
        if any(p.taps == 0 for p in chosen):
            return build.full(tuple(shape), 0, self.pixels.dtype)
        pixels = build.reshape(self.pixels, self.pixels.shape[:rank])
        seen = seen_back(pixels, self.axes, chosen, counts)
        taps = range(rank, seen.ndim)
        kernel = build.broadcast_to(turned(self.kernel, taps, chosen), seen.shape)
        return build.reduce(build.ew("mul", seen, kernel), "sum", tuple(taps))


def scaled(node: Node) -> Scaled | None:
    """None where the windows are of no such product."""
    source = node.src[0]
    if source.op != "ew" or source["fn"] != "mul":
        return None
    taps = range(node.ndim, source.ndim)
    for pixels, kernel in (source.src, source.src[::-1]):
        if _is_spread(pixels, taps) and _is_spread(kernel, node["axes"]):
            pixels, kernel = _narrowed(pixels, taps), _narrowed(kernel, node["axes"])
            return Scaled(pixels, kernel, node["axes"], node.shape)
    return None


def _source(x: Node) -> Node:
    """What `x` is spread from, with as many axes."""
    return x.src[0] if x.op == "broadcast" else x


def _is_spread(x: Node, axes: Iterable[int]) -> bool:
    """Is it the same all along these axes?"""
    return all(_source(x).shape[i] == 1 for i in axes)


def _narrowed(x: Node, axes: Iterable[int]) -> Node:
    """What is the same along these axes with an extent of 1 there."""
    return build.broadcast_to(
        _source(x), tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    )
