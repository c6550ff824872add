"""Register tiles of products over pixels: see csrc/kern/gemm_pixels.h."""

from __future__ import annotations

from fncompile.codegen.ctree import CExpr, Do, Function, Int, Name, Return, call
from fncompile.codegen.expr import c_type, in_register
from fncompile.ir.dims import dim_text
from fncompile.ir.types import DTYPES
from fncompile.plan.schedule import Schedule
from fncompile.plan.types import Kernel


def by_pixels(schedule: Schedule) -> bool:
    """Does the driver go along the lines itself, if there are any?"""
    return schedule.variants[-1].driver in ("pixels", "long_pixels", "word_pixels")


def sums_up_turns(schedule: Schedule) -> bool:
    """Is the number of turns along the first axis of the sum left to the call?"""
    return schedule.variants[-1].driver == "long_pixels"


def by_words(schedule: Schedule) -> bool:
    """Does it take two numbers at once, the right ones packed?"""
    return schedule.variants[-1].driver == "word_pixels"


def tile_type(kernel: Kernel) -> str:
    """The suffix of functions in C: of words, or of what a number is at hand."""
    assert kernel.schedule is not None
    dtype = kernel.stages[0].dtype
    return DTYPES[dtype if by_words(kernel.schedule) else in_register(dtype)].tile


def emit_tiles(kernel: Kernel) -> list[Function]:
    """`k01_image()`, the numbers of pixels, and `k01_tile(taps, A, B, acc)`, their register tile;
    both with the `turns` before, where the call knows them."""
    assert kernel.schedule is not None
    if not by_pixels(kernel.schedule):
        return []
    dtype, goes_on = in_register(kernel.stages[0].dtype), sums_up_turns(kernel.schedule)
    turns = ("int64_t turns",) if goes_on else ()
    type, image = c_type(dtype), f"{kernel.name}_image"
    numbers = Function(
        "FNC_INLINE", "fnc_image", image, turns or ("void",), (Return(_image(kernel)),)
    )
    known = call(image, *[Name("turns")] * goes_on)
    arguments = [known, Int(int(goes_on)), *map(Name, ("taps", "A", "B", "acc"))]
    if by_words(kernel.schedule):
        arguments, type = [known, *map(Name, ("taps", "A", "B", "acc"))], "void"
    tile = Do(call(f"fnc_pixels_{tile_type(kernel)}", *arguments))
    operands = f"const {type} *A", f"const {type} *B", f"{c_type(dtype)} *acc"
    params = (*turns, "fnc_taps taps", *operands)
    return [numbers, Function("FNC_NOINLINE", "void", f"{kernel.name}_tile", params, (tile,))]


def _image(kernel: Kernel) -> CExpr:
    """The fnc_image of csrc/kern/gemm_pixels.h."""
    product, schedule = kernel.product, kernel.schedule
    assert product is not None and schedule is not None
    [variant] = schedule.variants
    a, b, count, line = variant.a, variant.b, len(product.batches), product.line_axis
    assert a is not None and b is not None
    extents = [dim_text(e) for e in variant.outer]
    if sums_up_turns(schedule):
        extents[0] = "turns"
    rows = [(e, a.at.coefficient(count + 2 + i)) for i, e in enumerate(extents)]
    rows += [("1", 0)] * (3 - len(rows))
    outer = ", ".join(f"{{{e}, {dim_text(s)}}}" for e, s in rows)
    fields = {
        "lines": 1 if line is None else product.batches[line],
        "pixels": product.matrix_shape[0],
        "N": product.matrix_shape[1],
        "rs_line": 0 if line is None else a.at.coefficient(line),
        "rs_pixel": a.strides[0],
        "cs": a.strides[1],
        "depth": product.contracted[-1],
        "ldb": b.strides[0],
    }
    border = product.border
    if border is not None:
        fields |= {f"border.{name}": value for name, value in vars(border).items()}
    known = ", ".join(f".{name} = {dim_text(value)}" for name, value in fields.items())
    return Name(f"(fnc_image){{{known}, .outer = {{{outer}}}}}")
