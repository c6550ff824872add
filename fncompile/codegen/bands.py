"""Gradients of large weights: calls of csrc/kern/gemm_bands.h, which hands the result over in rows
and asks memory for the arrays that the epilogue walks beside it."""

from __future__ import annotations

from collections.abc import Sequence

from fncompile.codegen.affine import dim
from fncompile.codegen.cprint import expression
from fncompile.codegen.ctree import Binary, CExpr, Declare, Do, If, Int, Name, Stmt, binary, call
from fncompile.codegen.expr import c_type
from fncompile.codegen.pointers import Pointers
from fncompile.ir.types import DTYPES
from fncompile.passes.pack import in_bands
from fncompile.plan.types import Affine, Kernel, Load, Product, Store

FEWEST_STEPS = 4  # of products that touch one array alone: fewer are done tile by tile as fast


def uses_bands(kernel: Kernel) -> bool:
    product = kernel.product
    return product is not None and product.b.packed and in_bands(product, kernel.stages[0].dtype)


def band_calls(
    kernel: Kernel,
    pointers: Pointers,
    left: Sequence[CExpr],
    panels: CExpr,
    rest: Sequence[CExpr],
    otherwise: Stmt,
) -> list[Stmt]:
    """`left`: the address of A and its step from k to k + 1; `rest`: the block of the result, the
    epilogue and its argument; `otherwise` does the same tile by tile."""
    stage = kernel.stages[0]
    product = stage.product
    assert product is not None
    _, _, n, k = product.shape
    beside = _beside(kernel, product, pointers)
    arrays = Name("{" + ", ".join(expression(a) for a in beside) + "}")
    name = f"fnc_gemm_bands_{DTYPES[stage.dtype].short}"
    bands = Do(call(name, dim(n), dim(k), *left, panels, *rest, Name("beside"), Int(len(beside))))
    declared = Declare(f"const {c_type(stage.dtype)} *const", "beside[]", arrays)
    if len(beside) > 1:
        return [declared, bands]
    return [If(Binary("<", dim(k), Int(FEWEST_STEPS)), (otherwise,), (declared, bands))]


def _beside(kernel: Kernel, product: Product, pointers: Pointers) -> list[CExpr]:
    """Where the arrays begin that the epilogue reads or writes element by element of the result."""
    terms = ((1, product.shape[2]), (2, 1))
    found: dict[tuple[str, Affine], CExpr] = {}
    for stage in kernel.stages:
        for access in (*stage.loads, *stage.stores):
            if not isinstance(access, (Load, Store)) or access.at.terms != terms:
                continue
            if access.buffer.type.dtype == kernel.stages[0].dtype:
                pointer, start = pointers(access.buffer), dim(access.at.offset)
                found[pointer.text, access.at] = binary("+", pointer, start)
    return list(found.values())
