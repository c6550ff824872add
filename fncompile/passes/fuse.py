"""Program -> Plan: group the ops into kernels.

Requires: `layout` and `simplify` ran. Ensures: every node is computed by exactly one stage or
inlined into its readers; kernels read only what earlier kernels, or earlier stages of their own,
wrote; every edge between kernels has a recorded reason.

0. `inline` takes the bodies of scans apart: below, every stage belongs to the program or to one of
   its recurrences.
1. `materialize` decides which nodes lie in memory (Buffers) and which are inlined; `stages` makes
   one Stage for each node in memory that is computed.
2. `hazards` finds updates that must not be made in place, because the old value is still needed.
3. `turns` makes the tree of steps. `group` contracts edges of the graph of stages between which no
   repeat runs, first around contractions (epilogues), then along rows, and keeps it acyclic.
"""

from __future__ import annotations

from fncompile.ir.bounds import bounds
from fncompile.ir.by_sample import is_by_sample
from fncompile.ir.dims import symbols_of
from fncompile.ir.node import Program, toposort
from fncompile.passes.inline import inline
from fncompile.passes.materialize import materialize
from fncompile.passes.naming import name_kernels
from fncompile.passes.stages import make_stages
from fncompile.passes.turns import Turns
from fncompile.plan.types import Plan


def fuse(program: Program, context=None) -> Plan:
    allow = context.fusions if context is not None else (lambda name: True)
    not_in_place: set[str] = set()
    flat = inline(program)
    while True:
        memory = materialize(flat, not_in_place)
        carried = {
            r.symbol: tuple(memory.buffers[c.before] for c in r.carries) for r in flat.recurrences
        }
        turns = Turns(make_stages(memory), flat.recurrences, carried, allow)
        blocked = turns.hazards()
        if not blocked:
            break
        not_in_place |= blocked
    steps = turns.steps()
    return Plan(
        steps=name_kernels(steps),
        inputs=[memory.buffers[n] for n in program.inputs],
        outputs=memory.outputs,
        params=[memory.buffers[p] for p in program.params],
        symbols=symbols_of(d for n in toposort([*program.inputs, *program.roots]) for d in n.shape),
        constraints=program.constraints,
        bounds=bounds(program),
        ranges=program.ranges,
        by_sample=is_by_sample(program),
        decisions=[*memory.decisions, *turns.decisions],
        rewritten=list(context.rewritten) if context is not None else [],
    )
