"""Keep what lives within one row of a kernel out of the arena.

Requires: ordered kernels. Ensures: a buffer that one kernel alone touches, and each row of the
kernel its own row of it, is `local`: its type is that of one row, and indices count within that. In
C it is an array on the stack, which the next row uses again, so it stays in the nearest cache. Rows
of unknown length stay in the arena, and so do those of a kernel that computes several rows side by
side. One look at every access: linear in their number.
Example: exp(x - max) of a softmax, which its sum and the division read.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from fncompile.ir.dims import Dim
from fncompile.ir.types import TensorType
from fncompile.passes.loops import rewrite
from fncompile.plan.machine import machine
from fncompile.plan.types import (
    Affine,
    Buffer,
    Expr,
    Kernel,
    Load,
    Loop,
    Plan,
    Stage,
    Store,
    buffer_of,
    mapped,
    operands,
    reads,
    repeats_of,
    root_buffer,
    writes,
)


@dataclass(frozen=True)
class Access:
    """Element `at` of a buffer, over `domain`."""

    at: Affine
    domain: tuple[Dim, ...]


def localize(plan: Plan, context=None) -> Plan:
    touching = Counter(
        root
        for kernel in (*plan.prepare, *plan.kernels)
        for root in {root_buffer(b) for b in reads(kernel) | writes(kernel)}
    )
    kept = {root_buffer(b) for repeat in repeats_of(plan.steps) for b in repeat.carries}
    own = {b for b, n in touching.items() if n == 1 and b.kind == "arena" and b not in kept}
    return replace(plan, steps=mapped(plan.steps, lambda k: _with_locals(k, own)))


def _with_locals(kernel: Kernel, own: set[Buffer]) -> Kernel:
    if kernel.schedule is not None and kernel.schedule.lanes != 1:
        return kernel
    if any(s.kind in ("dot", "pack", "scatter", "routine") for s in kernel.stages):
        return kernel
    locals_: dict[Buffer, Buffer] = {}
    left = machine().local_bytes
    for buffer, accesses in sorted(_accesses(kernel, own).items(), key=lambda item: item[0].name):
        row = _row(accesses, kernel.outer)
        local = Buffer(buffer.name, TensorType(buffer.type.dtype, (row or 0,)), "local")
        size = local.type.nbytes
        if row is not None and isinstance(size, int) and size <= left:
            locals_[buffer] = local
            left -= size
    return _moved(kernel, locals_) if locals_ else kernel


def _accesses(kernel: Kernel, own: set[Buffer]) -> dict[Buffer, list[Access]]:
    """To the buffers in `own` that are touched as a whole, by plain loads and stores."""
    found: dict[Buffer, list[Access]] = {}
    other = {o.buffer for o in operands(kernel)}
    for stage in kernel.stages:
        plain = [e for e in stage.loads if isinstance(e, Load)]
        other |= {buffer_of(e) for e in stage.loads if not isinstance(e, Load)}
        for e in plain:
            found.setdefault(e.buffer, []).append(Access(e.at, stage.domain))
        for store in stage.stores:
            found.setdefault(store.buffer, []).append(Access(store.at, stage.kept))
    parts = {root_buffer(b) for b in (*found, *other) if b.base is not None}
    return {b: a for b, a in found.items() if b in own and b not in other | parts}


def _row(accesses: list[Access], outer: int) -> int | None:
    """How many elements a row has; None where that, or which row it is, is not known."""
    rows = {tuple(t for t in a.at.terms if t[0] < outer) for a in accesses}
    lengths = [_length(a, outer) for a in accesses]
    known = [n for n in lengths if n is not None]
    return max(known) if len(rows) == 1 and len(known) == len(lengths) else None


def _length(access: Access, outer: int) -> int | None:
    """One more than the last element of the row that it touches."""
    last = access.at.offset
    for axis, step in access.at.terms:
        if axis >= outer:
            if not isinstance(step, int) or step < 0:
                return None
            last = last + (access.domain[axis] - 1) * step
    return last + 1 if isinstance(last, int) and last >= 0 else None


def _moved(kernel: Kernel, locals_: dict[Buffer, Buffer]) -> Kernel:
    def within(at: Affine) -> Affine:
        return Affine(at.offset, tuple(t for t in at.terms if t[0] >= kernel.outer))

    def leaf(e: Expr) -> Expr:
        if not isinstance(e, Load) or e.buffer not in locals_:
            return e
        return replace(e, buffer=locals_[e.buffer], at=within(e.at))

    def stage_of(stage: Stage) -> Stage:
        stores = [
            Store(locals_[s.buffer], within(s.at)) if s.buffer in locals_ else s
            for s in stage.stores
        ]
        return replace(stage, expr=rewrite(stage.expr, leaf), stores=tuple(stores))

    loops = [Loop(tuple(map(stage_of, loop.stages))) for loop in kernel.loops]
    return replace(kernel, loops=tuple(loops))
