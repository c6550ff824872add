"""The axes of a stage: which are left out, which comes last, and which become one expression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

import numpy as np

from fncompile.ir.dims import Dim, product
from fncompile.passes.loops import reindex, rewrite
from fncompile.plan.types import Affine, Apply, Expr, Load, Stage, axis_index


def without_units(stage: Stage) -> Stage:
    """Without kept axes of extent 1, so that stages over the same points share loops."""
    real = [i for i, d in enumerate(stage.domain) if d != 1 or i >= len(stage.kept)]
    if stage.kind in ("dot", "scatter", "routine") or len(real) == len(stage.domain):
        return stage
    axes = {i: Affine() for i in range(len(stage.domain))}
    axes |= {i: axis_index(new) for new, i in enumerate(real)}
    return reindex(stage, axes, tuple(stage.domain[i] for i in real), stage.reduced)


def adjacent_last(stage: Stage) -> Stage:
    """A reduction whose loads step through memory with the kept axis last along which they are
    adjacent: results lie side by side in a vector. Gradient of a depthwise 3x3, 32 images of 32 x
    32 x 32: 30 -> 0.8 ms (AMD Zen 4)."""
    kept = len(stage.kept)
    ats = [e.at for e in stage.loads if isinstance(e, Load)]
    walked = [at for at in ats if any(i >= kept for i, _ in at.terms)]
    steps = {at.coefficient(i) for at in walked for i in range(kept, len(stage.domain))}
    if stage.kind == "argmax" or not walked or 1 in steps:
        return stage
    adjacent = [i for i in range(kept) if {at.coefficient(i) for at in walked} == {1}]
    if not adjacent or adjacent == [kept - 1]:
        return stage
    order = [i for i in range(kept) if i != adjacent[-1]] + [adjacent[-1]]
    order += range(kept, len(stage.domain))
    axes = {old: axis_index(new) for new, old in enumerate(order)}
    return reindex(stage, axes, tuple(stage.domain[i] for i in order), stage.reduced)


MOST_UNROLLED = 25  # taps of a window
COMBINE = {"sum": "add", "prod": "mul", "max": "max", "min": "min"}


def unrolled(stage: Stage) -> Stage:
    """A short reduction of what lies beside each other along a kept axis, as one expression for
    each point: taps of windows, with channels side by side."""
    taps = stage.domain[len(stage.kept) :]
    count = product(taps)
    if not isinstance(count, int) or not 1 <= count <= MOST_UNROLLED or stage.kind not in COMBINE:
        return stage
    last = next((i for i in reversed(range(len(stage.kept))) if stage.kept[i] != 1), None)
    found = [e.at for e in stage.loads if isinstance(e, Load)]
    walked = [at for at in found if any(i >= len(stage.kept) for i, _ in at.terms)]
    if last is None or not 1 in {at.coefficient(last) for at in walked} <= {0, 1}:
        return stage
    terms = [_at_taps(stage, point) for point in np.ndindex(taps)]
    expr = reduce(lambda a, b: Apply(COMBINE[stage.kind], (a, b), stage.dtype), terms)
    return replace(stage, kind="map", domain=stage.kept, reduced=0, expr=expr)


def _at_taps(stage: Stage, point: Sequence[int]) -> Expr:
    axes = {i: axis_index(i) for i in range(len(stage.kept))}
    axes.update((len(stage.kept) + i, Affine(tap)) for i, tap in enumerate(point))
    return rewrite(stage.expr, lambda e: e, lambda at: at.map_axes(axes))


MOST_BESIDE = 12  # sums whose vectors stay in registers


def beside(stage: Stage) -> list[Stage]:
    """A reduction for each point of its first kept axes, where these are few and share loads: the
    kernel that they become reads once what all of them need. Gradient of a depthwise 3x3, 32 images
    of 16 x 16 x 128: 820 -> 260 us (AMD Zen 4)."""
    *first, last = range(len(stage.kept)) if stage.kept else (0,)
    points = [stage.domain[i] for i in first]
    count = product(points)
    known = isinstance(count, int) and 2 <= count <= MOST_BESIDE
    ats = [e.at for e in stage.loads if isinstance(e, Load)]
    if stage.kind != "sum" or not known or len(ats) < len(stage.loads):
        return [stage]
    walked = [at for at in ats if any(i >= len(stage.kept) for i, _ in at.terms)]
    shared = any(at.coefficient(last) == 1 and not _moves(at, first) for at in walked)
    if not shared or not {at.coefficient(last) for at in walked} <= {0, 1}:
        return [stage]
    if not all(_in_one_row(s.at, stage.domain, last) for s in stage.stores):
        return [stage]
    return [_at_point(stage, point) for point in np.ndindex(*points)]


def _in_one_row(at: Affine, domain: Sequence[Dim], row: int) -> bool:
    """Do all points of one row, number `row` of the axes, lie before those of the next?"""
    reach = sum((at.coefficient(i) * (domain[i] - 1) for i in range(row)), at.offset)
    step = at.coefficient(row)
    return isinstance(reach, int) and isinstance(step, int) and 0 <= reach < step


def _moves(at: Affine, axes: Sequence[int]) -> bool:
    return any(at.coefficient(i) != 0 for i in axes)


def _at_point(stage: Stage, point: Sequence[int]) -> Stage:
    """Without its first axes, which are at `point`."""
    axes = {i: Affine(number) for i, number in enumerate(point)}
    axes |= {i: axis_index(i - len(point)) for i in range(len(point), len(stage.domain))}
    return reindex(stage, axes, stage.domain[len(point) :], stage.reduced)
