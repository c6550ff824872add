"""Kernels of pointwise, reducing and scattering stages as C loops.

The loops over the kernel's outer axes are shared between workers; inside a row, one loop nest per
`Loop`. Where a reduction walks memory with a stride while the last outer axis is contiguous (a sum
over the batch), as many rows are taken at a time as the schedule has lanes, and what would be one
number a row is one for each lane. Where the compiler may not reorder a reduction along a row (it
would lose a NaN in a maximum), the row itself is reduced ROW_LANES at a time.
"""

from __future__ import annotations

from collections.abc import Sequence

from fncompile.codegen.affine import dim, index
from fncompile.codegen.ctree import (
    Assign,
    Binary,
    Cast,
    CExpr,
    Declare,
    Do,
    Element,
    For,
    If,
    Int,
    Name,
    Return,
    Stmt,
    binary,
)
from fncompile.codegen.expr import Scope, constant, register_type
from fncompile.codegen.expr import store as put
from fncompile.codegen.pointers import Pointers
from fncompile.codegen.products import begin_and_end
from fncompile.codegen.reductions import (
    ROW_LANES,
    by_lanes,
    combine,
    identity,
    in_blocks,
    is_plain,
    lane_results,
    pragma_of,
    vectorises,
    wrap,
)
from fncompile.ir.dims import Dim
from fncompile.ir.types import DTYPES
from fncompile.plan.schedule import ALONE
from fncompile.plan.text import AXES
from fncompile.plan.types import (
    Kernel,
    Loop,
    Stage,
    Value,
    children,
)


def emit_loops(kernel: Kernel, pointers: Pointers) -> list[Stmt]:
    """The body of the kernel's function, without the pointer declarations."""
    return _Emitter(kernel, pointers).body()


