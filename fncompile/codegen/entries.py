"""The entry points of a unit, and what they need besides the kernels.

    <prefix>_<entry>_entry   int32_t (const fnc_env *): checks sizes and indices, then runs all
    <prefix>_<entry>_forward_entry, ..._backward_entry   the halves of a step that has halves
    <prefix>_<entry>_arena   int64_t (const int64_t *dims): bytes of scratch memory for these sizes
    <prefix>_<entry>_prepare int32_t (const fnc_env *): fills `prepared` from the weights
    <prefix>_<entry>_steps   the step over many batches of gathered rows (see csrc/rt/fnc_steps.h)

Each hands the worker's function, with the amount of its work, to `fnc_run`, which knows the team.
"""

from __future__ import annotations

from collections.abc import Sequence

from fncompile.codegen.affine import dim, size_name
from fncompile.codegen.cprint import braces
from fncompile.codegen.ctree import (
    Assign,
    Binary,
    CExpr,
    Declare,
    Do,
    Element,
    Function,
    If,
    Int,
    Name,
    Return,
    Stmt,
    Ternary,
    TopLevel,
    call,
    names_in,
)
from fncompile.codegen.pointers import with_symbols
from fncompile.ir.bounds import Bound
from fncompile.ir.dims import Dim, symbols_of
from fncompile.ir.types import DTYPES, TensorType
from fncompile.plan.cost import amount
from fncompile.plan.types import Buffer, Plan

ENV = ("const fnc_env *env",)
WORKER = (*ENV, "int64_t part", "int64_t parts")
DIMS = ("const int64_t *dims",)


def emit_entries(plan: Plan, prefix: str, entry: str) -> list[TopLevel]:
    name = f"{prefix}_{entry}"
    items: list[TopLevel] = [_check(plan, entry), _arena(plan, name), _amount(plan, entry)]
    if plan.slice:
        items += _slices(plan, name, entry)
    if plan.prepare:
        items.append(_prepare(plan, name, entry))
    if plan.ranges:
        items.append(_inside(plan, entry))
    items.append(_entry(plan, name, entry))
    if plan.first_half is not None:
        items += [_entry(plan, name, entry, half) for half in ("_forward", "_backward")]
    return [*items, *_steps(plan, name, entry)] if plan_has_steps(plan) else items


def plan_has_steps(plan: Plan) -> bool:
    """Can rows be gathered: is the batch the first extent of every input?"""
    return bool(plan.inputs) and all(
        b.type.shape and symbols_of(b.type.shape[:1]) == ["B"] for b in plan.inputs
    )


# one call -----------------------------------------------------------------------------------------


def _entry(plan: Plan, name: str, entry: str, half: str = "") -> Function:
    """Of the whole step, or of a half of it."""
    amount = call(f"amount_{entry}", Name("env->dims"))
    run = Do(call("fnc_run", Name("env"), Name(f"run_{entry}{half}"), amount))
    ok = Binary("==", Name("status"), Name("FNC_OK"))
    const = "" if plan.ranges else "const "
    body: list[Stmt] = [
        Declare(f"{const}int32_t", "status", call(f"check_{entry}", Name("env"))),
        If(ok, (run,)),
        Return(Name("status")),
    ]
    if plan.ranges:
        inside = call(f"inside_{entry}", Name("env"), Name("NULL"), Int(0))
        body.insert(1, If(ok, (Assign(Name("status"), "=", inside),)))
    return Function("FNC_EXPORT", "int32_t", f"{name}{half}_entry", ENV, tuple(body))


def _prepare(plan: Plan, name: str, entry: str) -> Function:
    work = dim(amount(plan.prepare))
    run = Do(call("fnc_run", Name("env"), Name(f"run_{entry}_prepare"), Name("amount")))
    body = (Declare("const int64_t", "amount", work), run, Return(Name("FNC_OK")))
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


