"""The entry points of a unit, and what they need besides the kernels.

    <prefix>_<entry>_entry   int32_t (const fnc_env *): checks sizes, then runs every kernel
    <prefix>_<entry>_arena   int64_t (const int64_t *dims): bytes of scratch memory for these sizes
    <prefix>_<entry>_prepare int32_t (const fnc_env *): fills `prepared` from the weights
    <prefix>_<entry>_steps   the step over many batches of gathered rows (see csrc/rt/fnc_steps.h)

Each hands the worker's function, with the amount of its work, to `fnc_run`, which knows the team.
"""

from __future__ import annotations

from collections.abc import Sequence

from fncompile.codegen.affine import dim, size_name
from fncompile.codegen.cprint import expression
from fncompile.codegen.ctree import (
    Binary,
    CExpr,
    Declare,
    Do,
    Function,
    If,
    Int,
    Name,
    Return,
    Stmt,
    TopLevel,
    call,
    names_in,
)
from fncompile.codegen.pointers import with_symbols
from fncompile.ir.bounds import Bound
from fncompile.ir.dims import Dim, symbols_of
from fncompile.ir.types import TensorType
from fncompile.plan.cost import amount
from fncompile.plan.types import Buffer, Plan

ENV = ("const fnc_env *env",)
WORKER = (*ENV, "int64_t part", "int64_t parts")
DIMS = ("const int64_t *dims",)


def emit_entries(plan: Plan, prefix: str, entry: str) -> list[TopLevel]:
    name = f"{prefix}_{entry}"
    items: list[TopLevel] = [_check(plan, entry), _arena(plan, name), _amount(plan, entry)]
    if plan.prepare:
        items.append(_prepare(plan, name, entry))
    items.append(_entry(name, entry))
    return [*items, *_steps(plan, name, entry)] if plan_has_steps(plan) else items


def plan_has_steps(plan: Plan) -> bool:
    """Can rows be gathered: is the batch the first extent of every input?"""
    return bool(plan.inputs) and all(
        b.type.shape and symbols_of(b.type.shape[:1]) == ["B"] for b in plan.inputs
    )


# one call -----------------------------------------------------------------------------------------


def _entry(name: str, entry: str) -> Function:
    amount = call(f"amount_{entry}", Name("env->dims"))
    run = Do(call("fnc_run", Name("env"), Name(f"run_{entry}"), amount))
    checked = If(Binary("==", Name("status"), Name("FNC_OK")), (run,))
    status = Declare("const int32_t", "status", call(f"check_{entry}", Name("env")))
    body = (status, checked, Return(Name("status")))
    return Function("FNC_EXPORT", "int32_t", f"{name}_entry", ENV, body)


def _prepare(plan: Plan, name: str, entry: str) -> Function:
    work = dim(amount(plan.prepare))
    run = Do(call("fnc_run", Name("env"), Name(f"run_{entry}_prepare"), work))
    body = (run, Return(Name("FNC_OK")))
    comment = "Computes what depends on weights alone; to be called again when they change."
    return Function("FNC_EXPORT", "int32_t", f"{name}_prepare", ENV, body, comment)


def _arena(plan: Plan, name: str) -> Function:
    body = _sized(plan, [Return(dim(plan.arena))])
    about = "Bytes of scratch memory."
    return Function("FNC_EXPORT", "int64_t", f"{name}_arena", DIMS, body, about)


def _amount(plan: Plan, entry: str) -> Function:
    body = _sized(plan, [Return(dim(amount(plan.steps)))])
    about = "How much work a call is, as fnc_run takes it."
    return Function("static", "int64_t", f"amount_{entry}", DIMS, body, about)


def _sized(plan: Plan, body: Sequence[Stmt]) -> tuple[Stmt, ...]:
    """The body of a function of `dims`."""
    found = with_symbols(plan.symbols, body, "dims")
    return tuple(found) if "dims" in names_in(found) else (Do(Name("(void)dims")), *found)


# checks -------------------------------------------------------------------------------------------


def _check(plan: Plan, entry: str) -> Function:
    checks: list[Stmt] = [
        If(Binary("<", Name(size_name(s)), Int(0)), (_fail("SHAPE"),)) for s in plan.symbols
    ]
    checks += [If(Binary("!=", dim(a), dim(b)), (_fail("SHAPE"),)) for a, b in plan.constraints]
    checks += [If(_outside(b), (_fail("SHAPE"),)) for b in plan.bounds]
    if plan.arena != 0:
        small = Binary("<", Name("env->arena_bytes"), dim(plan.arena))
        checks.append(If(small, (_fail("ARENA"),)))
    body = with_symbols(plan.symbols, checks) or [Do(Name("(void)env"))]
    about = "Are sizes and scratch memory right?"
    return Function(
        "static", "int32_t", f"check_{entry}", ENV, (*body, Return(Name("FNC_OK"))), about
    )


def _outside(bound: Bound) -> CExpr:
    """Is the slice neither empty nor inside its axis?"""
    ends = [
        e
        for d in dict.fromkeys((bound.first, bound.last))
        for e in (_less(d, 0), _less(bound.extent - 1, d))
    ]
    wrong: CExpr = ends[0]
    for end in ends[1:]:
        wrong = Binary("||", wrong, end)
    nonempty = Binary("&&", Binary(">", dim(bound.count), Int(0)), wrong)
    return Binary("||", Binary("<", dim(bound.count), Int(0)), nonempty)


def _less(a: Dim, b: Dim) -> CExpr:
    return Binary("<", dim(a), dim(b))


def _fail(status: str) -> Stmt:
    return Return(Name(f"FNC_ERR_{status}"))


# many batches -------------------------------------------------------------------------------------


def row_bytes(buffer: Buffer) -> Dim:
    """Bytes of one row of an input whose first extent is the batch."""
    return TensorType(buffer.type.dtype, buffer.type.shape[1:]).nbytes


def _steps(plan: Plan, name: str, entry: str) -> list[TopLevel]:
    """The step over `args[0]` rows in batches of `args[1]`: the worker's share, and the call."""
    share = call("fnc_steps_run", Name("env"), Name("&steps"), Name("part"), Name("parts"))
    whole = call("fnc_steps", Name("env"), Name("&steps"), Name(f"steps_{entry}"))
    worker = with_symbols(plan.symbols, [*_stretch(plan, name, entry), Do(share)])
    body = with_symbols(plan.symbols, [*_stretch(plan, name, entry), Return(whole)])
    return [
        Function("FNC_ONE_COPY", "void", f"steps_{entry}", WORKER, tuple(worker)),
        Function("FNC_EXPORT", "int32_t", f"{name}_steps", ENV, tuple(body)),
    ]


def _stretch(plan: Plan, name: str, entry: str) -> list[Stmt]:
    """What csrc/rt/fnc_steps.h asks to know."""
    sizes = Name("{" + ", ".join(expression(dim(row_bytes(b))) for b in plan.inputs) + "}")
    functions = f"check_{entry}, run_{entry}, {name}_arena, amount_{entry}"
    counts = f"{len(plan.inputs)}, {len(plan.symbols)}"
    return [
        Declare("const int64_t", "bytes[]", sizes),
        Declare("const fnc_stretch", "steps", Name(f"{{{functions}, {counts}, bytes}}")),
    ]
