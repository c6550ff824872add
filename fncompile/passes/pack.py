"""Lay the right operand of large products out in panels, as the register tile reads it.

Requires: a fused Plan. Ensures: the right operand of every product that gains by it is a buffer of
its own, written by a kernel of kind `pack`, which `hoist` moves to `prepare` where it depends on
weights alone; a copy made only to bring the operand into rows (a transpose) is left out.
A row of a wide matrix begins a whole number of pages after the one before: read as panels of
columns, they fall on few sets of the caches. 512 x 512 x 512 went from 33 to 89 GFLOP/s.

In the Plan a packed buffer holds its matrix by rows; where its elements lie in C is up to
csrc/kern/gemm_pack.h, and for products of bfloat16 to csrc/kern/gemm_bf16.h, which may keep them in
two bytes each.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from fncompile.ir.dims import Dim
from fncompile.ir.node import Node
from fncompile.ir.types import DTYPES, TensorType
from fncompile.passes.materialize import widened
from fncompile.plan.types import (
    Affine,
    Buffer,
    Kernel,
    Load,
    Loop,
    Operand,
    Plan,
    Product,
    Stage,
    Store,
    axis_index,
    reads,
    root_buffer,
    with_product,
    writes,
)

FEWEST_COLUMNS = 128  # narrower ones stay in cache as they are
FEWEST_ROWS = 32  # of the left operand, or the copy costs as much as the product
FEWEST_ELEMENTS = 1 << 15  # of the right one
WIDEST_PANEL = 128  # bytes; the last panel is filled up to it
BAND_COLUMNS, BAND_ELEMENTS = 256, 1 << 16  # of the least result for csrc/kern/gemm_bands.h


@dataclass(frozen=True)
class Source:
    """What is packed: element (k, n) of the right operand lies at `at` with axes 0, 1. `dtype` is
    the product's."""

    buffer: Buffer
    at: Affine
    rows: Dim
    columns: int
    dtype: str


def pack(plan: Plan, context=None) -> Plan:
    copies = _copies(plan.kernels)
    current: dict[Buffer, Kernel] = {}  # copies whose source has not changed since
    packed: dict[Source, Operand] = {}  # likewise
    count = 0
    kernels: list[Kernel] = []
    for kernel in plan.kernels:
        source = _source(kernel, current)
        if source is not None:
            if source not in packed:
                packer, packed[source] = _packer(source, kernel.stages[0].node, count)
                kernels.append(packer)
                count += 1
            kernel = with_product(kernel, b=packed[source])
        kernels.append(kernel)
        changed = {root_buffer(b) for b in writes(kernel)}
        packed = {s: o for s, o in packed.items() if root_buffer(s.buffer) not in changed}
        current = {b: k for b, k in current.items() if not changed & _read(k)}
        current.update((b, copies[b]) for b in changed if b in copies)
    return replace(plan, kernels=_without_idle_copies(kernels, copies))


def _read(kernel: Kernel) -> set[Buffer]:
    return {root_buffer(b) for b in reads(kernel)}


def _copies(kernels: Iterable[Kernel]) -> dict[Buffer, Kernel]:
    """Kernels that only move one matrix, by what they write; nothing else writes there."""
    found: dict[Buffer, list[Kernel]] = {}
    for kernel in kernels:
        for buffer in {root_buffer(b) for b in writes(kernel)}:
            found.setdefault(buffer, []).append(kernel)
    return {b: ks[0] for b, ks in found.items() if len(ks) == 1 and _is_copy(ks[0])}


def _is_copy(kernel: Kernel) -> bool:
    stage = kernel.stages[0]
    return (
        len(kernel.stages) == 1
        and stage.kind == "map"
        and isinstance(stage.expr, Load)
        and stage.expr.dtype == stage.dtype
        and stage.expr.buffer.type.dtype == widened(TensorType(stage.dtype, ())).dtype
        and len(stage.stores) == 1
        and stage.stores[0].buffer.kind == "arena"
        and stage.stores[0].buffer.base is None
    )


def _source(kernel: Kernel, copies: dict[Buffer, Kernel]) -> Source | None:
    """What to pack for this kernel, if it gains by it."""
    product = kernel.product
    if product is None or not gains(product, kernel.stages[0].dtype):
        return None
    rows, columns = product.shape[3], product.shape[2]
    assert isinstance(columns, int)
    right = product.b
    source = Source(right.buffer, right.matrix, rows, columns, kernel.stages[0].dtype)
    return _behind_copy(source, copies.get(right.buffer)) if _is_strided(source) else None


def gains(product: Product, dtype: str) -> bool:
    """Is packing its right operand worth it?"""
    batches, rows, columns, inner = product.shape
    many = not isinstance(rows, int) or rows >= FEWEST_ROWS
    if not isinstance(columns, int) or columns < FEWEST_COLUMNS or not many or batches != 1:
        return False
    large = not isinstance(inner, int) or inner * columns >= FEWEST_ELEMENTS
    return large and dtype in ("float32", "float64", "bfloat16")


def in_bands(product: Product, dtype: str) -> bool:
    """Is it a large gradient x^T dy that csrc/kern/gemm_bands.h computes, once dy is packed?"""
    batches, rows, columns, _ = product.shape
    if batches != 1 or not isinstance(rows, int) or not isinstance(columns, int):
        return False
    if columns < BAND_COLUMNS or rows * columns < BAND_ELEMENTS:
        return False
    return product.a.at.coefficient(1) == 1 and dtype in ("float32", "float64")


def _is_strided(source: Source) -> bool:
    """Is one of its axes adjacent in memory?"""
    return 1 in (source.at.coefficient(0), source.at.coefficient(1))


def _behind_copy(source: Source, copy: Kernel | None) -> Source:
    """The source of the copy that made `source`, if packing can read that as well."""
    if copy is None:
        return source
    stage = copy.stages[0]
    if stage.domain != (source.rows, source.columns) or stage.stores[0].at != source.at:
        return source
    assert isinstance(stage.expr, Load)
    behind = replace(source, buffer=stage.expr.buffer, at=stage.expr.at)
    return behind if _is_strided(behind) else source


def _packer(source: Source, node: Node, number: int) -> tuple[Kernel, Operand]:
    """The kernel that packs, and what reads it."""
    panel = WIDEST_PANEL // DTYPES[source.buffer.type.dtype].size
    width = -(-source.columns // panel) * panel
    type = widened(TensorType(source.dtype, (source.rows, width)))
    buffer = Buffer(f"packed{number}", type, "arena")
    at = Affine(0, ((0, source.columns), (1, 1)))
    domain = (source.rows, source.columns)
    expr = Load(source.buffer, source.at, source.dtype)
    stage = Stage(node, "pack", domain, 0, expr, (Store(buffer, at),), source.dtype)
    by_row = at.map_axes({0: axis_index(1), 1: axis_index(2)})
    return Kernel("", 2, (Loop((stage,)),)), Operand(buffer, by_row, packed=True)


def _without_idle_copies(kernels: list[Kernel], copies: dict[Buffer, Kernel]) -> list[Kernel]:
    read = {b for k in kernels for b in _read(k)}
    idle = {id(k) for b, k in copies.items() if b not in read}
    return [k for k in kernels if id(k) not in idle]
