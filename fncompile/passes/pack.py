"""Make the packed operands that schedules ask for.

Requires: a scheduled Plan. Ensures: every operand of a variant lies as its driver takes it; a
packed one is a buffer of its own, written by a kernel of kind `pack`, which is shared by all
products that read the same matrix in the same layout, and which `hoist` moves to `prepare` where it
depends on weights alone; a copy made only to bring an operand into rows (a transpose) is left out.

In the Plan a packed buffer holds its matrix by rows; where its elements lie in C is up to
csrc/kern/gemm_pack.h, and for products of bfloat16 to csrc/kern/bf16_pack.h, which keeps them in
two bytes each. Where a guarded variant does without, its kernel packs nothing, or, for one that
swaps operands, the left one in the same place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from fncompile.ir.dims import Dim, symbols_of
from fncompile.ir.node import Node
from fncompile.ir.types import DTYPES, TensorType, at_hand
from fncompile.passes.naming import Temporaries, stem
from fncompile.passes.sources import Source, Writes, copies_of, read, sources, written
from fncompile.plan.machine import machine
from fncompile.plan.partition import partition_of
from fncompile.plan.schedule import DRIVERS, Schedule, Variant
from fncompile.plan.types import (
    Affine,
    Buffer,
    Kernel,
    Load,
    Loop,
    Operand,
    Plan,
    Repeat,
    Stage,
    Step,
    Store,
    axis_index,
    operands,
)


def pack(plan: Plan, context=None) -> Plan:
    copies = copies_of(plan.kernels)
    found = dict(zip(map(id, plan.kernels), sources(plan), strict=True))
    steps = _packed(plan.steps, found, _Operands())
    return replace(plan, steps=_without_idle_copies(steps, copies))


def _packed(
    steps: Iterable[Step], found: dict[int, Source | None], there: _Operands
) -> list[Step]:
    out: list[Step] = []
    for step in steps:
        if isinstance(step, Repeat):
            there.writes.note(step)
            body = _packed(step.body, found, there)
            before = [k for k in body if _is_invariant(k, step)]
            out += [*before, replace(step, body=tuple(k for k in body if k not in before))]
        else:
            made, kernel = there.served(step, found[id(step)])
            out += [*made, kernel]
        there.writes.note(step)
    return out


def _is_invariant(step: Step, repeat: Repeat) -> bool:
    """Does it pack the same in every turn?"""
    if isinstance(step, Repeat) or step.stages[0].kind != "pack":
        return False
    places = [o.at for o in operands(step)]
    moving = any(repeat.symbol in symbols_of([a.offset, *(c for _, c in a.terms)]) for a in places)
    return not moving and not read(step) & written(repeat)


def _without_idle_copies(steps: list[Step], copies: dict[Buffer, Kernel]) -> list[Step]:
    needed = {b for s in steps for b in read(s)}
    idle = {id(k) for b, k in copies.items() if b not in needed}
    return [s for s in steps if id(s) not in idle]


class _Operands:
    """The packed operands there are, as long as what they were made of has not changed."""

    def __init__(self) -> None:
        self._made: dict[tuple[Source, int], Operand] = {}
        self.writes = Writes()
        self._names = Temporaries()

    def _key(self, source: Source) -> tuple[Source, int]:
        return source, self.writes.of(source.buffer)

    def served(self, kernel: Kernel, source: Source | None) -> tuple[list[Kernel], Kernel]:
        """What must be packed first, and the kernel with the operands of its variants."""
        product = kernel.product
        if product is None or kernel.schedule is None:
            return [], kernel
        made: list[Kernel] = []
        if any(map(_reads_panels, kernel.schedule.variants)):
            assert source is not None
            if self._key(source) not in self._made:
                name = self._names.new(stem(_node(kernel), "panels"))
                packer, self._made[self._key(source)] = _panels(source, kernel, name)
                made.append(packer)
        variants = tuple(self._served(v, kernel, source) for v in kernel.schedule.variants)
        kernel = replace(kernel, schedule=replace(kernel.schedule, variants=variants))
        if source is None or any(v.b == product.b for v in variants):
            return made, kernel
        return made, _reading(kernel, source.operand.of_batches(product.b.batches))

    def _served(self, variant: Variant, kernel: Kernel, source: Source | None) -> Variant:
        product, layout = kernel.product, DRIVERS[variant.driver].b
        assert product is not None
        if layout == "any" or source is None or variant.driver == "tiles":
            return replace(variant, a=product.a, b=product.b)
        if variant.driver == "swapped":
            place = self._made[self._key(source)]
            left = _left_panels(product.matrix_shape[0], place.buffer)
            return replace(variant, a=left, b=source.operand)
        b = source.operand if layout == "rows" else self._made[self._key(source)]
        return replace(variant, a=product.a, b=b.of_batches(product.b.batches))


def _reads_panels(variant: Variant) -> bool:
    """Does the variant read a packed operand: b, or a in its place?"""
    driver = DRIVERS[variant.driver]
    return "panels" in (driver.a, driver.b)


def _left_panels(rows: Dim, place: Buffer) -> Operand:
    """The left operand of as many rows, packed by columns where the right one would be."""
    return Operand(place, Affine(0, ((1, 1), (2, rows))), "panels")


def _reading(kernel: Kernel, right: Operand) -> Kernel:
    """The kernel of a product whose right operand lies elsewhere."""
    [loop] = kernel.loops
    head = loop.stages[0]
    assert head.product is not None
    head = replace(head, product=replace(head.product, b=right))
    return replace(kernel, loops=(Loop((head, *loop.stages[1:])),))


def _panels(source: Source, reader: Kernel, name: str) -> tuple[Kernel, Operand]:
    """The kernel that packs panels for `reader` in a buffer `name`, and what reads them."""
    panel = machine().panel_bytes // DTYPES[source.buffer.type.dtype].size
    width = -(-max(source.columns, _rows_in_place(reader)) // panel) * panel
    type = at_hand(TensorType(source.dtype, (source.rows, width)))
    buffer = Buffer(name, type, "arena")
    at = Affine(0, ((0, source.columns), (1, 1)))
    domain = (source.rows, source.columns)
    expr = Load(source.buffer, source.at, source.dtype)
    stage = Stage(_node(reader), "pack", domain, 0, expr, (Store(buffer, at),), source.dtype)
    by_row = at.map_axes({0: axis_index(1), 1: axis_index(2)})
    kernel = Kernel("", 2, (Loop((stage,)),))
    schedule = Schedule(partition_of(kernel), _packing(source, reader))
    return replace(kernel, schedule=schedule), Operand(buffer, by_row, "panels")


def _rows_in_place(reader: Kernel) -> int:
    """At most how many rows of the left operand lie there in place of the columns of the right."""
    assert reader.schedule is not None and reader.product is not None
    rows = reader.product.matrix_shape[0]
    swapped = [v for v in reader.schedule.variants if v.driver == "swapped"]
    most = [v.guard.most if v.guard is not None else rows for v in swapped]
    return max((m for m in most if isinstance(m, int)), default=0)


def _packing(source: Source, reader: Kernel) -> tuple[Variant, ...]:
    """What is packed for each variant of the reader: nothing where it packs strips on its way, the
    left operand where it swaps, and the right one for all others."""
    assert reader.schedule is not None and reader.product is not None
    variants = reader.schedule.variants
    other = {"packing": Variant("nothing")}
    if any(v.driver == "swapped" for v in variants):
        rows = reader.product.matrix_shape[0]
        other["swapped"] = Variant("pack", reader.product.a.transposed, columns=rows)
    right = Variant("pack", source.operand, columns=source.columns)
    return _merged([replace(other.get(v.driver, right), guard=v.guard) for v in variants])


def _merged(variants: list[Variant]) -> tuple[Variant, ...]:
    """Without those that do what the next one does."""
    out: list[Variant] = []
    for variant in reversed(variants):
        if not out or replace(variant, guard=None) != replace(out[0], guard=None):
            out.insert(0, variant)
    return tuple(out)


def _node(reader: Kernel) -> Node:
    return reader.stages[0].node
