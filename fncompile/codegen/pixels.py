"""Register tiles of products over pixels: see csrc/kern/gemm_pixels.h."""

from __future__ import annotations

from fncompile.codegen.ctree import CExpr, Do, Function, Name, Return, call
from fncompile.codegen.expr import c_type
from fncompile.ir.dims import dim_text
from fncompile.ir.types import DTYPES
from fncompile.plan.schedule import Schedule
from fncompile.plan.types import Kernel


def by_pixels(schedule: Schedule) -> bool:
    """Does the driver go along the last axis of batches, the lines, itself?"""
    return schedule.variants[-1].driver == "pixels"


def emit_tiles(kernel: Kernel) -> list[Function]:
    """`k01_image()`, the numbers of pixels, and `k01_tile(A, B, acc)`, their register tile."""
    assert kernel.schedule is not None
    if not by_pixels(kernel.schedule):
        return []
    dtype = DTYPES[kernel.stages[0].dtype]
    type, image = c_type(kernel.stages[0].dtype), call(f"{kernel.name}_image")
    numbers = Function(
        "FNC_INLINE", "fnc_image", f"{kernel.name}_image", ("void",), (Return(_image(kernel)),)
    )
    tile = Do(call(f"fnc_pixels_{dtype.tile}", image, *map(Name, ("A", "B", "acc"))))
    params = (f"const {type} *A", f"const {type} *B", f"{type} *acc")
    return [numbers, Function("FNC_NOINLINE", "void", f"{kernel.name}_tile", params, (tile,))]


def _image(kernel: Kernel) -> CExpr:
    """The fnc_image of csrc/kern/gemm_pixels.h."""
    product, schedule = kernel.product, kernel.schedule
    assert product is not None and schedule is not None
    [variant] = schedule.variants
    a, b, count = variant.a, variant.b, len(product.batches)
    assert a is not None and b is not None
    rows = [(e, a.at.coefficient(count + 2 + i)) for i, e in enumerate(variant.outer)]
    rows += [(1, 0)] * (3 - len(rows))
    outer = ", ".join(f"{{{dim_text(e)}, {dim_text(s)}}}" for e, s in rows)
    fields = {
        "lines": product.batches[-1],
        "pixels": product.matrix_shape[0],
        "N": product.matrix_shape[1],
        "rs_line": a.at.coefficient(count - 1),
        "rs_pixel": a.strides[0],
        "cs": a.strides[1],
        "depth": product.contracted[-1],
        "ldb": b.strides[0],
    }
    known = ", ".join(f".{name} = {dim_text(value)}" for name, value in fields.items())
    return Name(f"(fnc_image){{{known}, .outer = {{{outer}}}}}")
