"""Call the parts of a run of parameters by the parameters' own names.

Requires: a Plan with everything decided, for which a run is one buffer. Ensures: a kernel that
leaves a run alone reads the buffer of each parameter, inside that of the run, as far as an access
stays within one; in a kernel that updates pieces of it, a piece that is one parameter is called
like it. Nothing else changes: the addresses are the same.
Example: run[64 * k + n + 50240] -> digit/kernel[64 * k + n].
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from fncompile.ir.dims import Dim
from fncompile.ir.types import TensorType
from fncompile.passes.apply_optimizer import Run
from fncompile.passes.loops import rewrite
from fncompile.plan.schedule import Variant
from fncompile.plan.types import (
    Affine,
    Buffer,
    Expr,
    GatherLoad,
    Kernel,
    Load,
    Loop,
    Operand,
    Plan,
    Product,
    Stage,
    Store,
    mapped,
    root_buffer,
    writes,
)


@dataclass(frozen=True, order=True)
class Part:
    """Elements `start` .. `end` - 1 of a run, which are the parameter `name`."""

    start: int
    end: int
    name: str
    shape: tuple[Dim, ...] = field(compare=False)


Parts = Mapping[Buffer, Sequence[Part]]  # of each run, in the order of memory


def members(plan: Plan, context) -> Plan:
    parts = {b: _parts(b, run) for run in context.runs for b in plan.params if _is_of(b, run)}
    return replace(plan, steps=mapped(plan.steps, lambda kernel: _named(kernel, parts)))


def _is_of(buffer: Buffer, run: Run) -> bool:
    """Is it the run, or one of its optimizer's slots?"""
    return buffer.name.partition(".")[0] == run.name


def _parts(buffer: Buffer, run: Run) -> list[Part]:
    slot = buffer.name.removeprefix(run.name)
    found = []
    for member in run.members:
        size = member.type.size
        assert isinstance(size, int)
        end, name = member.offset + size, f"{member.name}{slot}"
        found.append(Part(member.offset, end, name, member.type.shape))
    return sorted(found)


def _named(kernel: Kernel, parts: Parts) -> Kernel:
    names = _Names(parts, {root_buffer(b) for b in writes(kernel)})
    loops = tuple(Loop(tuple(map(names.stage, loop.stages))) for loop in kernel.loops)
    kernel = replace(kernel, loops=loops)
    if kernel.schedule is None:
        return kernel
    variants = tuple(names.variant(v, kernel) for v in kernel.schedule.variants)
    return replace(kernel, schedule=replace(kernel.schedule, variants=variants))


class _Names:
    """New buffers for a kernel that writes to the parameters `updated`."""

    def __init__(self, parts: Parts, updated: set[Buffer]):
        self.parts, self.updated = parts, updated

    def stage(self, stage: Stage) -> Stage:
        def leaf(e: Expr) -> Expr:
            if isinstance(e, Load):
                buffer, at = self._place(e.buffer, e.at, _range(e.at, stage.domain))
            elif isinstance(e, GatherLoad):
                reach = _range(e.at, stage.domain), _range(Affine(0, ((0, e.stride),)), (e.rows,))
                buffer, at = self._place(e.buffer, e.at, _added(*reach))
            else:
                return e
            return replace(e, buffer=buffer, at=at)

        stores = tuple(Store(self._piece(s.buffer), s.at) for s in stage.stores)
        product, row = stage.product, stage.row
        return replace(
            stage,
            expr=rewrite(stage.expr, leaf),
            row=None if row is None else rewrite(row, leaf),
            stores=stores,
            product=None if product is None else self._product(product),
        )

    def variant(self, variant: Variant, kernel: Kernel) -> Variant:
        product = kernel.product
        if product is None:  # it packs
            rows = kernel.stages[0].domain[0]
            return replace(variant, a=self._operand(variant.a, (1, rows, variant.columns)))
        a = self._operand(variant.a, product.left_domain)
        return replace(variant, a=a, b=self._operand(variant.b, product.right_domain))

    def _product(self, product: Product) -> Product:
        a = self._operand(product.a, product.left_domain)
        b = self._operand(product.b, product.right_domain)
        assert a is not None and b is not None
        return replace(product, a=a, b=b)

    def _operand(self, operand: Operand | None, extents: Sequence[Dim]) -> Operand | None:
        if operand is None or operand.layout != "strided":
            return operand
        buffer, at = self._place(operand.buffer, operand.at, _range(operand.at, extents))
        return replace(operand, buffer=buffer, at=at)

    def _place(
        self, buffer: Buffer, at: Affine, reach: tuple[int, int] | None
    ) -> tuple[Buffer, Affine]:
        """The buffer and index by which elements `reach` of `buffer` are read."""
        part = None if reach is None or buffer in self.updated else self._part(buffer, *reach)
        if part is None:
            return self._piece(buffer), at
        type = TensorType(buffer.type.dtype, part.shape)
        own = Buffer(part.name, type, buffer.kind, buffer.index, buffer, part.start)
        return own, at.shift(-part.start)

    def _part(self, run: Buffer, first: int, last: int) -> Part | None:
        """The parameter that has both elements."""
        parts = self.parts.get(run, ())
        at = bisect_right(parts, first, key=lambda part: part.start) - 1
        return parts[at] if at >= 0 and last < parts[at].end else None

    def _piece(self, buffer: Buffer) -> Buffer:
        """A piece that the kernel updates, called like the parameter that it is."""
        base = buffer.base
        if base is None or root_buffer(base) not in self.parts:
            return buffer
        if base.base is not None:  # the new value of a piece
            base = self._piece(base)
            return replace(buffer, base=base, name=f"{base.name}'")
        start, size = buffer.offset, buffer.type.size
        assert isinstance(start, int) and isinstance(size, int)
        part = self._part(base, start, start + size - 1)
        whole = part is not None and part.end - part.start == size
        return replace(buffer, name=part.name) if part is not None and whole else buffer


def _range(at: Affine, extents: Sequence[Dim]) -> tuple[int, int] | None:
    """The first and the last element; None where that is not known."""
    first = last = at.offset
    for axis, step in at.terms:
        way = step * (extents[axis] - 1)
        if not isinstance(way, int):
            return None
        first, last = first + min(way, 0), last + max(way, 0)
    return (first, last) if isinstance(first, int) and isinstance(last, int) else None


def _added(a: tuple[int, int] | None, b: tuple[int, int] | None) -> tuple[int, int] | None:
    return (a[0] + b[0], a[1] + b[1]) if a and b else None
