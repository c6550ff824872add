"""Program -> Plan: group the ops into kernels.

Requires: `layout` and `simplify` ran. Ensures: every node is computed by exactly one stage or
inlined into its readers; kernels read only what earlier kernels, or earlier stages of their own,
wrote; every edge between kernels has a recorded reason.

1. `materialize` decides which nodes lie in memory (Buffers) and which are inlined; `stages` makes
   one Stage for each node in memory that is computed.
2. `hazards` finds updates that must not be made in place, because the old value is still needed.
3. `group` contracts edges of the NetworkX graph of stages, first around contractions (epilogues),
   then along rows, and keeps it acyclic.
"""

from __future__ import annotations

from fncompile.ir.bounds import bounds
from fncompile.ir.dims import symbols_of
from fncompile.ir.node import Program, toposort
from fncompile.passes.grouping import group
from fncompile.passes.hazards import hazards
from fncompile.passes.materialize import materialize
from fncompile.passes.naming import name_kernels
from fncompile.passes.stages import make_stages
from fncompile.plan.types import Plan


def fuse(program: Program, context=None) -> Plan:
    allow = context.fusions if context is not None else (lambda name: True)
    not_in_place: set[str] = set()
    while True:
        memory = materialize(program, not_in_place)
        stages = make_stages(memory)
        blocked = hazards(stages)
        if not blocked:
            break
        not_in_place |= blocked
    kernels, decisions = group(stages, allow)
    return Plan(
        steps=name_kernels(kernels),
        inputs=[memory.buffers[n] for n in program.inputs],
        outputs=memory.outputs,
        params=[memory.buffers[p] for p in program.params],
        symbols=symbols_of(d for n in toposort([*program.inputs, *program.roots]) for d in n.shape),
        constraints=program.constraints,
        bounds=bounds(program),
        ranges=program.ranges,
        decisions=[*memory.decisions, *decisions],
        rewritten=list(context.rewritten) if context is not None else [],
    )
