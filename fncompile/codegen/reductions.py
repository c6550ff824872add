"""Loops of a kernel, and how reductions go in them.

What the compiler may vectorise is marked `omp simd`: it reorders sums there. What it cannot (a
maximum would lose a NaN) or what it has done wrongly goes ROW_LANES at a time by hand.
"""

from __future__ import annotations

from collections.abc import Sequence

from fncompile.codegen.affine import dim
from fncompile.codegen.ctree import (
    Assign,
    Binary,
    CExpr,
    Declare,
    Element,
    For,
    Int,
    Name,
    Stmt,
    Ternary,
    call,
)
from fncompile.codegen.expr import constant, register_type
from fncompile.ir.dims import Dim
from fncompile.ir.interp import reduce_identity
from fncompile.ir.types import DTYPES
from fncompile.plan.types import Bits, GatherLoad, Loop, Stage, loads

ROW_LANES = 16


def vectorises(extent: Dim) -> bool:
    """May the loop be marked `omp simd`?

    gcc 12.2 tuned for znver3 has given wrong numbers for marked loops with a short constant trip
    that is no multiple of the vector (tests/programs/test_short_loops.py); such loops gain nothing
    by it.
    """
    return not isinstance(extent, int) or (extent >= 16 and extent % 8 == 0)


def pragma_of(loop: Loop, number: int) -> str:
    """Let the compiler reorder sums, and promise that stores do not alias, where that is so."""
    if not has_only(loop, {"map", "sum", "prod"}):
        return ""
    words = ["omp simd"]
    for kind, op in (("sum", "+"), ("prod", "*")):
        names = [f"r{i}" for i, s in enumerate(loop.stages, number) if s.kind == kind]
        if names:
            words.append(f"reduction({op} : {', '.join(names)})")
    return " ".join(words)


def by_lanes(loop: Loop) -> bool:
    """Is a row long, and reduced in a way that is left to no compiler?"""
    if not has_only(loop, {"map", "sum", "prod", "max", "min"}):
        return False
    last = loop.domain[-1]
    long = not isinstance(last, int) or last >= 2 * ROW_LANES
    return long and (any(s.kind in ("max", "min") for s in loop.stages) or not vectorises(last))


def in_blocks(
    block: Name, axis: Name, extent: Dim, inside: list[Stmt], point: list[Stmt]
) -> list[Stmt]:
    """`inside` for ROW_LANES lanes side by side in each whole block, `point` for what is left."""
    lanes = Int(ROW_LANES)
    whole = (
        Int(extent // ROW_LANES * ROW_LANES)
        if isinstance(extent, int)
        else Binary("-", dim(extent), Binary("%", dim(extent), lanes))
    )
    blocks = For(axis.text, Int(0), lanes, tuple(inside), pragma="omp simd")
    left: list[Stmt] = [For(axis.text, whole, dim(extent), tuple(point))]
    return [
        For(block.text, Int(0), whole, (blocks,), step=lanes),
        *([] if whole == dim(extent) else left),
    ]


def lane_results(loop: Loop, axis: Name, number: int) -> tuple[list[Stmt], list[Stmt], list[Stmt]]:
    """Arrays for the results of all lanes; how each starts, and how it joins the row's result."""
    arrays: list[Stmt] = []
    starts: list[Stmt] = []
    ends: list[Stmt] = []
    for i, stage in enumerate(loop.stages, number):
        if stage.reduced:
            lane = Element(Name(f"r{i}_lanes"), axis)
            arrays.append(Declare(register_type(stage.dtype), f"r{i}_lanes", None, Int(ROW_LANES)))
            starts.append(Assign(lane, "=", identity(stage)))
            ends.append(combine(stage, Name(f"r{i}"), lane))
    return arrays, starts, ends


def wrap(
    body: list[Stmt], names: Sequence[CExpr], domain: Sequence[Dim], axes: range, pragma: str
) -> list[Stmt]:
    """Loops over `axes` of the domain around `body`."""
    for axis in reversed(axes):
        mark = pragma if vectorises(domain[axis]) else ""
        body = [For(names[axis].text, Int(0), dim(domain[axis]), tuple(body), pragma=mark)]  # type: ignore[union-attr]
        pragma = ""
    return body


def has_only(loop: Loop, kinds: set[str]) -> bool:
    """Is every stage of one of these kinds, with plain loads?"""
    return all(s.kind in kinds and is_plain(s) for s in loop.stages)


def is_plain(stage: Stage) -> bool:
    return not any(isinstance(e, (GatherLoad, Bits)) for e in loads(stage.expr))


def identity(stage: Stage) -> CExpr:
    return constant(reduce_identity(stage.kind, stage.dtype), stage.dtype)


def combine(stage: Stage, target: CExpr, value: CExpr) -> Stmt:
    """`target` with one more `value`; integer sums wrap, max and min let NaN win."""
    short = DTYPES[stage.dtype].short
    if stage.kind in ("sum", "prod") and short not in ("i32", "i64"):
        return Assign(target, {"sum": "+=", "prod": "*="}[stage.kind], value)
    name = {"sum": "add", "prod": "mul"}.get(stage.kind, stage.kind)
    if short in ("f32", "f64", "i32", "i64"):
        return Assign(target, "=", call(f"fnc_{name}_{short}", target, value))
    test = Binary(">" if stage.kind == "max" else "<", value, target)
    return Assign(target, "=", Ternary(test, value, target))
