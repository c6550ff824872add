"""Kernels that lay a matrix out in panels: see csrc/kern/gemm_pack.h, and gemm_few.h for when they
pack the left operand instead, or nothing."""

from __future__ import annotations

from fncompile.codegen.affine import dim
from fncompile.codegen.ctree import (
    Binary,
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
from fncompile.ir.dims import Dim
from fncompile.ir.types import DTYPES
from fncompile.plan.types import Affine, Buffer, Kernel, Load, Operand, Stage


def is_pack(kernel: Kernel) -> bool:
    return kernel.stages[0].kind == "pack"


def few(rows: Dim) -> CExpr:
    """Is a product to read its right operand where it lies?"""
    return Binary("<=", dim(rows), Name("FNC_FEW_ROWS"))


def emit_pack(stage: Stage, pointers: Pointers) -> list[Stmt]:
    """The body of the kernel's function; workers share the panels."""
    load, columns, spared = stage.expr, stage.domain[1], stage.spared
    assert isinstance(load, Load)
    whole = _pack(stage, pointers, load.buffer, load.at, columns)
    if spared is None:
        return whole
    if spared.left is None:
        return [If(few(spared.rows), (Return(),)), *whole]
    left = _pack(stage, pointers, spared.left.buffer, _transposed(spared.left), spared.rows)
    return [If(few(spared.rows), tuple(left), tuple(whole))]


def _transposed(operand: Operand) -> Affine:
    """Where element (j, i) lies, with axes 0 and 1."""
    return operand.matrix.map_axes({0: Affine(0, ((1, 1),)), 1: Affine(0, ((0, 1),))})


def _pack(stage: Stage, pointers: Pointers, buffer: Buffer, at: Affine, columns: Dim) -> list[Stmt]:
    """Packs the matrix whose element (k, n) lies at `at`."""
    short, inner = DTYPES[stage.dtype].short, dim(stage.domain[0])
    by_rows = at.coefficient(1) == 1
    source = binary("+", pointers(buffer), dim(at.offset))
    stride = dim(at.coefficient(0 if by_rows else 1))
    ends: list[CExpr] = [
        call("fnc_share", Name("panels"), Int(1), binary("+", Name("part"), Int(i)), Name("parts"))
        for i in (0, 1)
    ]
    out, form = pointers(stage.stores[0].buffer), "b" if by_rows else "bt"
    panels = call(f"fnc_pack_parts_{short}", dim(columns), inner)
    return [
        Declare("const int64_t", "panels", panels),
        Do(call(f"fnc_pack_{form}_{short}", dim(columns), inner, source, stride, out, *ends)),
    ]
