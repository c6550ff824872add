"""The compiler's table of contents: the passes of each kind of entry, in order.

`requires` and `ensures` name properties of the program at hand; the manager checks that every
requirement was ensured by an earlier pass and that no pass breaks what verify checks. A pass is
imported when it first runs: a program that is found compiled does without the planner.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Pass:
    """One step; `run(program_or_plan, context)` gives the next program or plan.

    `function` is `module` or `module.function`; the module has a function of its own name.
    """

    name: str
    function: str
    requires: frozenset[str] = frozenset()
    ensures: frozenset[str] = frozenset()
    optional: bool = False  # may be skipped with FNC_SKIP

    def run(self, subject: Any, context: Any) -> Any:
        module, _, function = self.function.partition(".")
        found = import_module(f"fncompile.passes.{module}")
        return getattr(found, function or module)(subject, context)


def _pass(
    function: str, requires: str = "", ensures: str = "", name: str = "", optional: bool = False
) -> Pass:
    name = name or function.split(".")[-1]
    return Pass(
        name, function, frozenset(requires.split()), frozenset(ensures.split()), optional
    )


def _of_gradients(requires: str) -> tuple[Pass, ...]:
    """What rewrites gradients, wherever they came from."""
    return (
        _pass("sums", requires, optional=True),
        _pass("slopes", requires, optional=True),
        _pass("masks", requires, optional=True),
    )


TRACED = _pass("unify", "traced", "sizes")
FORWARD = (
    _pass("rewrite", "sizes", optional=True),
    _pass("attention", "sizes", optional=True),
    _pass("differentiate.drop_markers", "sizes", "unmarked"),
    _pass("simplify", "sizes", "simple", optional=True),
    _pass("scans", "sizes", optional=True),
)
BACKWARD = (
    _pass("rewrite", "sizes", optional=True),
    _pass("attention", "sizes", optional=True),
    _pass("simplify", "sizes", "simple", optional=True),
    _pass("differentiate", "sizes", "gradients unmarked"),
    _pass("apply_optimizer", "gradients", "updates"),
    _pass("scans", "updates", optional=True),
    _pass("simplify", "updates", "simple", name="simplify_step", optional=True),
    *_of_gradients("updates"),
)
PARTS = (
    _pass("rewrite", "sizes", optional=True),
    _pass("attention", "sizes", optional=True),
    _pass("simplify", "sizes", "simple", optional=True),
    _pass("differentiate", "sizes", "gradients unmarked"),
    _pass("keep_gradients", "gradients", "updates"),
    _pass("simplify", "updates", "simple", name="simplify_step", optional=True),
    *_of_gradients("updates"),
)
INPUTS = (
    _pass("rewrite", "sizes", optional=True),
    _pass("attention", "sizes", optional=True),
    _pass("differentiate.input_gradients", "sizes", "unmarked"),
    _pass("simplify", "sizes", "simple", optional=True),
    *_of_gradients("unmarked"),
)
OPTIMIZER = (
    _pass("apply_optimizer", "sizes", "updates unmarked"),
    _pass("simplify", "updates", "simple", name="simplify_step", optional=True),
)
FUSE = (
    _pass("windows", "unmarked", "bare"),
    _pass("layout", "bare", "matrices"),
    _pass("few_products", "matrices", optional=True),
    _pass("simplify", "matrices", "simple", name="simplify_layout", optional=True),
    _pass("borders", "matrices", optional=True),
    _pass("precision", "matrices", "wide"),
    _pass("fuse", "matrices wide", "plan"),
)
CARRY_OUT = (
    _pass("update", "scheduled", "updated", optional=True),
    _pass("pack", "scheduled", "packed"),
    _pass("order", "packed", "ordered"),
)
PLACE = (
    _pass("localize", "ordered", "local", optional=True),
    _pass("narrow", "packed", optional=True),
    _pass("memory", "ordered", "placed"),
    _pass("barriers", "scheduled placed", "safe"),
    _pass("members", "safe"),
)

INFER = (
    *FUSE,
    _pass("schedule", "plan", "scheduled"),
    *CARRY_OUT,
    _pass("hoist", "ordered", "hoisted", optional=True),
    *PLACE,
    _pass("slices", "placed", optional=True),
)
STEP = (
    *FUSE,
    _pass("schedule.schedule_step", "plan", "scheduled", name="schedule"),
    *CARRY_OUT,
)

# Program to Program, then Program to Plan: a kind of entry has a row in both.
TRANSFORM: dict[str, tuple[Pass, ...]] = {
    "infer": (TRACED, *FORWARD),
    "train": (TRACED, *BACKWARD),
    # Gradients and updates are in what was traced.
    "own_step": (TRACED, *FORWARD, *_of_gradients("unmarked")),
    "gradient": (TRACED, *PARTS),
    "input_gradient": (TRACED, *INPUTS),
    "optimizer": (TRACED, *OPTIMIZER),
}
LOWER: dict[str, tuple[Pass, ...]] = {
    "infer": INFER,
    "input_gradient": INFER,
    "train": (*STEP, *PLACE),
    "own_step": (*STEP, *PLACE),
    "gradient": (*STEP, _pass("halve", "ordered", "halves"), *PLACE),
    "optimizer": (*STEP, *PLACE),
}
