"""Make the packed operands that schedules ask for.

Requires: a scheduled Plan. Ensures: every operand of a variant lies as its driver takes it; a
packed one is a buffer of its own, written by a kernel of kind `pack`, which is shared by all
products that read the same matrix in the same layout, and which `hoist` moves to `prepare` where it
depends on weights alone; a copy made only to bring an operand into rows (a transpose) is left out.

In the Plan a packed buffer holds its matrix by rows; where its elements lie in C is up to
csrc/kern/gemm_pack.h, and for products of bfloat16 to csrc/kern/gemm_bf16.h, which may keep them in
two bytes each. Where a guarded variant does without, its kernel packs nothing, or, for one that
swaps operands, the left one in the same place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from fncompile.ir.dims import Dim, symbols_of
from fncompile.ir.node import Node
from fncompile.ir.types import DTYPES, TensorType
from fncompile.passes.materialize import widened
from fncompile.passes.naming import Temporaries, stem
from fncompile.plan.machine import machine
from fncompile.plan.partition import lanes_of, partition_of
from fncompile.plan.schedule import DRIVERS, Schedule, Variant
from fncompile.plan.types import (
    Affine,
    Buffer,
    Const,
    Expr,
    Guarded,
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
    reads,
    root_buffer,
    writes,
)


@dataclass(frozen=True)
class Source:
    """The right operand of a product: element (k, n) lies at `at` with axes 0, 1."""

    buffer: Buffer
    at: Affine
    rows: Dim
    columns: int
    dtype: str

    @property
    def operand(self) -> Operand:
        """Of one batch."""
        return Operand(self.buffer, self.at.map_axes({0: axis_index(1), 1: axis_index(2)}))


def pack(plan: Plan, context=None) -> Plan:
    copies = _copies(plan.kernels)
    found = dict(zip(map(id, plan.kernels), sources(plan), strict=True))
    steps = _packed(plan.steps, found, _Operands())
    return replace(plan, steps=_without_idle_copies(steps, copies))


def sources(plan: Plan) -> list[Source | None]:
    """What could be packed for each kernel: the right operand of a product."""
    return list(_sources(plan.steps, _Copies(plan.kernels)))


def _sources(steps: Iterable[Step], copies: _Copies) -> Iterator[Source | None]:
    for step in steps:
        if isinstance(step, Repeat):
            copies.forget(step)
            yield from _sources(step.body, copies)
        else:
            yield _source(step, copies)
        copies.forget(step)
        copies.add(step)


class _Copies:
    """The copies there are, as long as what they were made of has not changed."""

    def __init__(self, kernels: Iterable[Kernel]):
        self.kernels = _copies(kernels)
        self._made: dict[Buffer, int] = {}  # how often the source had been written by then
        self._writes: Counter[Buffer] = Counter()

    def forget(self, step: Step) -> None:
        """Those of what the step writes."""
        self._writes.update(_written(step))

    def add(self, step: Step) -> None:
        """Those that the step makes."""
        for buffer in _written(step) & self.kernels.keys():
            self._made[buffer] = self._writes[self._source(buffer)]

    def of(self, buffer: Buffer) -> Kernel | None:
        """What made `buffer`, if that still is a copy of its source."""
        made = self._made.get(buffer)
        current = made is not None and made == self._writes[self._source(buffer)]
        return self.kernels[buffer] if current else None

    def _source(self, buffer: Buffer) -> Buffer:
        [source] = _read(self.kernels[buffer])
        return source


def _written(step: Step) -> set[Buffer]:
    return {root_buffer(b) for b in writes(step)}


def _packed(
    steps: Iterable[Step], found: dict[int, Source | None], there: _Operands
) -> list[Step]:
    out: list[Step] = []
    for step in steps:
        if isinstance(step, Repeat):
            there.forget(step)
            body = _packed(step.body, found, there)
            before = [k for k in body if _is_invariant(k, step)]
            out += [*before, replace(step, body=tuple(k for k in body if k not in before))]
        else:
            made, kernel = there.served(step, found[id(step)])
            out += [*made, kernel]
        there.forget(step)
    return out


def _is_invariant(step: Step, repeat: Repeat) -> bool:
    """Does it pack the same in every turn?"""
    if isinstance(step, Repeat) or step.stages[0].kind != "pack":
        return False
    places = [o.at for o in operands(step)]
    moving = any(repeat.symbol in symbols_of([a.offset, *(c for _, c in a.terms)]) for a in places)
    return not moving and not _read(step) & _written(repeat)


# sources ------------------------------------------------------------------------------------------


def _source(kernel: Kernel, copies: _Copies) -> Source | None:
    """None where the right operand has no fixed width, or no axis that is adjacent in memory."""
    product = kernel.product
    if product is None or not product.b.is_shared:
        return None
    _, columns, inner = product.matrix_shape
    if not isinstance(columns, int):
        return None
    right, dtype = product.b, kernel.stages[0].dtype
    source = Source(right.buffer, right.matrix, inner, columns, dtype)
    return _behind_copy(source, copies.of(right.buffer)) if _is_strided(source) else None


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


def _without_idle_copies(steps: list[Step], copies: dict[Buffer, Kernel]) -> list[Step]:
    read = {b for s in steps for b in _read(s)}
    idle = {id(k) for b, k in copies.items() if b not in read}
    return [s for s in steps if id(s) not in idle]


def _read(step: Step) -> set[Buffer]:
    return {root_buffer(b) for b in reads(step)}


# packed operands ----------------------------------------------------------------------------------


class _Operands:
    """The packed operands there are, as long as what they were made of has not changed."""

    def __init__(self) -> None:
        self._made: dict[tuple[Source, str, int], Operand] = {}
        self._writes: Counter[Buffer] = Counter()
        self._names = Temporaries()

    def forget(self, step: Step) -> None:
        """Those that were made of what the step writes."""
        self._writes.update(_written(step))

    def _key(self, source: Source, layout: str) -> tuple[Source, str, int]:
        return source, layout, self._writes[root_buffer(source.buffer)]

    def served(self, kernel: Kernel, source: Source | None) -> tuple[list[Kernel], Kernel]:
        """What must be packed first, and the kernel with the operands of its variants."""
        product = kernel.product
        if product is None or kernel.schedule is None:
            return [], kernel
        made: list[Kernel] = []
        for layout in dict.fromkeys(map(_packed_layout, kernel.schedule.variants)):
            if layout is None:
                continue
            assert source is not None
            if self._key(source, layout) not in self._made:
                name = self._names.new(stem(_node(kernel), layout))
                packer, operand = _PACKERS[layout](source, kernel, name)
                self._made[self._key(source, layout)] = operand
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
            place = self._made[self._key(source, "panels")]
            left = _left_panels(product.matrix_shape[0], place.buffer)
            return replace(variant, a=left, b=source.operand)
        b = source.operand if layout == "rows" else self._made[self._key(source, layout)]
        return replace(variant, a=product.a, b=b.of_batches(product.b.batches))


def _packed_layout(variant: Variant) -> str | None:
    """Of the packed operand that the variant reads: of b, or of a in its place."""
    driver = DRIVERS[variant.driver]
    return next((layout for layout in (driver.b, driver.a) if layout in _PACKERS), None)


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
    type = widened(TensorType(source.dtype, (source.rows, width)))
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
    other = {"strips": Variant("nothing")}
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


def _narrow(source: Source, reader: Kernel, name: str) -> tuple[Kernel, Operand]:
    """What fills the panels of csrc/kern/gemv_bf16.h, over (panel, k, word, half), and them."""
    depth, columns = source.rows, source.columns
    assert isinstance(depth, int)
    panel, across = machine().narrow_panel, machine().narrow_columns
    panels = -(-columns // across) * (across // panel)
    buffer = Buffer(name, TensorType(source.dtype, (panels, depth, panel)), "arena")
    column = Affine(0, ((0, panel), (2, 1), (3, panel // 2)))
    at = source.at.map_axes({0: axis_index(1), 1: column})
    expr: Expr = Load(source.buffer, at, source.dtype)
    if columns % across:
        zero = Const(0.0, source.dtype)
        expr = Guarded(((column, columns),), expr, zero, source.dtype)
    to = Affine(0, ((0, depth * panel), (1, panel), (2, 2), (3, 1)))
    domain = (panels, depth, panel // 2, 2)
    stage = Stage(_node(reader), "map", domain, 0, expr, (Store(buffer, to),), source.dtype)
    kernel = Kernel("", 2, (Loop((stage,)),))
    schedule = Schedule(partition_of(kernel), lanes=lanes_of(kernel))
    by_row = Affine(0, ((1, source.columns), (2, 1)))
    return replace(kernel, schedule=schedule), Operand(buffer, by_row, "narrow")


def _node(reader: Kernel) -> Node:
    return reader.stages[0].node


_PACKERS = {"panels": _panels, "narrow": _narrow}
