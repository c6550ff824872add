"""What a part makes ahead of its innermost loop, for all of its points at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fncompile.codegen.affine import dim, index, stride
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
from fncompile.codegen.expr import Scope, c_type, load, local_array, missing
from fncompile.codegen.nest.types import Axis, Part


@dataclass(frozen=True)
class Inner:
    """The innermost loop: over `count` points of `axis`, at number `lane`, from `first` on."""

    axis: Axis | None
    first: Sequence[CExpr]
    lane: CExpr
    count: CExpr


def streams(part: Part, scope: Scope, loop: Inner, block: CExpr | None) -> list[Stmt]:
    """Makes the random bits of all points of the innermost loop, which go in blocks or not."""
    made: list[Stmt] = []
    for e in part.streams:
        assert loop.axis is not None
        name, key = Name(scope.pointer.fresh("bits")), scope.pointer(e.seed)
        room = block or scope.sizes[loop.axis.number].text
        keys = [Element(key, Int(0)), Element(key, Int(1))]
        made.append(local_array("uint32_t", name.text, room))
        first = index(e.at, loop.first, scope.sizes)
        made.append(Do(call("fnc_philox_fill", name, first, loop.count, *keys)))
        scope.known[e] = Element(name, loop.lane)
    return made


def rows(part: Part, scope: Scope) -> list[Stmt]:
    """Finds the rows that the innermost loop gathers from; the first where there is none."""
    found: list[Stmt] = []
    for e in part.rows:
        before = Scope(scope.axes, scope.sizes, scope.pointer, scope.values)
        row = before.declare("int64", Cast("int64_t", before.value(e.row)), "row")
        inside, start = (Name(scope.pointer.fresh(stem)) for stem in ("inside", "from"))
        test = Binary("&&", Binary(">=", row, Int(0)), Binary("<", row, dim(e.rows)))
        at = binary("*", Ternary(inside, row, Int(0)), stride(e.stride, e.at, scope.sizes))
        type = f"const {c_type(e.buffer.type.dtype)} *"
        found += [
            *before.body,
            Declare("const int", inside.text, test),
            Declare(type, start.text, Binary("+", scope.pointer(e.buffer), at)),
        ]
        there = scope.declare(e.dtype, load(start, scope.index(e.at), e.buffer), "there")
        scope.known[e] = Ternary(inside, there, missing(e.dtype))
    return found
