"""Spare large matrices the packing where few rows are multiplied by them.

Requires: right operands packed anew in every call, as the weights of a training step are. Ensures:
a product that alone reads a packed operand knows where its matrix lies as well, and what packs it
knows the rows and, for a matrix that lies transposed, the left operand, which is packed instead.
Which of the two ways is taken shows when the number of rows is known: csrc/kern/gemm_few.h says
when, and gives the same bits.
"""

from __future__ import annotations

from dataclasses import replace

from fncompile.plan.types import (
    Affine,
    Kernel,
    Load,
    Loop,
    Operand,
    Plan,
    Spared,
    Stage,
    axis_index,
    reads,
    with_product,
)

FEWEST_COLUMNS = 128  # then panels of as many rows of the left operand have room in their place
FEWEST_ELEMENTS = 1 << 19  # fewer are near, and quickly packed
MOST_ROWS = 64  # FNC_FEW_ROWS of csrc/kern/gemm_few.h
DTYPES = ("float32", "float64")


def spare(plan: Plan, context=None) -> Plan:
    made: dict[int, Kernel] = {}
    for packer in plan.kernels:
        stage = packer.stages[0]
        if stage.kind != "pack" or stage.dtype not in DTYPES:
            continue
        buffer = stage.stores[0].buffer
        readers = [k for k in plan.kernels if buffer in reads(k)]
        found = _spared(stage, readers[0]) if len(readers) == 1 else None
        if found is not None:
            made[id(packer)] = replace(packer, loops=(Loop((replace(stage, spared=found),)),))
            made[id(readers[0])] = with_product(readers[0], unpacked=_unpacked(stage))
    return replace(plan, kernels=[made.get(id(k), k) for k in plan.kernels])


def _spared(stage: Stage, reader: Kernel) -> Spared | None:
    """None where that does not pay, or an operand lies neither by rows nor by columns."""
    product, load = reader.product, stage.expr
    assert product is not None and isinstance(load, Load)
    left, (_, rows, columns, inner) = product.a, product.shape
    if not isinstance(columns, int) or not isinstance(inner, int):
        return None
    if columns < FEWEST_COLUMNS or columns * inner < FEWEST_ELEMENTS:
        return None
    if isinstance(rows, int) and rows > MOST_ROWS:
        return None
    if {load.buffer.type.dtype, left.buffer.type.dtype} != {stage.dtype}:
        return None
    if load.at.coefficient(1) == 1:
        return Spared(rows, None)
    return Spared(rows, left) if 1 in (left.at.coefficient(1), left.at.coefficient(2)) else None


def _unpacked(stage: Stage) -> Operand:
    assert isinstance(stage.expr, Load)
    axes: dict[int, Affine] = {0: axis_index(1), 1: axis_index(2)}
    return Operand(stage.expr.buffer, stage.expr.at.map_axes(axes))
