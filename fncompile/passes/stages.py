"""One stage for each value that is computed into memory, and one for each plain copy.

Requires: a `Memory`. Ensures: stages in an order in which writers come before readers; where a
value cannot be inlined, memory is planned again with that value stored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from fncompile.ir.dims import Dim, product
from fncompile.ir.node import Node, Program
from fncompile.passes.access import NeedsBuffer, Reader, identity, linear, row_major
from fncompile.passes.materialize import Memory, base_of, is_leaf, materialize
from fncompile.plan.types import (
    Affine,
    Buffer,
    Const,
    Load,
    Operand,
    Product,
    Stage,
    Store,
    axis_index,
)


def plan_stages(program: Program, not_in_place: set[str]) -> tuple[Memory, list[Stage]]:
    """Memory and stages of `program`."""
    demanded: dict[Node, str] = {}
    while True:
        maker = _Maker(materialize(program, demanded, not_in_place))
        stages = maker.make_all()
        if not maker.demanded:
            return maker.memory, stages
        demanded |= maker.demanded


class _Maker:
    """Makes stages. What turns out to need a buffer is `demanded`, and has one for the time being;
    then memory must be planned, and stages made, once more."""

    def __init__(self, memory: Memory):
        self.memory = memory
        self.reader = Reader(memory.buffers)
        self.demanded: dict[Node, str] = {}

    def make_all(self) -> list[Stage]:
        stages: list[Stage] = []
        for node in self.memory.program.nodes():
            if node in self.memory.buffers and not is_leaf(node):
                stages += self._make(node)
        # computed constants: iota, sizes and broadcasts that need memory
        for node in list(self.memory.buffers):
            if (
                is_leaf(node)
                and node.op in ("iota", "size", "const")
                and self.memory.buffers[node].kind == "arena"
            ):
                stages.insert(0, self._map(node))
        for node, target, via in self.memory.copies:
            stages += self._moved(node, target, via)
        return stages

    def _make(self, node: Node) -> list[Stage]:
        return self._with_demands(lambda: self._made(node))

    def _made(self, node: Node) -> list[Stage]:
        rule = getattr(self, f"_{node.op}", None)
        return rule(node) if rule else [self._map(node)]

    def _moved(self, node: Node, target: Buffer, via: Buffer | None) -> list[Stage]:
        [first] = self._with_demands(lambda: [self._copy(node, via or target, Affine())])
        if via is None:
            return [first]
        at = first.stores[0].at
        return [first, replace(first, expr=Load(via, at, node.dtype), stores=(Store(target, at),))]

    def _with_demands(self, make: Callable[[], list[Stage]]) -> list[Stage]:
        """What `make` gives, when all that it needs has a buffer, and what that needs in turn; a
        stack, for one value after another may need the one before it."""
        todo = [make]
        while True:
            try:
                made = todo[-1]()
            except NeedsBuffer as need:
                node = self._demand(need)
                if not is_leaf(node):
                    todo.append(partial(self._made, node))
                continue
            todo.pop()
            if not todo:
                return made

    def _demand(self, need: NeedsBuffer) -> Node:
        """The node that has a buffer now."""
        buffers = self.memory.buffers
        if need.node in buffers:
            raise AssertionError(f"{need.node} has a buffer already: {need.reason}") from need
        node = base_of(need.node)
        node = need.node if node in buffers or is_leaf(node) else node
        self.demanded[node] = need.reason
        self.memory.add_arena(node)
        self.reader = Reader(buffers)  # what was inlined so far must be looked up again
        return node

    def _map(self, node: Node) -> Stage:
        points = identity(node.ndim)
        expr = self.reader.expr(node, points, force=True)
        store = Store(self.memory.buffers[node], linear(node.shape, points))
        return Stage(node, "map", node.shape, 0, expr, (store,), node.dtype)

    def _copy(
        self, node: Node, target: Buffer, start: Affine, strides: list[Dim] | None = None
    ) -> Stage:
        points = identity(node.ndim)
        at = start
        for axis, stride in enumerate(strides or row_major(node.shape)):
            at = at + axis_index(axis).scale(stride)
        return Stage(
            node,
            "map",
            node.shape,
            0,
            self.reader.expr(node, points),
            (Store(target, at),),
            node.dtype,
        )

    def _reduce(self, node: Node) -> list[Stage]:
        return [self._reduction(node, node["kind"], node["axes"])]

    def _argmax(self, node: Node) -> list[Stage]:
        return [self._reduction(node, "argmax", (node["axis"],))]

    def _reduction(self, node: Node, kind: str, axes: tuple[int, ...]) -> Stage:
        x = node.src[0]
        order = [i for i in range(x.ndim) if i not in axes] + list(axes)
        points = tuple(axis_index(order.index(i)) for i in range(x.ndim))
        domain = tuple(x.shape[i] for i in order)
        store = Store(self.memory.buffers[node], linear(node.shape, identity(node.ndim)))
        return Stage(
            node, kind, domain, len(axes), self.reader.expr(x, points), (store,), node.dtype
        )

    def _concat(self, node: Node) -> list[Stage]:
        strides, axis, whole = row_major(node.shape), node["axis"], self.memory.buffers[node]
        return [
            self._copy(
                part, place, Affine(start * strides[axis]), strides if place == whole else None
            )
            for part, place, start in self.memory.parts[node]
            if product(part.shape) != 0
        ]

    def _pad(self, node: Node) -> list[Stage]:
        if all(abs(s) == 1 for s in node["step"]):
            return [self._map(node)]
        target, strides, source = self.memory.buffers[node], row_major(node.shape), node.src[0]
        everywhere = Store(target, linear(node.shape, identity(node.ndim)))
        value = Const(node["value"], node.dtype)
        fill = Stage(node, "map", node.shape, 0, value, (everywhere,), node.dtype)
        start = sum((Affine(s * by) for s, by in zip(node["start"], strides)), Affine())
        steps = [s * by for s, by in zip(strides, node["step"])]
        return [fill, self._copy(source, target, start, steps)]

    def _scatter_add(self, node: Node) -> list[Stage]:
        updates, idx = node.src
        points = identity(updates.ndim)
        row = self.reader.expr(idx, points[: idx.ndim])
        at = linear((1, *updates.shape[idx.ndim :]), (Affine(), *points[idx.ndim :]))
        return [
            Stage(
                node, "scatter", updates.shape, 0, self.reader.expr(updates, points),
                (Store(self.memory.buffers[node], at),), node.dtype,
                row, node.shape[0], product(node.shape[1:]),
            )
        ]  # fmt: skip

    def _dot(self, node: Node) -> list[Stage]:
        a, b = node.src
        g = a.shape[0] if a.ndim == 3 else 1
        (m, k), n = a.shape[-2:], b.shape[-1]
        left, right = self._operand(a, "left"), self._operand(b, "right")
        unit = right.at.coefficient(2) == 1 or n == 1
        if not unit:
            raise NeedsBuffer(b, "the right operand of a contraction is read along its last axis")
        domain = (g, m, n)
        store = Store(self.memory.buffers[node], linear(domain, identity(3)))
        product_ = Product((g, m, n, k), left, right)
        return [
            Stage(
                node, "dot", domain, 0, Const(0, node.dtype), (store,), node.dtype, product=product_
            )
        ]

    def _operand(self, x: Node, side: str) -> Operand:
        points = identity(3) if x.ndim == 3 else (axis_index(1), axis_index(2))
        expr = self.reader.expr(x, points)
        if not isinstance(expr, Load):
            raise NeedsBuffer(x, f"the {side} operand of a contraction lies in memory")
        return Operand(expr.buffer, expr.at)
