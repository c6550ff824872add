"""Stages of an `unwindow`: one for each remainder of the strides, whose elements the same taps see.

Where one tap sees each element, as of windows that do not overlap, and one element-wise value alone
reads them, that value is computed for each remainder in turn and the unwindow lies nowhere: the
gradient of a pooling and of the ReLU before it are one pass, or the epilogue of the product whose
gradient it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product as product_of

from fncompile.ir.dims import row_major
from fncompile.ir.node import Node
from fncompile.ir.windows import Phase, phases
from fncompile.passes.access import Reader, identity
from fncompile.passes.inline import OUTSIDE
from fncompile.passes.materialize import Memory
from fncompile.passes.unroll import unrolled
from fncompile.plan.types import Affine, Const, Guarded, Stage, Store, axis_index


class Through:
    """The stages of unwindows, or of what reads one in its place."""

    def __init__(self, memory: Memory):
        self.memory = memory
        self._into: dict[Node, list[Stage]] = {}

    def of(self, node: Node) -> list[Stage]:
        """Those of an unwindow itself: none, where its only reader is computed in its place."""
        columns = (node["extents"], node.src[0].shape[node.ndim :], *node.attr[2:])
        chosen = list(product_of(*(phases(*row) for row in zip(*columns))))
        stages = [self._phase(node, phases_) for phases_ in chosen]
        reader = self._only_reader(node)
        if reader is None or reader in self._into or len(chosen) < 2:
            return stages
        if any(s.kind != "map" for s in stages):
            return stages
        if any(p.taps != 1 for phases_ in chosen for p in phases_):
            return stages
        self._into[reader] = [
            self._read(reader, node, phases_, stage) for phases_, stage in zip(chosen, stages)
        ]
        return []

    def into(self, node: Node) -> list[Stage]:
        """Those of a value that is computed in the place of the unwindow it reads, if it does."""
        return self._into.get(node, [])

    def _only_reader(self, node: Node) -> Node | None:
        """The stored value that alone is made of `node`, element by element."""
        memory, home = self.memory, self.memory.program.home
        buffer, shape, start = memory.buffers[node], node.shape, home.get(node, OUTSIDE)
        if buffer.kind != "arena" or buffer.base is not None:
            return None
        while True:
            readers = memory.readers[node]
            if len(readers) != 1 or readers[0].op not in ("ew", "cast"):
                return None
            [node] = readers
            if node.shape != shape or home.get(node, OUTSIDE) != start:
                return None
            if node in memory.buffers:
                return node

    def _read(self, reader: Node, node: Node, chosen: Sequence[Phase], stage: Stage) -> Stage:
        """The elements of `reader` where those of a phase are."""
        points = list(identity(node.ndim))
        for axis, phase, stride in zip(node["axes"], chosen, node["stride"]):
            points[axis] = points[axis].scale(stride).shift(phase.first)
        known = {(node, tuple(points)): stage.expr}
        expr = Reader(self.memory.buffers, known).expr(reader, tuple(points), force=True)
        stores = (Store(self.memory.buffers[reader], stage.stores[0].at),)
        return replace(stage, node=reader, expr=expr, stores=stores, dtype=reader.dtype)

    def _phase(self, node: Node, chosen: Sequence[Phase]) -> Stage:
        """`chosen`: of each windowed axis. What windows saw is summed over their taps."""
        source, at = node.src[0], Affine()
        domain, windows = list(node.shape), list(identity(node.ndim))
        strides, taps, conditions = row_major(node.shape), [], []
        for number, (axis, phase, stride) in enumerate(zip(node["axes"], chosen, node["stride"])):
            u = axis_index(node.ndim + number)
            domain[axis] = phase.count
            windows[axis] = windows[axis].shift(phase.shift) + u.scale(-phase.step)
            taps.append(u.scale(phase.tap_step).shift(phase.tap))
            at = at.shift(phase.first * strides[axis])
            strides[axis] = strides[axis] * stride
            if not phase.inside(source.shape[axis]):
                conditions.append((windows[axis], source.shape[axis]))
        expr = Reader(self.memory.buffers).expr(source, (*windows, *taps))
        if conditions:
            expr = Guarded(tuple(conditions), expr, Const(0, node.dtype), node.dtype)
        for axis, stride in enumerate(strides):
            at = at + axis_index(axis).scale(stride)
        store, reduced = Store(self.memory.buffers[node], at), tuple(p.taps for p in chosen)
        stage = Stage(node, "sum", (*domain, *reduced), len(chosen), expr, (store,), node.dtype)
        return unrolled(stage)
