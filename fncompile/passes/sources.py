"""What could be packed for each product: its right operand, or what that is a copy of.

Requires: kernels in order. Ensures: a copy is looked behind only as long as what it was made of has
not changed. `schedule` decides by it, `pack` reads it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from fncompile.ir.dims import Dim
from fncompile.ir.types import TensorType, at_hand
from fncompile.plan.types import (
    Affine,
    Buffer,
    Kernel,
    Load,
    Operand,
    Plan,
    Repeat,
    Step,
    axis_index,
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


def sources(plan: Plan) -> list[Source | None]:
    """What could be packed for each kernel: the right operand of a product."""
    return list(_sources(plan.steps, _Copies(plan.kernels)))


def _sources(steps: Iterable[Step], copies: _Copies) -> Iterator[Source | None]:
    for step in steps:
        if isinstance(step, Repeat):
            copies.writes.note(step)
            yield from _sources(step.body, copies)
        else:
            yield _source(step, copies)
        copies.writes.note(step)
        copies.add(step)


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


def copies_of(kernels: Iterable[Kernel]) -> dict[Buffer, Kernel]:
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
        and stage.expr.buffer.type.dtype == at_hand(TensorType(stage.dtype, ())).dtype
        and len(stage.stores) == 1
        and stage.stores[0].buffer.kind == "arena"
        and stage.stores[0].buffer.base is None
    )


class Writes:
    """How often each buffer has been written by now: what was made of it before is out of date
    after."""

    def __init__(self) -> None:
        self._counts: Counter[Buffer] = Counter()

    def note(self, step: Step) -> None:
        self._counts.update(written(step))

    def of(self, buffer: Buffer) -> int:
        return self._counts[root_buffer(buffer)]


class _Copies:
    """The copies there are, as long as what they were made of has not changed."""

    def __init__(self, kernels: Iterable[Kernel]):
        self.kernels = copies_of(kernels)
        self.writes = Writes()
        self._made: dict[Buffer, int] = {}  # how often the source had been written by then

    def add(self, step: Step) -> None:
        """Those that the step makes."""
        for buffer in written(step) & self.kernels.keys():
            self._made[buffer] = self.writes.of(self._source(buffer))

    def of(self, buffer: Buffer) -> Kernel | None:
        """What made `buffer`, if that still is a copy of its source."""
        made = self._made.get(buffer)
        current = made is not None and made == self.writes.of(self._source(buffer))
        return self.kernels[buffer] if current else None

    def _source(self, buffer: Buffer) -> Buffer:
        [source] = read(self.kernels[buffer])
        return source


def written(step: Step) -> set[Buffer]:
    return {root_buffer(b) for b in writes(step)}


def read(step: Step) -> set[Buffer]:
    return {root_buffer(b) for b in reads(step)}
