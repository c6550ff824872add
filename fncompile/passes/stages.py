"""One stage for each value that is computed into memory, and one for each plain copy.

Requires: a `Memory`. Ensures: stages in an order in which writers come before readers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from fncompile.ir.dims import Dim, product, row_major
from fncompile.ir.node import Node
from fncompile.ir.ops import OPS
from fncompile.ir.routines import ITEMS, WORK
from fncompile.ir.types import DTYPES
from fncompile.passes.access import Reader, identity, is_leaf, linear, view_of
from fncompile.passes.contraction import (
    Axes,
    collapsed,
    extents,
    merged,
    points,
    result_in,
    segments,
    sizes_of,
)
from fncompile.passes.demands import BY_ELEMENT
from fncompile.passes.inline import OUTSIDE
from fncompile.passes.materialize import Copy, Memory
from fncompile.passes.unroll import adjacent_last, beside, unrolled, without_units
from fncompile.passes.unwindows import Through
from fncompile.passes.zeros import border_of
from fncompile.plan.machine import far_apart
from fncompile.plan.types import (
    Affine,
    Array,
    Buffer,
    Const,
    Load,
    Operand,
    Product,
    Routine,
    Stage,
    Store,
    axis_index,
)


def make_stages(memory: Memory) -> dict[str, list[Stage]]:
    """Stages of all that `memory` has a place for and that is not there already, by where it is
    computed."""
    return _Maker(memory).make_all()


class _Maker:
    def __init__(self, memory: Memory):
        self.memory = memory
        self.reader = Reader(memory.buffers)
        self.through = Through(memory)

    def make_all(self) -> dict[str, list[Stage]]:
        home = self.memory.program.home
        found: dict[str, list[Stage]] = {OUTSIDE: []}
        written = {*self.memory.stored_as.values()}
        written |= {w.target for w in self.memory.written.values() if w.target is w.last}
        for node in self.memory.program.nodes():
            stages = found.setdefault(home.get(node, OUTSIDE), [])
            if node in self.memory.stored_as:
                stages += _dot(self, node)
            elif node in written:
                continue
            elif node in self.memory.buffers and not is_leaf(node):
                stages += RULES.get(node.op, _whole)(self, node)
        # computed constants: iota, sizes and broadcasts that need memory
        for node in list(self.memory.buffers):
            if (
                is_leaf(node)
                and node.op in ("iota", "size", "const")
                and self.memory.buffers[node].kind == "arena"
            ):
                found[OUTSIDE].insert(0, self.map(node))
        for copy in self.memory.copies:
            found.setdefault(copy.home, []).extend(self._moved(copy))
        return {home: [without_units(s) for s in stages] for home, stages in found.items()}

    def _moved(self, copy: Copy) -> list[Stage]:
        node, target, via = copy.node, copy.target, copy.via
        first = self.copy(node, via or target, Affine(copy.start), copy.strides)
        if via is None:
            return [first]
        at = first.stores[0].at
        return [first, replace(first, expr=Load(via, at, node.dtype), stores=(Store(target, at),))]

    def map(self, node: Node) -> Stage:
        points = identity(node.ndim)
        expr = self.reader.expr(node, points, force=True)
        store = Store(self.memory.buffers[node], linear(node.shape, points))
        return Stage(node, "map", node.shape, 0, expr, (store,), node.dtype)

    def copy(
        self, node: Node, target: Buffer, start: Affine, strides: Sequence[Dim] | None = None
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

    def reduction(self, node: Node, kind: str, axes: tuple[int, ...]) -> Stage:
        x = node.src[0]
        order = [i for i in range(x.ndim) if i not in axes] + list(axes)
        points = tuple(axis_index(order.index(i)) for i in range(x.ndim))
        domain = tuple(x.shape[i] for i in order)
        store = Store(self.memory.buffers[node], linear(node.shape, identity(node.ndim)))
        expr = self.reader.expr(x, points)
        made = Stage(node, kind, domain, len(axes), expr, (store,), node.dtype)
        return unrolled(adjacent_last(made))


# stages of one op: (maker, node) -> stages -------------------------------------------------------


def _whole(maker: _Maker, node: Node) -> list[Stage]:
    return maker.through.into(node) or [maker.map(node)]


def _reduce(maker: _Maker, node: Node) -> list[Stage]:
    return beside(maker.reduction(node, node["kind"], node["axes"]))


def _argmax(maker: _Maker, node: Node) -> list[Stage]:
    return [maker.reduction(node, "argmax", (node["axis"],))]


def _concat(maker: _Maker, node: Node) -> list[Stage]:
    strides, axis, whole = row_major(node.shape), node["axis"], maker.memory.buffers[node]
    return [
        maker.copy(part, place, Affine(start * strides[axis]), strides if place == whole else None)
        for part, place, start in maker.memory.parts[node]
        if product(part.shape) != 0
    ]


def _pad(maker: _Maker, node: Node) -> list[Stage]:
    """What is around the source, then the source, by whoever computes it."""
    if any(s == -1 for s in node["step"]):
        return [maker.map(node)]
    if all(s == 1 for s in node["step"]):
        return [*_border(maker, node), _inside(maker, node)]
    everywhere = _filled(maker, node, node.shape, [0] * node.ndim)
    return [everywhere, _inside(maker, node)]


def _inside(maker: _Maker, node: Node) -> Stage:
    """The source of a pad, where it belongs."""
    target, strides = maker.memory.buffers[node], row_major(node.shape)
    start = sum((Affine(s * by) for s, by in zip(node["start"], strides)), Affine())
    steps = [s * by for s, by in zip(strides, node["step"])]
    return maker.copy(node.src[0], target, start, steps)


def _filled(maker: _Maker, node: Node, shape: Sequence[Dim], start: Sequence[Dim]) -> Stage:
    """A block of the value of a pad."""
    at = linear(node.shape, tuple(axis_index(i).shift(s) for i, s in enumerate(start)))
    store, value = Store(maker.memory.buffers[node], at), Const(node["value"], node.dtype)
    return Stage(node, "map", tuple(shape), 0, value, (store,), node.dtype)


def _border(maker: _Maker, node: Node) -> list[Stage]:
    """Blocks before and behind the source along each axis; along those before it as long as the
    source, along those behind it as long as the pad."""
    source, found = node.src[0], []
    for axis in range(node.ndim):
        begin, inner, outer = node["start"][axis], source.shape[axis], node.shape[axis]
        for first, count in ((0, begin), (begin + inner, outer - begin - inner)):
            if count == 0:
                continue
            start: list[Dim] = [*node["start"][:axis], first, *[0] * (node.ndim - axis - 1)]
            shape = (*source.shape[:axis], count, *node.shape[axis + 1 :])
            found.append(_filled(maker, node, shape, start))
    return found


def _scatter_add(maker: _Maker, node: Node) -> list[Stage]:
    updates, idx = node.src
    points = identity(updates.ndim)
    row = maker.reader.expr(idx, points[: idx.ndim])
    at = linear((1, *updates.shape[idx.ndim :]), (Affine(), *points[idx.ndim :]))
    return [
        Stage(
            node, "scatter", updates.shape, 0, maker.reader.expr(updates, points),
            (Store(maker.memory.buffers[node], at),), node.dtype,
            row, node.shape[0], product(node.shape[1:]),
        )
    ]  # fmt: skip


def _dot(maker: _Maker, node: Node) -> list[Stage]:
    axes, sizes = Axes.of(node), extents(node)
    left, right = (
        _load(maker, source, numbers)
        for source, numbers in zip(node.src, (axes.left(), axes.right()))
    )
    target, result = _result(maker, node)
    batch, rows, columns, contracted = axes.groups()
    walks = [result, *_with_border(maker, node, axes)]
    *more, m = merged(rows, sizes, [left.at, *walks]) or [[]]
    batches = [*merged(batch, sizes, [left.at, right.at, *walks]), *more] or [[]]
    n, k = ([i for i in group if sizes[i] != 1] for group in (columns, contracted))
    *outer, inner = walked = segments(contracted, sizes, left.at)
    domain = sizes_of([*batches, m, n], sizes)
    at = collapsed(left.at, [*batches, m, inner, *outer])
    a = Operand(left.buffer, at, batches=len(batches))
    b = Operand(right.buffer, collapsed(right.at, [*batches, k, n]), batches=len(batches))
    made = Product((*domain, *sizes_of([k], sizes)), a, b, sizes_of(walked, sizes))
    made = replace(made, border=border_of(made, node.src[0], maker.memory.buffers))
    store = Store(target, collapsed(result, [*batches, m, n]))
    return [Stage(node, "dot", domain, 0, Const(0, node.dtype), (store,), node.dtype, product=made)]


def _routine(maker: _Maker, node: Node) -> list[Stage]:
    by_element = BY_ELEMENT.get(node.op, ())
    sources = list(enumerate(node.src))
    points = node.src[by_element[0]].shape if by_element else ()
    arrays = tuple((i, _array(maker, x)) for i, x in sources if i not in by_element)
    read = maker.reader.expr
    exprs = tuple((i, read(x, identity(x.ndim))) for i, x in sources if i in by_element)
    attrs = tuple(zip(OPS[node.op].attrs, node.attr))
    work = WORK[node.op]([x.shape for x in node.src])
    made = Routine(node.op, attrs, arrays, exprs, points, work)
    store, zero = Store(maker.memory.buffers[node], Affine()), Const(0, node.dtype)
    items = ITEMS[node.op]([x.shape for x in node.src])
    return [Stage(node, "routine", (items,), 0, zero, (store,), node.dtype, routine=made)]


def _array(maker: _Maker, x: Node) -> Array:
    load = _load(maker, x, list(range(x.ndim)))
    return Array(load.buffer, load.at, x.shape, x.dtype)


def _result(maker: _Maker, node: Node) -> tuple[Buffer, Affine]:
    """Where a contraction stores: into its own buffer, or that of the permute that reads it."""
    reader = maker.memory.stored_as.get(node)
    if reader is None:
        return maker.memory.buffers[node], linear(node.shape, identity(node.ndim))
    return maker.memory.buffers[reader], result_in(node, reader)


def _with_border(maker: _Maker, node: Node, axes: Axes) -> list[Affine]:
    """Where the elements of a contraction go that are read for a pad alone: its epilogue then
    writes them there, line by line. One whose right operand is packed is faster as one matrix."""
    depth, columns = ([extents(node)[i] for i in axes.groups()[g]] for g in (3, 2))
    if DTYPES[node.dtype].widens or far_apart(product(depth), product(columns)):
        return []
    memory, x = maker.memory, node
    readers = memory.readers[x]
    while len(readers) == 1 and readers[0].op in ("ew", "cast", "reshape") and readers != [x]:
        x = readers[0]
        readers = memory.readers[x]
    lines, inside = ([i for i, d in enumerate(y.shape) if d != 1] for y in (node, x))
    same = [node.shape[i] for i in lines] == [x.shape[i] for i in inside]
    if len(readers) != 1 or readers[0].op != "pad" or readers[0] not in memory.buffers or not same:
        return []
    strides = row_major(readers[0].shape)
    return [sum((axis_index(i).scale(strides[j]) for i, j in zip(lines, inside)), Affine())]


def _load(maker: _Maker, x: Node, numbers: list[int]) -> Load:
    load = view_of(x, points(numbers), maker.memory.buffers)
    assert load is not None, f"{x} is not in memory"
    return load


RULES: dict[str, Callable[[_Maker, Node], list[Stage]]] = {
    "reduce": _reduce,
    "argmax": _argmax,
    "concat": _concat,
    "pad": _pad,
    "scatter_add": _scatter_add,
    "unwindow": lambda maker, node: maker.through.of(node),
    "dot": _dot,
    **dict.fromkeys(WORK, _routine),
}
