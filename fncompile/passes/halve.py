"""Let a step be called in two halves: what outputs need, then the rest.

Requires: ordered kernels. Ensures: the first `plan.first_half` steps compute the outputs, and none
of them waits for one of the others; the order is kept otherwise, and kernels are named by their
position. What the second half reads of the first must be in memory still, so both take their
temporaries from one arena.
"""

from __future__ import annotations

from dataclasses import replace

from fncompile.passes.naming import name_kernels
from fncompile.passes.order import before
from fncompile.plan.types import Plan, root_buffer, writes


def halve(plan: Plan, context=None) -> Plan:
    needed: set[int] = set()
    sources = before(plan.steps)
    for i in reversed(range(len(plan.steps))):
        gives = any(root_buffer(b).kind == "output" for b in writes(plan.steps[i]))
        if gives or i in needed:
            needed |= {i, *sources[i]}
    first = [s for i, s in enumerate(plan.steps) if i in needed]
    rest = [s for i, s in enumerate(plan.steps) if i not in needed]
    return replace(plan, steps=name_kernels([*first, *rest]), first_half=len(first))
