"""Move work on weights alone out of the step.

Requires: ordered kernels of a program that leaves its weights as they are. Ensures: `plan.prepare`
holds every kernel that reads nothing but parameters, constants and what such kernels computed, and
that needs no size known only at a call; `plan.prepared_offsets` the place of each of their results;
the others stay in `plan.kernels`.
Example: the reciprocal standard deviation of a BatchNormalization at inference, a transposed
kernel.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace

from fncompile.ir.dims import Poly, evaluate, is_static
from fncompile.passes.memory import round_up
from fncompile.plan.types import (
    Buffer,
    Kernel,
    Plan,
    Repeat,
    Step,
    reads,
    root_buffer,
    writes,
)


def hoist(plan: Plan, context=None) -> Plan:
    moved = movable(plan)
    offsets: dict[Buffer, int] = {}
    end = 0
    for kernel in moved:
        written = {root_buffer(b) for b in writes(kernel)}
        for buffer in sorted(written - offsets.keys(), key=lambda b: b.name):
            offsets[buffer] = end
            end += evaluate(round_up(buffer.type.nbytes), {})
    steps = _without(plan.steps, {id(k) for k in moved})
    return replace(plan, steps=steps, prepare=moved, prepared_offsets=offsets, prepared=end)


def _without(steps: Iterable[Step], moved: set[int]) -> list[Step]:
    left = [s for s in steps if id(s) not in moved]
    return [
        replace(s, body=tuple(_without(s.body, moved))) if isinstance(s, Repeat) else s
        for s in left
    ]


def movable(plan: Plan) -> list[Kernel]:
    """The kernels that depend on weights alone, in order."""
    changed = {
        root_buffer(b) for k in plan.kernels for b in writes(k) if root_buffer(b).kind == "param"
    }
    writers = Counter(b for k in plan.kernels for b in {root_buffer(b) for b in writes(k)})
    moved: list[Kernel] = []
    made: set[Buffer] = set()
    for kernel in plan.kernels:
        written = {root_buffer(b) for b in writes(kernel)}
        temporary = all(
            b.kind == "arena" and is_static(b.type.shape) and writers[b] == 1 for b in written
        )
        if temporary and _depends_on_weights_alone(kernel, changed, made):
            moved.append(kernel)
            made |= written
    return moved


def _depends_on_weights_alone(
    kernel: Kernel, changed: set[Buffer], prepared: set[Buffer]
) -> bool:
    sources = {root_buffer(b) for b in reads(kernel)}
    return not _needs_sizes(kernel) and all(
        b in prepared or b.kind == "const" or (b.kind == "param" and b not in changed)
        for b in sources
    )


def _needs_sizes(kernel: Kernel) -> bool:
    """Is there a symbolic extent in its loops, its indices or its conditions?"""
    stack, seen = list(kernel.stages), set()
    while stack:
        part = stack.pop()
        if isinstance(part, Poly):
            return True
        if isinstance(part, (tuple, list)):
            stack.extend(part)
        elif is_dataclass(part) and id(part) not in seen:
            seen.add(id(part))
            stack.extend(getattr(part, f.name) for f in fields(part))
    return False
