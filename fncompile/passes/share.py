"""How the workers of a team share a kernel.

`share(kernel)` says which axis is cut, and where. It looks at shapes alone, and so do the cuts: any
number of workers computes the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass

from fncompile.ir.dims import Dim
from fncompile.ir.types import DTYPES
from fncompile.plan.types import Affine, Kernel, Load, Product, loads, reads, writes

LANES = 32  # rows that a strided reduction takes at a time
WIDEST = 64  # bytes of the widest vector of any target
ROW_GRAIN, COLUMN_GRAIN = 16, 32  # of products: csrc/include/fnc_model.h has them too
FEW_ROWS = 64  # results with fewer rows than this, and than columns, are cut by columns
LEAST_LARGE = 1 << 15  # elements of the second operand: fewer are small to csrc/kern everywhere


@dataclass(frozen=True)
class Share:
    """`cut` is the axis: `alone` (the first worker does all), `rows` (of a product, or the first
    outer axis), `columns`, `batches`, or `either` rows or columns, as the sizes turn out; `panels`
    where an operand is packed.

    `extent` is cut at multiples of `grain`.
    """

    cut: str
    extent: Dim = 1
    grain: int = 1


ALONE = Share("alone")
PANELS = Share("panels")


def share(kernel: Kernel) -> Share:
    if kernel.product is not None:
        return _of_product(kernel.product)
    if kernel.stages[0].kind == "pack":
        return PANELS
    if not kernel.outer or any(s.kind == "scatter" for s in kernel.stages):
        return ALONE
    return Share("rows", kernel.loops[0].domain[0], _grain(kernel))


def _grain(kernel: Kernel) -> int:
    """A multiple of every vector that the compiler may fill with rows, so that no row is computed
    by other instructions than it would be alone."""
    if wants_lanes(kernel):
        return LANES
    return WIDEST // min(DTYPES[b.type.dtype].size for b in (*reads(kernel), *writes(kernel)))


def _of_product(product: Product) -> Share:
    """Any cut gives the same bits: csrc/kern/gemm.h. A small product keeps all of its columns in
    one piece, for its code is made for that width."""
    g, m, n, k = product.shape
    if not isinstance(g, int):
        return Share("batches", g)
    if isinstance(m, int):
        few = m < FEW_ROWS and (not isinstance(n, int) or m < n)
        return Share("columns", n, COLUMN_GRAIN) if few else Share("rows", m, ROW_GRAIN)
    large = isinstance(n, int) and isinstance(k, int) and n * k >= LEAST_LARGE
    return Share("either") if large else Share("rows", m, ROW_GRAIN)


def wants_lanes(kernel: Kernel) -> bool:
    """Does a reduction step through memory while the last outer axis is contiguous?"""
    if not kernel.outer or any(s.kind in ("argmax", "scatter") for s in kernel.stages):
        return False
    lane = kernel.outer - 1
    for stage in kernel.stages:
        if stage.reduced:
            ats = [e.at for e in loads(stage.expr) if isinstance(e, Load)]
            if any(_strided(at, lane, len(stage.domain) - 1) for at in ats):
                return True
    return False


def _strided(at: Affine, lane: int, last: int) -> bool:
    return at.coefficient(lane) == 1 and at.coefficient(last) not in (0, 1)
