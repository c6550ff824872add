"""Take some samples of a large batch through all kernels, and then the next: what one kernel writes
is in a near cache when the next one reads it.

Requires: a placed plan. Ensures: `plan.slice` is how many samples go through all kernels at once,
or 0 for the whole batch. Their results have the same bits either way: no kernel combines samples.
A worker of a team takes slices of its own, and waits for nobody (csrc/rt/fnc_slices.h).
"""

from __future__ import annotations

from dataclasses import replace

from fncompile.ir.dims import Dim, evaluate, symbols_of
from fncompile.plan.cost import written_bytes
from fncompile.plan.machine import machine
from fncompile.plan.types import Plan, Repeat, root_buffer

MOST_ARRAYS = 64  # that csrc/rt/fnc_slices.h has room for


def slices(plan: Plan, context=None) -> Plan:
    few = max(len(plan.inputs), len(plan.outputs), len(plan.symbols)) <= MOST_ARRAYS
    return replace(plan, slice=_slice(plan)) if plan.by_sample and plan.steps and few else plan


def _slice(plan: Plan) -> int:
    """As many samples as the temporaries of fit in the cache, where these are worth it: more is
    written for them than weights are read again. Of recurrences, whose rows samples are, as many
    rows as the low tile has, or some times as many."""
    size = _of_samples(plan.arena, 1)
    if not machine().slice_least <= size <= 2 * machine().slice_bytes:
        return 0  # not all temporaries are in use at once
    count = max(1, machine().slice_bytes // size)
    if any(isinstance(step, Repeat) for step in plan.steps):
        count = max(1, count // machine().tile_rows) * machine().tile_rows
    written = sum(_of_samples(written_bytes(k), count) for k in plan.kernels)
    weights = {root_buffer(b) for b in plan.params}
    read = plan.prepared + sum(_of_samples(b.type.nbytes, 1) for b in weights)
    return count if read <= written else 0


def _of_samples(size: Dim, count: int) -> int:
    sizes = dict.fromkeys(symbols_of([size]), machine().typical)
    return evaluate(size, sizes | {"B": count})
