"""What a part makes ahead of its innermost loop, for all of its points at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fncompile.codegen.affine import dim, index
from fncompile.codegen.ctree import (
    Binary,
    Cast,
    CExpr,
    Declare,
    Do,
    Element,
    Int,
    Name,
    Stmt,
    Ternary,
    binary,
    call,
)
from fncompile.codegen.expr import Scope, c_type, load, missing
from fncompile.codegen.nest.types import Axis, Part

New = Callable[[str], Name]  # a name of this stem that the kernel has not used yet


@dataclass(frozen=True)
class Inner:
    """The innermost loop: over `count` points of `axis`, at number `lane`, from `first` on."""

    axis: Axis | None
    first: Sequence[CExpr]
    lane: CExpr
    count: CExpr


def streams(part: Part, scope: Scope, loop: Inner, new: New) -> list[Stmt]:
    """Makes the random bits of all points of the innermost loop."""
    made: list[Stmt] = []
    for e in part.streams:
        assert loop.axis is not None
        name, key = new("bits"), scope.pointer(e.seed)
        room = Int(loop.axis.block) if loop.axis.block else dim(loop.axis.extent)
        keys = [Element(key, Int(0)), Element(key, Int(1))]
        made.append(Declare("uint32_t", name.text, None, room))
        made.append(Do(call("fnc_philox_fill", name, index(e.at, loop.first), loop.count, *keys)))
        scope.known[e] = Element(name, loop.lane)
    return made


def rows(part: Part, scope: Scope, new: New) -> list[Stmt]:
    """Finds the rows that the innermost loop gathers from; the first where there is none."""
    found: list[Stmt] = []
    for e in part.rows:
        before = Scope(scope.axes, scope.pointer, scope.values, f"{new('row').text}_")
        row = before.declare("int64", Cast("int64_t", before.value(e.row)))
        inside, start = new("inside"), new("from")
        test = Binary("&&", Binary(">=", row, Int(0)), Binary("<", row, dim(e.rows)))
        at = binary("*", Ternary(inside, row, Int(0)), dim(e.stride))
        type = f"const {c_type(e.buffer.type.dtype)} *"
        found += [
            *before.body,
            Declare("const int", inside.text, test),
            Declare(type, start.text, Binary("+", scope.pointer(e.buffer), at)),
        ]
        there = scope.declare(e.dtype, load(start, index(e.at, scope.axes), e.buffer))
        scope.known[e] = Ternary(inside, there, missing(e.dtype))
    return found
