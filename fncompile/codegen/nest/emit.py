"""A loop nest as C: the only place that prints its loops.

The loops over the outer axes are shared between workers; inside a row come the parts, one after the
other. What is taken in blocks of a constant number of points is a function of its own, called for
whole blocks and for what is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fncompile.codegen.affine import Size, dim, index, stride
from fncompile.codegen.ctree import (
    Assign,
    Binary,
    CExpr,
    Declare,
    Do,
    Element,
    For,
    Function,
    If,
    Int,
    Name,
    Real,
    Return,
    Stmt,
    Unary,
    binary,
    call,
)
from fncompile.codegen.expr import Scope, constant, local_array, register_type
from fncompile.codegen.expr import store as put
from fncompile.codegen.nest.ahead import Inner, rows, streams
from fncompile.codegen.nest.blocks import LANES, Blocks, side_by_side
from fncompile.codegen.nest.reduce import argmax, best, combine, identity
from fncompile.codegen.nest.types import PARALLEL, SINGLE, Axis, Nest, Part
from fncompile.codegen.pointers import Pointers
from fncompile.codegen.products import begin_and_end, without_names
from fncompile.ir.dims import Dim
from fncompile.plan.schedule import ALONE
from fncompile.plan.text import AXES
from fncompile.plan.types import Stage, Store


def emit_nest(nest: Nest, pointers: Pointers) -> tuple[list[Function], list[Stmt]]:
    """Functions for blocks of points, and the body of the kernel's function without the pointer
    declarations."""
    emitter = _Emitter(nest, pointers)
    body = emitter.body()
    return emitter.blocks.functions, body


class _Emitter:
    def __init__(self, nest: Nest, pointers: Pointers):
        self.nest, self.pointers = nest, pointers
        self.blocks = Blocks(nest.kernel, pointers)
        rank = max(len(part.stages[0].domain) for part in nest.parts)
        self.names: list[CExpr] = [Name(a) for a in AXES[:rank]]
        self.sizes: list[Size] = []  # of the axes of the part at hand
        self.values: dict[int, CExpr] = {}  # of stages with one number a row, or a lane
        self.read_later = nest.read_later()

    def body(self) -> list[Stmt]:
        if self.nest.partition != ALONE:
            first = self._extent(self.nest.parts[0].stages[0].domain[0], 0)
            return [*begin_and_end(self.nest.partition, first), *self._outer(self.nest.outer)]
        alone: list[Stmt] = [
            Do(Name("(void)parts")),
            If(Binary("!=", Name("part"), Int(0)), (Return(),)),
        ]
        return [*alone, *self._outer(self.nest.outer)]

    # loops ----------------------------------------------------------------------------------------

    def _outer(self, axes: Sequence[Axis]) -> list[Stmt]:
        if not axes:
            return self._row()
        if axes[0].vector:
            return self._blocks_of_rows(axes[0])
        return self._loops(axes[:1], self._outer(axes[1:]))

    def _range(self, axis: Axis) -> tuple[CExpr, CExpr]:
        """The first axis of a kernel that is shared goes through the worker's share."""
        if axis.number == 0 and self.nest.partition != ALONE:
            return Name("begin"), Name("end")
        return Int(0), self._extent(axis.extent, axis.number)

    def _block(self, axis: Axis) -> CExpr:
        """How many points of the axis are taken at a time."""
        return self.pointers.size("block", axis.block).text

    def _whole_blocks(self, axis: Axis) -> CExpr:
        """The points of the axis that are in whole blocks."""
        extent, block = self._extent(axis.extent, axis.number), self._block(axis)
        if isinstance(axis.extent, int) and axis.extent % axis.block == 0:
            return extent
        return Binary("-", extent, Binary("%", extent, block))

    def _extent(self, extent: Dim, axis: int) -> CExpr:
        return self.pointers.size(AXES[axis], extent).text

    def _loops(self, axes: Sequence[Axis], body: list[Stmt], pragma: str = "") -> list[Stmt]:
        """Loops over `axes` around `body`; the `pragma` is that of the innermost."""
        for axis in reversed(axes):
            body = [For(AXES[axis.number], *self._range(axis), tuple(body), pragma=pragma)]
            pragma = ""
        return body

    def _row(self) -> list[Stmt]:
        return [statement for part in self.nest.parts for statement in self._part(part)]

    def _part(self, part: Part) -> list[Stmt]:
        """Reductions start before the reduced axes and end after them."""
        self.sizes = self.pointers.sizes(AXES, part.stages[0].domain)
        if part.stages[0].kind == "scatter":
            return self._scatter(part)
        lane = self.nest.lanes
        if lane is not None:
            return self._part_of_lanes(part, AXES[lane.number])
        if not part.axes:
            return self._point(part, {})[1]
        if part.columns:
            return self._columns(part)
        results = {i: self._name(i) for i, s in part.numbered() if s.reduced}
        starts = [
            s
            for i, stage in part.numbered()
            if stage.reduced
            for s in (*best(stage, results[i]), _start(stage, results[i]))
        ]
        inner = self._innermost(part, results)
        ends = self._ends(part, results)
        self.values |= results
        if not part.reduced:
            return self._loops(part.kept[:-1], inner)
        return self._loops(part.kept, [*starts, *inner, *ends])

    def _innermost(self, part: Part, results: dict[int, Name]) -> list[Stmt]:
        """The loops over the reduced axes, or over the last one of the others."""
        axis = part.axes[-1]
        if axis.tail == SINGLE:
            return self._by_lanes(part, axis, results)
        run = self._in_blocks if axis.block else self._whole
        return self._loops(part.reduced[:-1], run(part, axis, results))

    def _ends(self, part: Part, results: Mapping[int, CExpr]) -> list[Stmt]:
        return [
            self._store(store, results[i])
            for i, stage in part.numbered()
            if stage.reduced
            for store in stage.stores
        ]

    def _columns(self, part: Part) -> list[Stmt]:
        """A block of the axis before the innermost one after the other: a function of its own,
        whose parameters tell the compiler that no store changes what the points all read."""
        *outside, along, axis = part.kept
        var, across = AXES[along.number], AXES[axis.number]
        block, first = Name(f"{var}0"), Name(f"{across}0")
        outer = self.names
        self.names = [Binary("+", block, n) if n == Name(var) else n for n in outer]
        _, point = self._point(part, {})
        self.names = outer
        lanes = call("FNC_LANES", Int(part.columns))
        vector = For(across, first, Binary("+", first, lanes), tuple(point), pragma="omp simd")
        column = For(var, Int(0), LANES, (vector,))
        extent = self._extent(axis.extent, axis.number)
        run = self.blocks.function(
            f"columns{part.first}" if len(self.nest.parts) > 1 else "columns",
            block,
            [For(first.text, Int(0), extent, (column,), step=lanes)],
            self.values,
            {},
        )
        whole, count = self._whole_blocks(along), self._block(along)
        blocks: list[Stmt] = [For(block.text, Int(0), whole, (run(block, count, []),), step=count)]
        stop = self._extent(along.extent, along.number)
        rest = [run(whole, Binary("-", stop, whole), [])] if whole != stop else []
        return self._loops(outside, [*blocks, *rest])

    # points ---------------------------------------------------------------------------------------

    def _whole(self, part: Part, axis: Axis, results: Mapping[int, CExpr]) -> list[Stmt]:
        """The innermost loop, over all of the axis."""
        start, stop = self._range(axis)
        first = [start if n == axis.number else name for n, name in enumerate(self.names)]
        ahead, point = self._point(part, results, first, Name(AXES[axis.number]), stop)
        return [*ahead, *self._loops((axis,), point, self._pragma(part, axis))]

    def _in_blocks(self, part: Part, axis: Axis, results: Mapping[int, CExpr]) -> list[Stmt]:
        """The innermost loop, a block at a time."""
        var = Name(AXES[axis.number])
        block, outside = Name(f"{var.text}0"), self.names
        first = [block if name == var else name for name in outside]
        self.names = [Binary("+", block, n) if n == var else n for n in outside]
        ahead, point = self._point(part, results, first, var, LANES)
        self.names = outside
        start, stop = self._range(axis)
        left = call("fnc_min_i64", self._block(axis), Binary("-", stop, block))
        each = For(var.text, Int(0), LANES, tuple(point), pragma=self._pragma(part, axis))
        inside = (Declare("const int64_t", LANES.text, left), *ahead, each)
        return [For(block.text, start, stop, inside, step=self._block(axis))]

    # points ---------------------------------------------------------------------------------------

    def _point(
        self,
        part: Part,
        results: Mapping[int, CExpr],
        first: Sequence[CExpr] = (),
        lane: CExpr = LANES,
        count: CExpr = LANES,
    ) -> tuple[list[Stmt], list[Stmt]]:
        """What happens ahead of the innermost loop, and at each of its points, where reductions go
        to `results`. The loop has `count` points, is at number `lane`, and begins at `first`."""
        scope = Scope(self.names, self.sizes, self.pointers, self.values)
        loop = Inner(self.nest.lanes or (part.axes[-1] if part.axes else None), first, lane, count)
        block = self._block(loop.axis) if loop.axis is not None and loop.axis.block else None
        ahead = [*streams(part, scope, loop, block), *rows(part, scope)]
        for stage in part.stages:
            scope.count(stage.expr)
        stores: list[Stmt] = []
        nameless = without_names(self.nest.kernel, part.first, part.stages)
        for i, stage in part.numbered():
            value = scope.value(stage.expr)
            if stage.kind == "argmax":
                name = results[i]
                assert isinstance(name, Name)
                scope.body += argmax(stage, name, value, self.names[len(stage.domain) - 1])
            elif stage.reduced:
                scope.body.append(combine(stage, results[i], value))
                if i in part.in_order:
                    scope.body.append(Do(call("FNC_IN_REGISTER", results[i])))
            else:
                value = self._keep(scope, nameless, i, value)
                stores += [self._store(store, value) for store in stage.stores]
        return ahead, [*scope.body, *stores]

    def _pragma(self, part: Part, axis: Axis) -> str:
        """Lets the compiler reorder sums, and promises that stores do not alias."""
        if not axis.vector:
            return ""
        words = ["omp simd"]
        for kind, op in (("sum", "+"), ("prod", "*")):
            names = [self.pointers.values[i] for i, s in part.numbered() if s.kind == kind]
            if names:
                words.append(f"reduction({op} : {', '.join(names)})")
        return " ".join(words)

    def _name(self, number: int) -> Name:
        """Of the value of a stage."""
        return Name(self.pointers.values[number])

    def _keep(self, scope: Scope, nameless: set[int], i: int, value: CExpr) -> CExpr:
        if not isinstance(value, (Name, Int, Real)) and i not in nameless:
            dtype = self.nest.kernel.stages[i].dtype
            value = scope.put(dtype, value, self.pointers.values[i])
        scope.values[i] = self.values[i] = value
        return value

    def _store(self, store: Store, value: CExpr) -> Stmt:
        at = index(store.at, self.names, self.sizes)
        return put(self.pointers(store.buffer), at, store.buffer, value)

    def _scatter(self, part: Part) -> list[Stmt]:
        """Adds to one row after the other."""
        stage, axes = part.stages[0], part.axes
        assert stage.row is not None
        target = self.pointers(stage.stores[0].buffer)
        size = binary("*", dim(stage.rows), dim(stage.row_stride))
        zero = Assign(Element(target, Name("z")), "=", constant(0, stage.dtype))
        before = Scope(self.names, self.sizes, self.pointers, self.values)
        row = before.declare("int64", before.value(stage.row), "row")
        inside = Binary("&&", Binary(">=", row, Int(0)), Binary("<", row, dim(stage.rows)))
        scope = Scope(self.names, self.sizes, self.pointers, self.values)
        scope.count(stage.expr)
        to = stage.stores[0].at
        at = binary("*", row, stride(stage.row_stride, to, self.sizes))
        at = binary("+", at, index(to, self.names, self.sizes))
        add = Assign(Element(target, at), "+=", scope.value(stage.expr))
        if axes and axes[-1].role == PARALLEL:  # a row is found once, and walked
            along = self._loops(axes[-1:], [*scope.body, add], self._pragma(part, axes[-1]))
            each = self._loops(axes[:-1], [*before.body, If(inside, tuple(along))])
        else:
            each = self._loops(axes, [*before.body, *scope.body, If(inside, (add,))])
        return [For("z", Int(0), size, (zero,)), *each]

    # blocks of points -----------------------------------------------------------------------------

    def _by_lanes(self, part: Part, axis: Axis, results: dict[int, Name]) -> list[Stmt]:
        """The innermost axis in whole blocks, each lane with a result of its own; then what is left
        of the axis, point by point; then all lanes together."""
        var, stage_of = AXES[axis.number], dict(part.numbered())
        block = Name(f"{var}0")
        lanes = {i: Element(name, Name(var)) for i, name in results.items()}
        outside = self.names
        self.names = [Binary("+", block, n) if n == Name(var) else n for n in outside]
        run = self.blocks.function(
            f"lanes{part.first}" if len(self.nest.parts) > 1 else "lanes",
            block,
            side_by_side(var, self._point(part, lanes)[1]),
            self.values,
            {name.text: register_type(stage_of[i].dtype) for i, name in results.items()},
        )
        self.names = outside
        arrays = {i: Name(f"{name.text}_lanes") for i, name in results.items()}
        each = {i: Element(name, Name(var)) for i, name in arrays.items()}
        whole, count = self._whole_blocks(axis), self._block(axis)
        along: list[Stmt] = [
            For(block.text, Int(0), whole, (run(block, count, list(arrays.values())),),
                step=count)
        ]  # fmt: skip
        if whole != self._extent(axis.extent, axis.number):
            single = run(Name(var), Int(1), [Unary("&", name) for name in results.values()])
            along.append(For(var, whole, self._extent(axis.extent, axis.number), (single,)))
        starts = [Assign(each[i], "=", identity(stage_of[i])) for i in results]
        ends = [combine(stage_of[i], results[i], each[i]) for i in results]
        return [
            *(
                local_array(register_type(stage_of[i].dtype), name.text, count)
                for i, name in arrays.items()
            ),
            For(var, Int(0), count, tuple(starts), pragma="omp simd"),
            *self._loops(part.reduced[:-1], along),
            For(var, Int(0), count, tuple(ends)),
        ]

    def _blocks_of_rows(self, axis: Axis) -> list[Stmt]:
        """Full blocks with a constant number of rows, then the rest."""
        var = AXES[axis.number]
        block = Name(f"{var}0")
        outside = self.names
        self.names = [Binary("+", block, n) if n == Name(var) else n for n in outside]
        run = self.blocks.function("rows", block, self._row(), self.values, {})
        self.names = outside
        start, stop = self._range(axis)
        count = self._block(axis)
        whole = Binary("<=", Binary("+", block, count), stop)
        full = run(block, count, [])
        rest = run(block, Binary("-", stop, block), [])
        return [For(block.text, start, stop, (If(whole, (full,), (rest,)),), step=count)]

    def _part_of_lanes(self, part: Part, var: str) -> list[Stmt]:
        """What would be one number a row is an array of lanes."""
        maps = {i for i, stage in part.numbered() if not stage.reduced and not part.axes}
        kept = sorted(maps & self.read_later)
        of_lanes = {
            i: Name(f"{self._name(i).text}_lanes" if i in kept else self._name(i).text)
            for i, stage in part.numbered()
            if stage.reduced or i in kept
        }
        slots = {i: Element(name, Name(var)) for i, name in of_lanes.items()}
        stage_of = dict(part.numbered())
        first = [n.a if isinstance(n, Binary) else n for n in self.names]
        alone = [replace(part, first=i, stages=(stage,)) for i, stage in part.numbered()]
        inside: list[Stmt] = []
        for each in alone if part.apart else [part]:
            ahead, point = self._point(each, slots, first, Name(var))
            point += [Assign(slots[i], "=", self.values[i]) for i in kept]
            inside += [*ahead, *side_by_side(var, point)]
        starts = [Assign(slots[i], "=", identity(stage_of[i])) for i in slots if i not in kept]
        ends = side_by_side(var, self._ends(part, slots))
        self.values |= slots
        count = self._block(self.nest.outer[-1])
        arrays = [
            local_array(register_type(stage_of[i].dtype), name.text, count)
            for i, name in of_lanes.items()
        ]
        inner = self._loops(part.reduced, inside)
        return [*arrays, *self._loops(part.kept, [*side_by_side(var, starts), *inner, *ends])]


def _start(stage: Stage, name: Name) -> Stmt:
    return Declare(register_type(stage.dtype), name.text, identity(stage))