def _inside(plan: Plan, entry: str) -> Function:
    """Are the indices among the inputs ones that there are: in the rows index[0 .. rows) of whole
    arrays, or, without `index`, in those of one batch?"""
    found: list[Stmt] = [Declare("int", "outside", Int(0))]
    for name, range in plan.ranges:
        buffer = next(b for b in plan.inputs if b.name == name)
        first, row = buffer.type.shape[:1] or (1,), buffer.type.shape[1:]
        whole = Binary("==", Name("index"), Name("NULL"))
        rows = Ternary(whole, dim(first[0]), Name("rows"))
        size = dim(TensorType(buffer.type.dtype, row).size)
        numbers = map(Int, (range.count, range.allowed))
        kind = "u8" if buffer.type.dtype == "bool" else DTYPES[buffer.type.dtype].short
        array = Name(f"env->in[{buffer.index}]")
        test = call(f"fnc_outside_{kind}", array, Name("index"), rows, size, *numbers)
        found.append(Assign(Name("outside"), "|=", test))
    found.append(Return(Ternary(Name("outside"), Name("FNC_ERR_RANGE"), Name("FNC_OK"))))
    params = (*ENV, "const int64_t *index", "int64_t rows")
    body = tuple(with_symbols(plan.symbols, found))
    return Function("static", "int32_t", f"inside_{entry}", params, body, _INSIDE)


_INSIDE = "Are all numbers that stand for rows of a table, or for classes, ones that there are?"


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


# some samples at a time ---------------------------------------------------------------------------


def _slices(plan: Plan, name: str, entry: str) -> list[TopLevel]:
    """What csrc/rt/fnc_slices.h asks to know, and the worker's share of a whole batch."""
    arrays = [*plan.inputs, *plan.outputs]
    counts = ", ".join(map(str, (len(plan.inputs), len(plan.outputs), len(plan.symbols))))
    known = f"{{run_{entry}_slice, {name}_arena, {plan.slice}, {counts}, sample_bytes_{entry}}}"
    given = (Name("env"), Name(f"&sliced_{entry}"), Name("part"), Name("parts"))
    share = Do(call("fnc_slices_run", *given))
    return [
        _bytes_of_rows(plan, f"sample_bytes_{entry}", arrays, "array"),
        Declare("static const fnc_sliced", f"sliced_{entry}", Name(known)),
        Function("FNC_ONE_COPY", "void", f"run_{entry}", WORKER, (share,)),
    ]


# many batches -------------------------------------------------------------------------------------


def row_bytes(buffer: Buffer) -> Dim:
    """Bytes of one row of an input whose first extent is the batch."""
    return TensorType(buffer.type.dtype, buffer.type.shape[1:]).nbytes


def _bytes_of_rows(plan: Plan, name: str, arrays: Sequence[Buffer], number: str) -> Function:
    """`name(dims, number)`: of the array of this number."""
    table = braces(dim(row_bytes(b)) for b in arrays)
    body: list[Stmt] = [
        Declare("const int64_t", "bytes[]", table),
        Return(Element(Name("bytes"), Name(number))),
    ]
    return Function("static", "int64_t", name, (*DIMS, f"int {number}"), _sized(plan, body))


def _steps(plan: Plan, name: str, entry: str) -> list[TopLevel]:
    """The step over `args[0]` rows in batches of `args[1]`: what csrc/rt/fnc_steps.h asks to know,
    the worker's share, and the call."""
    functions = f"check_{entry}, run_{entry}, {name}_arena, amount_{entry}"
    counts = f"{len(plan.inputs)}, {len(plan.symbols)}"
    inside = f"inside_{entry}" if plan.ranges else "NULL"
    step = f"{{{functions}, {counts}, row_bytes_{entry}, {inside}}}"
    given = (Name("env"), Name(f"&step_{entry}"))
    share = Do(call("fnc_steps_run", *given, Name("part"), Name("parts")))
    whole = Return(call("fnc_steps", *given, Name(f"steps_{entry}")))
    return [
        _bytes_of_rows(plan, f"row_bytes_{entry}", plan.inputs, "input"),
        Declare("static const fnc_stretch", f"step_{entry}", Name(step)),
        Function("FNC_ONE_COPY", "void", f"steps_{entry}", WORKER, (share,)),
        Function("FNC_EXPORT", "int32_t", f"{name}_steps", ENV, (whole,)),
    ]
