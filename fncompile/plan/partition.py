"""How the workers of a team share a kernel, and how many of its rows are computed side by side.

Both look at shapes alone: any number of workers computes the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence

from fncompile.ir.dims import Dim, product
from fncompile.ir.types import DTYPES
from fncompile.plan.machine import machine
from fncompile.plan.schedule import ALONE, Partition
from fncompile.plan.types import Affine, Kernel, Load, Product, Stage, loads, reads, writes


def partition_of(kernel: Kernel) -> Partition:
    if kernel.product is not None:
        return partition_of_product(kernel.product)
    if kernel.stages[0].kind == "pack":
        return Partition("panels")
    if kernel.routine is not None:
        return Partition("rows", kernel.loops[0].domain[0], 1)
    if not kernel.outer or any(s.kind == "scatter" for s in kernel.stages):
        return ALONE
    return Partition("rows", kernel.loops[0].domain[0], _grain(kernel))


def _grain(kernel: Kernel) -> int:
    """A multiple of every vector that the compiler may fill with rows, so that no row is computed
    by other instructions than it would be alone."""
    if lanes_of(kernel) != 1:
        return machine().lanes if kernel.outer == 1 else 1
    if any(_is_deep(loop.domain[kernel.outer :]) for loop in kernel.loops):
        return 1
    smallest = min(DTYPES[b.type.dtype].size for b in (*reads(kernel), *writes(kernel)))
    return machine().align // smallest


def _is_deep(inner: Sequence[Dim]) -> bool:
    """Are there two loops inside of a row that no compiler unrolls, or such a one in short ones
    that have as many turns together? Then it fills no vector with rows, and they may be cut
    anywhere, as images are."""
    long = [not isinstance(d, int) or d >= machine().loop_least for d in inner]
    short = product(d for d, is_long in zip(inner, long) if not is_long)
    turns = sum(long) + (isinstance(short, int) and short >= machine().loop_least)
    return any(long) and turns >= 2


def partition_of_product(product: Product) -> Partition:
    """Any cut gives the same bits: csrc/kern/gemm.h. A small product keeps all of its columns in
    one piece, for its code is made for that width."""
    (m, n, k), number = product.matrix_shape, machine()
    first = product.batches[0]
    enough = isinstance(first, int) and first >= number.batches_to_cut and product.b.is_shared
    if not isinstance(first, int) or enough:
        return Partition("batches", first)
    if isinstance(m, int):
        few = m < number.few_rows_to_cut and (not isinstance(n, int) or m < n)
        if few:
            return Partition("columns", n, number.column_grain)
        short = m <= number.short_rows
        return Partition("rows", m, number.short_grain if short else number.row_grain)
    large = isinstance(n, int) and isinstance(k, int) and n * k >= number.large_elements
    return Partition("longer") if large else Partition("rows", m, number.row_grain)


def lanes_of(kernel: Kernel) -> int:
    """More than 1 where a reduction steps through memory while the last outer axis is adjacent."""
    if not kernel.outer or any(s.kind in ("argmax", "scatter") for s in kernel.stages):
        return 1
    lane = kernel.outer - 1
    for loop in kernel.loops:
        for stage in (s for s in loop.stages if s.reduced):
            ats = [e.at for e in loads(stage.expr) if isinstance(e, Load)]
            if any(_strided(at, lane, len(stage.domain) - 1) for at in ats):
                few = keeps_sums(loop.stages)
                return machine().lanes if few else _side_by_side(stage.domain[lane])
    return 1


def keeps_sums(stages: Sequence[Stage]) -> bool:
    """Are there so many reductions in a loop that their sums are kept in registers, not in the
    nearest cache, where each is read and written again at every point?"""
    return sum(s.reduced > 0 for s in stages) >= machine().sums_kept


def _side_by_side(extent: Dim) -> int:
    """As many as there are, where that is a multiple of what a vector takes: memory is walked in
    order. Gradient of a normalisation, 32 images of 32 x 32 x 64: 4.1 ms by 32, by 64 half."""
    number = machine()
    whole = isinstance(extent, int) and extent % number.lanes == 0
    more = range(number.most_lanes, number.lanes, -number.lanes) if whole else ()
    return next((n for n in more if extent % n == 0), number.lanes)


def _strided(at: Affine, lane: int, last: int) -> bool:
    return at.coefficient(lane) == 1 and at.coefficient(last) not in (0, 1)
