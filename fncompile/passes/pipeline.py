"""The compiler's table of contents: the passes of each kind of entry, in order.

`requires` and `ensures` name properties of the program at hand; the manager checks that every
requirement was ensured by an earlier pass and that no pass breaks what verify checks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fncompile.passes.apply_optimizer import apply_optimizer
from fncompile.passes.differentiate import differentiate, drop_markers
from fncompile.passes.fuse import fuse
from fncompile.passes.halve import halve
from fncompile.passes.hoist import hoist
from fncompile.passes.layout import layout
from fncompile.passes.meet import meet
from fncompile.passes.memory import memory
from fncompile.passes.order import order
from fncompile.passes.pack import pack
from fncompile.passes.precision import precision
from fncompile.passes.simplify import simplify
from fncompile.passes.unify import unify


@dataclass(frozen=True)
class Pass:
    """One step; `run(program_or_plan, context)` gives the next program or plan."""

    name: str
    run: Callable[[Any, Any], Any]
    requires: frozenset[str] = frozenset()
    ensures: frozenset[str] = frozenset()
    optional: bool = False  # may be skipped with FNC_SKIP


def _pass(
    run, requires: str = "", ensures: str = "", name: str = "", optional: bool = False
) -> Pass:
    return Pass(
        name or run.__name__, run, frozenset(requires.split()), frozenset(ensures.split()), optional
    )


TRACED = _pass(unify, "traced", "sizes")
FORWARD = (
    _pass(drop_markers, "sizes", "unmarked"),
    _pass(simplify, "sizes", "simple", optional=True),
)
BACKWARD = (
    _pass(simplify, "sizes", "simple", optional=True),
    _pass(differentiate, "sizes", "gradients unmarked"),
    _pass(apply_optimizer, "gradients", "updates"),
    _pass(simplify, "updates", "simple", name="simplify_step", optional=True),
)
PLAN = (
    _pass(layout, "unmarked", "matrices"),
    _pass(simplify, "matrices", "simple", name="simplify_layout", optional=True),
    _pass(precision, "matrices", "wide"),
    _pass(fuse, "matrices wide", "plan"),
    _pass(pack, "plan", "plan", optional=True),
    _pass(order, "plan", "ordered"),
)
PLACE = (_pass(memory, "ordered", "placed"), _pass(meet, "placed", "met"))

# Program to Program, then Program to Plan: a kind of entry has a row in both.
TRANSFORM: dict[str, tuple[Pass, ...]] = {
    "infer": (TRACED, *FORWARD),
    "train": (TRACED, *BACKWARD),
}
LOWER: dict[str, tuple[Pass, ...]] = {
    "infer": (
        *PLAN,
        _pass(hoist, "ordered", "hoisted", optional=True),
        _pass(halve, "hoisted", optional=True),
        *PLACE,
    ),
    "train": (*PLAN, *PLACE),
}
