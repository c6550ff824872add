"""Keep weights of dtype bfloat16 in two bytes for a single row to read.

Requires: hoisted kernels. Ensures: `half` of every large product of bfloat16, whose right operand
depends on weights alone and whose left one may be a single row, is a copy of the right operand in
two bytes an element, written in `prepare`, in the panels of csrc/kern/gemv_bf16.h.
A single row reads each weight once, so half the bytes are half the time: 1024-2048-2048-1000 at
batch 1 went from 1433 to 713 microseconds (AVX2, one core, 23 GB/s either way). More rows at a time
read float32, which needs no widening.
"""

from __future__ import annotations

from dataclasses import replace

from fncompile.ir.dims import evaluate
from fncompile.ir.types import TensorType
from fncompile.passes.memory import round_up
from fncompile.plan.types import (
    Affine,
    Buffer,
    Const,
    Expr,
    Guarded,
    Kernel,
    Load,
    Loop,
    Plan,
    Stage,
    Store,
    axis_index,
    root_buffer,
    with_product,
)

FEWEST = 1 << 16  # elements; fewer stay in a near cache
PANEL, COLUMNS = 16, 64  # FNC_GEMV_PANEL, FNC_GEMV_NR
NARROW = "bfloat16"


def halve(plan: Plan, context=None) -> Plan:
    packers = {s.stores[0].buffer: s for k in plan.prepare for s in k.stages if s.kind == "pack"}
    made: dict[Load, Buffer] = {}
    copies: list[Kernel] = []
    kernels: list[Kernel] = []
    for kernel in plan.kernels:
        if _gains(kernel, plan):
            source = _source(kernel, packers)
            if source not in made:
                copy, made[source] = _copy(kernel, source, len(made))
                copies.append(copy)
            kernel = with_product(kernel, half=made[source])
        kernels.append(kernel)
    offsets, end = dict(plan.prepared_offsets), plan.prepared
    for buffer in made.values():
        offsets[buffer] = end
        end += evaluate(round_up(buffer.type.nbytes), {})
    prepare = [*plan.prepare, *copies]
    return replace(plan, kernels=kernels, prepare=prepare, prepared_offsets=offsets, prepared=end)


def _gains(kernel: Kernel, plan: Plan) -> bool:
    product = kernel.product
    if product is None or kernel.stages[0].dtype != NARROW:
        return False
    batches, rows, columns, depth = product.shape
    one = batches == 1 and (not isinstance(rows, int) or rows == 1)
    large = isinstance(columns, int) and isinstance(depth, int) and columns * depth >= FEWEST
    return one and large and root_buffer(product.b.buffer) in plan.prepared_offsets


def _source(kernel: Kernel, packers: dict[Buffer, Stage]) -> Load:
    """Element (k, n) of the right operand, of axes 0 and 1, where it lies by strides."""
    assert kernel.product is not None
    right = kernel.product.b
    if right.packed:
        load = packers[right.buffer].expr
        assert isinstance(load, Load)
        return replace(load, dtype=NARROW)
    return Load(right.buffer, right.matrix, NARROW)


def _copy(kernel: Kernel, source: Load, number: int) -> tuple[Kernel, Buffer]:
    """What fills the panels, over (panel, k, word, half), and the panels."""
    assert kernel.product is not None
    _, _, columns, depth = kernel.product.shape
    assert isinstance(columns, int) and isinstance(depth, int)
    panels = -(-columns // COLUMNS) * (COLUMNS // PANEL)
    buffer = Buffer(f"half{number}", TensorType(NARROW, (panels, depth, PANEL)), "arena")
    column = Affine(0, ((0, PANEL), (2, 1), (3, PANEL // 2)))
    expr: Expr = replace(source, at=source.at.map_axes({0: axis_index(1), 1: column}))
    if columns % COLUMNS:
        expr = Guarded(((column, columns),), expr, Const(0.0, NARROW), NARROW)
    at = Affine(0, ((0, depth * PANEL), (1, PANEL), (2, 2), (3, 1)))
    domain = (panels, depth, PANEL // 2, 2)
    node = kernel.stages[0].node
    stage = Stage(node, "map", domain, 0, expr, (Store(buffer, at),), NARROW)
    return Kernel(f"{kernel.name}_half", 2, (Loop((stage,)),), kernel.origins), buffer
