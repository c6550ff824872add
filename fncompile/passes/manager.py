"""Runs a pipeline: checks, times, dumps, stops, skips and bisects."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from fncompile.flags import flag
from fncompile.ir.node import Program, recording
from fncompile.ir.verify import verify
from fncompile.passes.pipeline import LOWER, TRANSFORM, Pass
from fncompile.plan.verify import verify_plan

if TYPE_CHECKING:
    from fncompile.passes.apply_optimizer import Run, Update
    from fncompile.plan.types import Plan


@dataclass
class Context:
    """What passes may ask: the trainable parameters, their runs in memory, the optimizer; and how
    many rewrites or fusions are still allowed (FNC_BISECT)."""

    trainable: Sequence[str] = ()
    runs: Sequence[Run] = ()
    optimizer: Update | None = None
    seeds: Mapping[str, str] = field(default_factory=dict)  # output -> input with its gradient
    limit: int | None = None
    fired: int = 0
    observe: Callable[[str, Any], None] | None = None
    times: dict[str, float] = field(default_factory=dict)
    rewritten: list[str] = field(default_factory=list)  # by `rewrite`: its rule, where and what

    def rewrites(self, name: str) -> bool:
        """May one more rewrite or fusion happen?"""
        self.fired += 1
        return self.limit is None or self.fired <= self.limit

    fusions = rewrites

    def rewrote(self, where: str, rule: Callable[..., Any], origin: object) -> bool:
        """May the rule's rewrite happen? Then it is noted."""
        if not self.rewrites(f"{where}.{rule.__name__}"):
            return False
        self.rewritten.append(f"{rule.__name__}: {origin}: {rule.__doc__}")
        return True


class Stopped(Exception):
    """FNC_STOP_AFTER ended the pipeline; `result` is what the last pass gave."""

    def __init__(self, name: str, result: Any):
        super().__init__(f"stopped after pass {name!r}")
        self.result = result


def transform(program: Program, kind: str, context: Context) -> Program:
    """The Program that remains to be planned; `kind` is a key of `pipeline.TRANSFORM`."""
    program = replace(program, origins=dict(program.origins))  # passes add to it
    with recording(program.origins):
        return _run(TRANSFORM[kind], program, {"traced"}, context)


def plan(program: Program, kind: str, context: Context) -> Plan:
    """The Plan of a transformed program."""
    have = {"traced", *(e for step in TRANSFORM[kind] for e in step.ensures)}
    with recording(dict(program.origins)):
        return _run(LOWER[kind], program, have, context)


def lower(program: Program, kind: str, context: Context | None = None) -> Plan:
    """Both: the Plan of a traced program."""
    context = context or Context()
    return plan(transform(program, kind, context), kind, context)


def _run(steps: Sequence[Pass], result: Any, have: set[str], context: Context) -> Any:
    if context.limit is None:
        context.limit = flag("bisect")
    skip = set(flag("skip") or ())
    for step in steps:
        if step.requires - have:
            raise AssertionError(f"pass {step.name} requires {sorted(step.requires - have)}")
        have |= step.ensures
        if step.optional and step.name in skip:
            continue
        start = time.perf_counter()
        result = step.run(result, context)
        context.times[step.name] = time.perf_counter() - start
        _check(result, step.name)
        if context.observe is not None:
            context.observe(step.name, result)
        if flag("stop_after") == step.name:
            raise Stopped(step.name, result)
    return result


def _check(result: Any, name: str) -> None:
    if flag("verify"):
        verify(result, name) if isinstance(result, Program) else verify_plan(result, name)
