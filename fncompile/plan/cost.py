"""What a kernel costs: scalar operations, bytes moved, and work to be shared among threads."""

from __future__ import annotations

from collections.abc import Iterable

from fncompile.ir.dims import Dim, product
from fncompile.plan.types import (
    Apply,
    Buffer,
    Expr,
    Kernel,
    Repeat,
    Stage,
    Step,
    children,
    kept,
    memory_place,
    reads,
    writes,
)


@kept
def flops(kernel: Kernel) -> Dim:
    """Scalar functions computed, each counted as one; a multiply-add as two."""
    total: Dim = 0
    for stage in kernel.stages:
        total = total + _multiply_adds(stage) * 2
        if stage.routine is None:
            total = total + stage.size * (
                _applications(stage.expr) + (1 if stage.kind not in ("map", "dot", "pack") else 0)
            )
    return total


def _multiply_adds(stage: Stage) -> Dim:
    if stage.routine is not None:
        return stage.routine.work
    return product(stage.product.shape) if stage.product is not None else 0


def _applications(expr: Expr) -> int:
    seen: set[Expr] = set()
    stack = [expr]
    while stack:
        e = stack.pop()
        if e not in seen:
            seen.add(e)
            stack.extend(children(e))
    return sum(isinstance(e, Apply) for e in seen)


def bytes_of(buffers: Iterable[Buffer]) -> Dim:
    """Bytes of the pieces of memory that these are."""
    places = {(memory_place(b)[:2], b.type.nbytes) for b in buffers}
    return sum((nbytes for _, nbytes in places), 0)


@kept
def read_bytes(kernel: Kernel) -> Dim:
    """Bytes of every piece of memory that the kernel reads, each counted once."""
    return bytes_of(reads(kernel))


@kept
def written_bytes(kernel: Kernel) -> Dim:
    """Bytes of every piece of memory that the kernel writes, each counted once."""
    return bytes_of(writes(kernel))


def moved_bytes(kernel: Kernel) -> Dim:
    """Bytes read and bytes written."""
    return read_bytes(kernel) + written_bytes(kernel)


def amount(steps: Iterable[Step]) -> Dim:
    """The work of steps in multiply-adds of a product, or what takes as long: some four for each
    scalar function and one for each byte moved. Rough: it only tells small calls from large."""
    total: Dim = 0
    for kernel in steps:
        if isinstance(kernel, Repeat):
            total = total + amount(kernel.body) * kernel.count
            continue
        total = total + _amount(kernel)
    return total


@kept
def _amount(kernel: Kernel) -> Dim:
    products = sum((_multiply_adds(s) for s in kernel.stages), 0)
    return products + (flops(kernel) - products * 2) * 4 + moved_bytes(kernel)
