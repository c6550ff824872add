"""Move work on weights alone out of the step.

Requires: ordered kernels of a program that leaves its weights as they are. Ensures: `plan.prepare`
holds every kernel that reads nothing but parameters, constants and what such kernels computed, and
that needs no size known only at a call; `plan.prepared_offsets` the place of each of their results;
the others stay in `plan.kernels`.
Example: the reciprocal standard deviation of a BatchNormalization at inference, a transposed
kernel.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace

from fncompile.ir.dims import Poly, evaluate, is_static
from fncompile.passes.memory import round_up
from fncompile.plan.types import Buffer, Kernel, Plan, reads, root_buffer, writes


def hoist(plan: Plan, context=None) -> Plan:
    changed = {
        root_buffer(b) for k in plan.kernels for b in writes(k) if root_buffer(b).kind == "param"
    }
    moved: list[Kernel] = []
    offsets: dict[Buffer, int] = {}
    end = 0
    for kernel in plan.kernels:
        written = {root_buffer(b) for b in writes(kernel)}
        if not _depends_on_weights_alone(kernel, changed, offsets) or not _writes_temporaries(
            plan, kernel, written
        ):
            continue
        moved.append(kernel)
        for buffer in sorted(written - offsets.keys(), key=lambda b: b.name):
            offsets[buffer] = end
            end += evaluate(round_up(buffer.type.nbytes), {})
    kernels = [k for k in plan.kernels if k not in moved]
    return replace(plan, kernels=kernels, prepare=moved, prepared_offsets=offsets, prepared=end)


def _depends_on_weights_alone(
    kernel: Kernel, changed: set[Buffer], prepared: dict[Buffer, int]
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


def _writes_temporaries(plan: Plan, kernel: Kernel, written: set[Buffer]) -> bool:
    """Only static temporaries that no other kernel writes a part of."""
    if not all(b.kind == "arena" and is_static(b.type.shape) for b in written):
        return False
    others = {root_buffer(b) for k in plan.kernels if k is not kernel for b in writes(k)}
    return not written & others