class _Emitter:
    def __init__(self, kernel: Kernel, pointers: Pointers):
        self.kernel, self.pointers = kernel, pointers
        self.outer = kernel.loops[0].domain[: kernel.outer]
        assert kernel.schedule is not None
        self.lanes, self.partition = kernel.schedule.lanes, kernel.schedule.partition
        self.rows: dict[int, CExpr] = {}  # stages whose value is one number a row
        self.read_later = read_in_later_loops(kernel)

    def body(self) -> list[Stmt]:
        axes = [Name(a) for a in AXES[: len(self.outer)]]
        if self.partition == ALONE:
            return self._alone(axes)
        return [
            *begin_and_end(self.partition),
            *self._outer(axes, 0),
        ]

    def _alone(self, axes: Sequence[Name]) -> list[Stmt]:
        """Work that is not shared: the first worker does it."""
        alone: list[Stmt] = [
            Do(Name("(void)parts")),
            If(Binary("!=", Name("part"), Int(0)), (Return(),)),
        ]
        return [*alone, *self._nest(axes, 0, self.outer)]

    def _outer(self, axes: Sequence[Name], depth: int) -> list[Stmt]:
        start, stop = (
            (Name("begin"), Name("end")) if depth == 0 else (Int(0), dim(self.outer[depth]))
        )
        last = depth == len(axes) - 1
        if last and self.lanes != 1:
            return self._lane_blocks(axes, start, stop)
        inner = self._row(axes) if last else self._outer(axes, depth + 1)
        pragma = "omp simd" if last and self._is_simple() and vectorises(self.outer[depth]) else ""
        return [For(axes[depth].text, start, stop, tuple(inner), pragma=pragma)]

    def _nest(self, axes: Sequence[Name], depth: int, extents: Sequence[Dim]) -> list[Stmt]:
        if depth == len(axes):
            return self._row(axes)
        return [
            For(
                axes[depth].text,
                Int(0),
                dim(extents[depth]),
                tuple(self._nest(axes, depth + 1, extents)),
            )
        ]

    def _is_simple(self) -> bool:
        """Only pointwise work with plain loads: safe to vectorise across rows as it stands."""
        return (
            all(s.kind == "map" and is_plain(s) for s in self.kernel.stages)
            and len(self.kernel.loops) == 1
            and (len(self.kernel.loops[0].domain) == len(self.outer))
        )

    # one row at a time ----------------------------------------------------------------------------

    def _row(self, axes: Sequence[Name]) -> list[Stmt]:
        body: list[Stmt] = []
        number = 0
        for loop in self.kernel.loops:
            body += self._loop(loop, axes, number)
            number += len(loop.stages)
        return body

    def _loop(self, loop: Loop, axes: Sequence[Name], number: int) -> list[Stmt]:
        """Maps run at each point; reductions start before the reduced axes and end after them."""
        split = next((len(s.kept) for s in loop.stages if s.reduced), len(loop.domain))
        if loop.stages[0].kind == "scatter":
            return self._scatter(loop.stages[0], axes)
        names = [*axes, *(Name(a) for a in AXES[len(axes) : len(loop.domain)])]
        middle, reduced = range(len(axes), split), range(split, len(loop.domain))
        point, before, after = self._point(loop, names, number)
        if reduced and by_lanes(loop):
            inner = self._row_lanes(loop, names, reduced, number, point)
        else:
            inner = wrap(point, names, loop.domain, reduced, pragma_of(loop, number))
        return wrap([*before, *inner, *after], names, loop.domain, middle, "")

    def _row_lanes(
        self, loop: Loop, names: Sequence[Name], axes: range, number: int, point: list[Stmt]
    ) -> list[Stmt]:
        """The last axis ROW_LANES at a time, each lane with a result of its own; then what is left
        of the axis, by `point`; then all lanes together."""
        axis, block, rows = names[-1], Name(f"{names[-1].text}0"), dict(self.rows)
        inside, _, _ = self._point(loop, [*names[:-1], Binary("+", block, axis)], number, axis)
        self.rows = rows
        along = in_blocks(block, axis, loop.domain[-1], inside, point)
        arrays, starts, ends = lane_results(loop, axis, number)
        return [
            *arrays,
            For(axis.text, Int(0), Int(ROW_LANES), tuple(starts), pragma="omp simd"),
            *wrap(along, names, loop.domain, axes[:-1], ""),
            For(axis.text, Int(0), Int(ROW_LANES), tuple(ends)),
        ]

    def _point(self, loop: Loop, names: Sequence[CExpr], number: int, lane: CExpr | None = None):
        """Statements at a point, those before the reduced axes, and those after; `lane`: where
        reductions of the point go, in arrays of lanes."""
        scope = Scope(names, self.pointers, self.rows, f"v{number}_")
        for stage in loop.stages:
            scope.count(stage.expr)
        before: list[Stmt] = []
        after: list[Stmt] = []
        stores: list[Stmt] = []
        for i, stage in enumerate(loop.stages, number):
            value = scope.value(stage.expr)
            if stage.reduced:
                if lane is not None:
                    scope.body.append(combine(stage, Element(Name(f"r{i}_lanes"), lane), value))
                    continue
                accumulate, start, name = self._accumulate(stage, i, value, names)
                scope.body += accumulate
                before += start
                self.rows[i] = name
                after += [self._store(stage, s, names, name) for s in stage.stores]
            else:
                value = self._keep(scope, stage, i, value)
                stores += [self._store(stage, s, names, value) for s in stage.stores]
        return [*scope.body, *stores], before, after

    def _keep(self, scope: Scope, stage: Stage, i: int, value: CExpr) -> CExpr:
        if not isinstance(value, (Name, Int)):
            name = Name(f"s{i}")
            scope.body.append(Declare(f"const {register_type(stage.dtype)}", name.text, value))
            value = name
        scope.values[i] = value
        self.rows[i] = value
        return value

    def _store(self, stage: Stage, store, names: Sequence[CExpr], value: CExpr) -> Stmt:
        return put(self.pointers(store.buffer), index(store.at, names), store.buffer, value)

    def _accumulate(self, stage: Stage, i: int, value: CExpr, names):
        name = Name(f"r{i}")
        if stage.kind == "argmax":
            return self._argmax(stage, name, value, names[-1])
        start = Declare(register_type(stage.dtype), name.text, identity(stage))
        return [combine(stage, name, value)], [start], name

    def _argmax(self, stage: Stage, name: Name, value: CExpr, axis: CExpr):
        """The first largest; a NaN is larger than all numbers."""
        dtype = stage.expr.dtype
        best, x = Name(f"{name.text}_best"), Name(f"{name.text}_x")
        before = [
            Declare(register_type(dtype), best.text, constant(0, dtype)),
            Declare("int32_t", name.text, Int(0)),
        ]
        beats: CExpr = Binary(">", x, best)
        if DTYPES[dtype].kind == "f":
            nan = Binary("&", Binary("!=", x, x), Binary("==", best, best))
            beats = Binary("|", Binary("&", beats, Binary("==", best, best)), nan)
        beats = Binary("|", beats, Binary("==", axis, Int(0)))
        point = [
            Declare(f"const {register_type(dtype)}", x.text, value),
            If(beats, (Assign(best, "=", x), Assign(name, "=", Cast("int32_t", axis)))),
        ]
        return point, before, name

    def _scatter(self, stage: Stage, axes: Sequence[Name]) -> list[Stmt]:
        assert stage.row is not None
        target = self.pointers(stage.stores[0].buffer)
        size = binary("*", dim(stage.rows), dim(stage.row_stride))
        clear = For(
            "z", Int(0), size, (Assign(Element(target, Name("z")), "=", constant(0, stage.dtype)),)
        )
        names = [*axes, *(Name(a) for a in AXES[len(axes) : len(stage.domain)])]
        scope = Scope(names, self.pointers, self.rows)
        scope.count(stage.expr)
        scope.count(stage.row)
        row = scope.declare("int64", scope.value(stage.row))
        at = binary("+", binary("*", row, dim(stage.row_stride)), index(stage.stores[0].at, names))
        add = Assign(Element(target, at), "+=", scope.value(stage.expr))
        inside = Binary("&&", Binary(">=", row, Int(0)), Binary("<", row, dim(stage.rows)))
        body = [*scope.body, If(inside, (add,))]
        return [clear, *wrap(body, names, stage.domain, range(len(axes), len(stage.domain)), "")]

    # several rows at a time -----------------------------------------------------------------------

    def _lane_blocks(self, axes: Sequence[Name], start: CExpr, stop: CExpr) -> list[Stmt]:
        """Full blocks with a constant number of lanes, then the rest."""
        block = Name(f"{axes[-1].text}0")
        lane = Binary("+", block, Name(axes[-1].text))
        whole = Binary("<=", Binary("+", block, Int(self.lanes)), stop)
        names: list[CExpr] = [*axes[:-1], lane]
        rest = Declare("const int64_t", "lanes", Binary("-", stop, block))
        full = self._lanes_row(names, axes[-1].text, Int(self.lanes))
        part = self._lanes_row(names, axes[-1].text, Name("lanes"))
        body = (If(whole, tuple(full), (rest, *part)),)
        return [For(block.text, start, stop, body, step=Int(self.lanes))]

    def _lanes_row(self, names: Sequence[CExpr], var: str, count: CExpr) -> list[Stmt]:
        body: list[Stmt] = []
        number = 0
        self.rows = {}
        for loop in self.kernel.loops:
            body += self._lanes_loop(loop, names, var, count, number)
            number += len(loop.stages)
        return body

    def _lanes_loop(self, loop: Loop, axes, var: str, count: CExpr, number: int) -> list[Stmt]:
        split = next((len(s.kept) for s in loop.stages if s.reduced), len(loop.domain))
        names = [*axes, *(Name(a) for a in AXES[len(axes) : len(loop.domain)])]
        arrays: list[Stmt] = []
        starts: list[Stmt] = []
        scope = Scope(names, self.pointers, self.rows, f"v{number}_")
        for stage in loop.stages:
            scope.count(stage.expr)
        stores: list[Stmt] = []
        after: list[Stmt] = []
        for i, stage in enumerate(loop.stages, number):
            value = scope.value(stage.expr)
            slot = Element(Name(f"r{i}"), Name(var))
            if stage.reduced:
                arrays.append(Declare(register_type(stage.dtype), f"r{i}", None, Int(self.lanes)))
                starts.append(Assign(slot, "=", identity(stage)))
                scope.body.append(combine(stage, slot, value))
                after += [self._store(stage, s, names, slot) for s in stage.stores]
            else:
                kept = self._keep(scope, stage, i, value)
                stores += [self._store(stage, s, names, kept) for s in stage.stores]
                if len(loop.domain) == len(axes) and i in self.read_later:
                    type = register_type(stage.dtype)
                    arrays.append(Declare(type, f"r{i}", None, Int(self.lanes)))
                    stores.append(Assign(slot, "=", kept))
            self.rows[i] = slot

        def lanes(body: Sequence[Stmt]) -> list[Stmt]:
            return [For(var, Int(0), count, tuple(body), pragma="omp simd")] if body else []

        inner = wrap(
            lanes([*scope.body, *stores]), names, loop.domain, range(split, len(loop.domain)), ""
        )
        body = [*lanes(starts), *inner, *lanes(after)]
        return [*arrays, *wrap(body, names, loop.domain, range(len(axes), split), "")]


def read_in_later_loops(kernel: Kernel) -> set[int]:
    """Stages whose values a loop other than their own uses."""
    found: set[int] = set()
    number = 0
    for loop in kernel.loops:
        own = range(number, number + len(loop.stages))
        found |= {i for s in loop.stages for i in values_read(s) if i not in own}
        number += len(loop.stages)
    return found


def values_read(stage: Stage) -> set[int]:
    """Which earlier stages' values the stage uses."""
    found: set[int] = set()
    stack = [e for e in (stage.expr, stage.row) if e is not None]
    while stack:
        e = stack.pop()
        if isinstance(e, Value):
            found.add(e.stage)
        stack.extend(children(e))
    return found
