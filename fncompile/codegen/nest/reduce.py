"""How a value joins the result of a reduction in C."""

from __future__ import annotations

from fncompile.codegen.ctree import (
    Assign,
    Binary,
    Cast,
    CExpr,
    Declare,
    If,
    Int,
    Name,
    Stmt,
    Ternary,
    call,
)
from fncompile.codegen.expr import constant, register_type, times
from fncompile.ir.interp import reduce_identity
from fncompile.ir.types import DTYPES
from fncompile.plan.types import Stage


def identity(stage: Stage) -> CExpr:
    """What the result starts as."""
    if stage.kind == "argmax":
        return Int(0)
    return constant(reduce_identity(stage.kind, stage.dtype), stage.dtype)


def combine(stage: Stage, target: CExpr, value: CExpr) -> Stmt:
    """`target` with one more `value`; integer sums wrap, max and min let NaN win."""
    row = DTYPES[stage.dtype]
    if stage.kind == "prod" and row.factor != row.c:
        return Assign(target, "=", Cast(row.c, times(target, value, row)))
    if stage.kind in ("sum", "prod") and not row.wraps:
        return Assign(target, {"sum": "+=", "prod": "*="}[stage.kind], value)
    name = {"sum": "add", "prod": "mul"}.get(stage.kind, stage.kind)
    if row.functions == row.short:
        return Assign(target, "=", call(f"fnc_{name}_{row.short}", target, value))
    test = Binary(">" if stage.kind == "max" else "<", value, target)
    return Assign(target, "=", Ternary(test, value, target))


def best(stage: Stage, name: Name) -> list[Stmt]:
    """Beside the index that is the result of an argmax: the largest value so far."""
    if stage.kind != "argmax":
        return []
    dtype = stage.expr.dtype
    return [Declare(register_type(dtype), f"{name.text}_best", constant(0, dtype))]


def argmax(stage: Stage, name: Name, value: CExpr, axis: CExpr) -> list[Stmt]:
    """The first largest; a NaN is larger than all numbers."""
    dtype = stage.expr.dtype
    largest, x = Name(f"{name.text}_best"), Name(f"{name.text}_x")
    beats: CExpr = Binary(">", x, largest)
    if DTYPES[dtype].kind == "f":
        number = Binary("==", largest, largest)
        nan = Binary("&", Binary("!=", x, x), number)
        beats = Binary("|", Binary("&", beats, number), nan)
    beats = Binary("|", beats, Binary("==", axis, Int(0)))
    return [
        Declare(f"const {register_type(dtype)}", x.text, value),
        If(beats, (Assign(largest, "=", x), Assign(name, "=", Cast("int32_t", axis)))),
    ]
