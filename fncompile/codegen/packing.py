"""Kernels that lay a matrix out in panels: see csrc/kern/gemm_pack.h, and gemm_large.h for when
they pack the left operand instead, or nothing."""

from __future__ import annotations

from fncompile.codegen.affine import dim, stride
from fncompile.codegen.ctree import (
    CExpr,
    Declare,
    Do,
    If,
    Int,
    Name,
    Return,
    Stmt,
    binary,
    call,
)
from fncompile.codegen.pointers import Pointers
from fncompile.codegen.products import guard
from fncompile.ir.types import DTYPES
from fncompile.plan.schedule import Variant
from fncompile.plan.types import Kernel, Stage


def is_pack(kernel: Kernel) -> bool:
    return kernel.stages[0].kind == "pack"


def emit_pack(kernel: Kernel, pointers: Pointers) -> list[Stmt]:
    """The body of the kernel's function; workers share the panels."""
    assert kernel.schedule is not None
    *guarded, last = kernel.schedule.variants
    work = _pack(kernel.stages[0], last, pointers)
    for variant in reversed(guarded):
        assert variant.guard is not None
        first = _pack(kernel.stages[0], variant, pointers)
        if variant.driver == "nothing":
            work = [If(guard(variant.guard), tuple(first)), *work]
        else:
            work = [If(guard(variant.guard), tuple(first), tuple(work))]
    return work


def _pack(stage: Stage, variant: Variant, pointers: Pointers) -> list[Stmt]:
    if variant.driver == "nothing":
        return [Return()]
    assert variant.a is not None
    matrix, by_rows = variant.a.matrix, variant.a.by_rows
    inner, columns = pointers.size("k", stage.domain[0]), pointers.size("n", variant.columns)
    sizes, short = [inner, columns], DTYPES[stage.dtype].tile
    source = binary("+", pointers(variant.a.buffer), dim(matrix.offset))
    step = stride(matrix.coefficient(0 if by_rows else 1), matrix, sizes)
    ends: list[CExpr] = [
        call("fnc_share", Name("panels"), Int(1), binary("+", Name("part"), Int(i)), Name("parts"))
        for i in (0, 1)
    ]
    out, form = pointers(stage.stores[0].buffer), "b" if by_rows else "bt"
    panels = call(f"fnc_pack_parts_{short}", columns.text, inner.text)
    return [
        Declare("const int64_t", "panels", panels),
        Do(call(f"fnc_pack_{form}_{short}", columns.text, inner.text, source, step, out, *ends)),
    ]
