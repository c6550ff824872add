"""Parts of a run are called by the parameters' names, at the addresses that they had."""

from __future__ import annotations

import pytest

from fncompile.passes import manager
from fncompile.plan import machine
from fncompile.plan.types import Plan, operands, root_buffer, writes
from tests.programs.steps import RandomStep, machine_numbers


def places(plan: Plan) -> list:
    """Every access of every kernel: the outermost buffer, and the index within that."""
    found = []
    for kernel in plan.kernels:
        accesses = [(o.buffer, o.at) for o in operands(kernel)]
        for stage in kernel.stages:
            accesses += [(e.buffer, e.at) for e in stage.loads if hasattr(e, "buffer")]
            accesses += [(s.buffer, s.at) for s in stage.stores]
        for buffer, at in accesses:
            while buffer.base is not None:
                at, buffer = at.shift(buffer.offset), buffer.base
            found.append((kernel.name, buffer, at))
    return sorted(found, key=repr)


@pytest.mark.parametrize("seed", range(12))
def test_every_address_stays(seed):
    step = RandomStep(seed)
    after: dict[str, Plan] = {}
    context = step.context()
    context.observe = lambda name, plan: after.__setitem__(name, plan)
    with machine.drawn(**machine_numbers(seed)):
        manager.lower(step.program, "train", context)
    assert places(after["barriers"]) == places(after["members"])


@pytest.mark.parametrize("seed", range(12))
def test_kernels_that_leave_a_run_alone_read_parameters(seed):
    """The run itself is read only by what goes along all of it."""
    step = RandomStep(seed)
    plan = manager.lower(step.program, "train", step.context())
    runs = {b for b in plan.params if b.name in {r.name for r in step.runs}}
    named = {m.name for r in step.runs for m in r.members}
    whole = {b.type.shape for b in runs}
    seen = set()
    for kernel in plan.kernels:
        along = whole & {s.domain for s in kernel.stages}
        if along or {root_buffer(b) for b in writes(kernel)} & runs:
            continue
        read = {o.buffer for o in operands(kernel)}
        read |= {e.buffer for s in kernel.stages for e in s.loads if hasattr(e, "buffer")}
        inside = {b.name for b in read if root_buffer(b) in runs}
        assert inside <= named, kernel.name
        seen |= inside
    assert seen
