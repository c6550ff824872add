"""Add gradients to the sums that runs of parameters have of them: a step that is done in parts.

Requires: outputs `grad:<name>`; `context.runs` says which trainable parameters lie side by side in
memory. Ensures: those parameters are slices of one parameter per run, the sum of each run's
gradients, `<run>.gradient`, is updated, and the gradient outputs are gone. What the optimizer makes
of the sums is a program of its own.
"""

from __future__ import annotations

from dataclasses import replace

from fncompile.ir import build
from fncompile.ir.node import Origin, Program, coming_from
from fncompile.passes.apply_optimizer import gradient_of, slice_params


def keep_gradients(program: Program, context) -> Program:
    outputs = {k: n for k, n in program.outputs.items() if not k.startswith("grad:")}
    grads = {
        k.removeprefix("grad:"): n for k, n in program.outputs.items() if k.startswith("grad:")
    }
    updates = dict(program.updates)
    with coming_from(Origin("gradients")):
        for run in context.runs:
            updates[run.gradient] = build.ew("add", run.gradient, gradient_of(run, grads))
    params = (*program.params, *(run.gradient for run in context.runs))
    kept = replace(program, outputs=outputs, updates=updates, params=params)
    return slice_params(kept, context.runs)
