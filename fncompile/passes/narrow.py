"""Keep numbers of bfloat16 in two bytes an element where kernels hand them on.

Requires: every operand lies as its driver takes it. Ensures: a temporary that only products of
bfloat16 read as their left operand, or pack, and whatever else computes in bfloat16, is of that
dtype in memory if more than one kernel touches it, or a product of its own reads it: tiles read its
words where they lie (csrc/kern/gemm_bf16.h), and half as many bytes move. What one kernel alone
writes and reads is as wide as its numbers are at hand.
Example: activations between two convolutions, or between one and its depthwise window: MobileNet at
batch 32 predicts in 11.3 -> 10.4 ms, with the rows of windows that localize keeps near (AMD Zen 4).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from fncompile.ir.types import DTYPES, TensorType
from fncompile.passes.loops import rewrite
from fncompile.plan.schedule import DRIVERS
from fncompile.plan.types import (
    Buffer,
    Expr,
    Kernel,
    Load,
    Loop,
    Operand,
    Plan,
    Stage,
    Store,
    buffer_of,
    mapped,
    reads,
    repeats_of,
    root_buffer,
    writes,
)

NUMBERS = ("map", "dot", "sum", "max", "min", "prod")  # stages that store an element once


def narrow(plan: Plan, context=None) -> Plan:
    if not any(_has_words(s.dtype) for k in plan.kernels for s in k.stages):
        return plan
    touching = Counter(b for k in plan.kernels for b in {*reads(k), *writes(k)})
    found = {b for b, kernels in touching.items() if kernels > 1 and _temporary(b)}
    found |= {o.buffer for k in plan.kernels for o in _left(k) if _temporary(o.buffer)}
    found -= {root_buffer(b) for k in plan.prepare for b in (*reads(k), *writes(k))}
    found -= {root_buffer(b) for repeat in repeats_of(plan.steps) for b in repeat.carries}
    found -= {root_buffer(b) for k in plan.kernels for b in _wide(k)}
    new = {b: replace(b, type=TensorType("bfloat16", b.type.shape)) for b in found}
    return replace(plan, steps=mapped(plan.steps, lambda kernel: _moved(kernel, new)))


def _has_words(dtype: str) -> bool:
    """Do products read numbers of the dtype in two bytes?"""
    return DTYPES[dtype].widens and not DTYPES[dtype].emulated


def _temporary(buffer: Buffer) -> bool:
    return buffer.kind == "arena" and buffer.base is None and buffer.type.dtype == "float32"


def _left(kernel: Kernel) -> list[Operand]:
    """Operands that csrc/kern takes in two bytes as well."""
    if kernel.schedule is None or not _has_words(kernel.stages[0].dtype):
        return []
    variants = kernel.schedule.variants
    return [v.a for v in variants if v.a is not None and _takes_words(v.driver)]


def _takes_words(driver: str) -> bool:
    return driver == "pack" or DRIVERS[driver].b == "panels"


def _wide(kernel: Kernel) -> Iterator[Buffer]:
    """What the kernel touches in another way."""
    narrow = {id(operand) for operand in _left(kernel)}
    variants = kernel.schedule.variants if kernel.schedule is not None else ()
    yield from (o.buffer for v in variants for o in (v.a, v.b) if o and id(o) not in narrow)
    touched = [s.buffer for stage in kernel.stages for s in stage.stores]
    touched += [buffer_of(e) for stage in kernel.stages for e in stage.loads]
    yield from (b for b in touched if b.base is not None)
    for stage in kernel.stages:
        if stage.kind not in NUMBERS or not _has_words(stage.dtype):
            yield from (s.buffer for s in stage.stores)
        for e in stage.loads:
            plain = isinstance(e, Load) and _has_words(e.dtype)
            if not plain or stage.kind == "routine":
                yield buffer_of(e)


def _moved(kernel: Kernel, new: dict[Buffer, Buffer]) -> Kernel:
    product = kernel.product  # names where its matrices lie, also what packed operands are made of
    named = {product.a.buffer, product.b.buffer} if product is not None else set[Buffer]()
    if not new.keys() & {*reads(kernel), *writes(kernel), *named}:
        return kernel

    def leaf(e: Expr) -> Expr:
        return replace(e, buffer=new[e.buffer]) if isinstance(e, Load) and e.buffer in new else e

    def operand_of(o: Operand) -> Operand:
        return replace(o, buffer=new.get(o.buffer, o.buffer))

    def stage_of(stage: Stage) -> Stage:
        stores = tuple(Store(new.get(s.buffer, s.buffer), s.at) for s in stage.stores)
        product, row = stage.product, stage.row
        if product is not None:
            product = replace(product, a=operand_of(product.a), b=operand_of(product.b))
        row = None if row is None else rewrite(row, leaf)
        expr = rewrite(stage.expr, leaf)
        return replace(stage, expr=expr, stores=stores, row=row, product=product)

    loops = tuple(Loop(tuple(map(stage_of, loop.stages))) for loop in kernel.loops)
    schedule = kernel.schedule
    if schedule is not None:
        variants = [
            replace(v, a=v.a and operand_of(v.a), b=v.b and operand_of(v.b))
            for v in schedule.variants
        ]
        schedule = replace(schedule, variants=tuple(variants))
    return replace(kernel, loops=loops, schedule=schedule)
