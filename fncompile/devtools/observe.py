"""FNC_DEBUG, FNC_DUMP, FNC_EXPLAIN and FNC_VERIFY=2: what is shown and checked while a program is
compiled."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fncompile.devtools import draw
from fncompile.devtools.explain import explain_plan
from fncompile.flags import flag
from fncompile.ir import interp
from fncompile.ir.dims import evaluate, symbols_of
from fncompile.ir.node import Program
from fncompile.ir.text import print_program
from fncompile.ir.types import DTYPES
from fncompile.passes.manager import Context
from fncompile.plan.text import plan_text
from fncompile.plan.types import Plan

Observe = Callable[[str, Any], None]
LAST = "members"  # the pass after which a plan is complete


def observer(title: str, context: Context) -> Observe | None:
    """What to call after each pass, or None when no switch asks for anything."""
    watchers: list[Observe] = []
    if flag("debug"):
        watchers.append(_printer(title, context))
    if flag("dump"):
        watchers.append(_dumper(title))
    if flag("explain"):
        watchers.append(_explainer(title))
    if (flag("verify") or 0) >= 2:
        watchers.append(_checker())
    if not watchers:
        return None

    def observe(name: str, result: Any) -> None:
        for watch in watchers:
            watch(name, result)

    return observe


def show_source(title: str, source: Callable[[], str]) -> None:
    """The C text, where FNC_DEBUG=4 or FNC_DUMP ask for it: it may have to be made."""
    if flag("debug") == 4:
        _say(source())
    directory, _, kinds = (flag("dump") or "").partition(":")
    if directory and (not kinds or "c" in kinds.split(",")):
        (Path(directory) / title / "model.c").write_text(source())


def text_of(result: Any) -> str:
    return print_program(result) if isinstance(result, Program) else plan_text(result)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _printer(title: str, context: Context) -> Observe:
    level = flag("debug")

    def show(name: str, result: Any) -> None:
        _say(f"[fncompile] {title}: {name} {1e3 * context.times.get(name, 0):.1f} ms")
        if level >= 5:
            _say(text_of(result))
        if name == LAST and 2 <= level < 5:
            _say(plan_text(result))
        if name == LAST and level >= 3:
            _say(explain_plan(result))

    return show


def _dumper(title: str) -> Observe:
    directory, _, kinds = flag("dump").partition(":")
    wanted = set(kinds.split(",")) if kinds else {"text", "dot", "svg", "c"}
    folder = Path(directory) / title
    folder.mkdir(parents=True, exist_ok=True)
    seen: list[str] = []

    def dump(name: str, result: Any) -> None:
        text = text_of(result)
        stem = f"{len(seen):02d}_{name}"
        if "text" in wanted:
            same = bool(seen) and seen[-1] == text
            (folder / f"{stem}.txt").write_text("(unchanged)\n" if same else text)
        seen.append(text)
        if isinstance(result, Plan) and name == LAST:
            if "text" in wanted:
                (folder / "decisions.txt").write_text(explain_plan(result))
            if "dot" in wanted:
                (folder / "kernels.dot").write_text(draw.kernels_dot(result))
            if "svg" in wanted:
                (folder / "memory.svg").write_text(draw.memory_svg(result))

    return dump


def _explainer(title: str) -> Observe:
    topics = flag("explain")

    def explain(name: str, result: Any) -> None:
        if name == LAST:
            _say(f"[fncompile] {title}\n{explain_plan(result, topics)}")

    return explain


def _checker() -> Observe:
    """FNC_VERIFY=2: a pass from Program to Program must not change what the program computes."""
    before: list[tuple[Program, list[np.ndarray]]] = []

    def check(name: str, result: Any) -> None:
        if not isinstance(result, Program):
            return
        if (
            before
            and list(before[-1][0].outputs) == list(result.outputs)
            and before[-1][0].params == result.params
        ):
            compare_programs(before[-1][0], result, name)
        before[:] = [(result, [])]

    return check


def compare_programs(old: Program, new: Program, name: str) -> None:
    """AssertionError, naming the output, where the two differ on random arrays."""
    sizes = dict.fromkeys(symbols_of(d for n in old.inputs for d in n.shape), 3)
    rng = np.random.default_rng(0)

    def array(node: Any) -> np.ndarray:
        shape = [evaluate(d, sizes) for d in node.shape]
        dtype = DTYPES[node.dtype]
        return (
            rng.uniform(-1, 1, shape).astype(dtype.numpy)
            if dtype.kind == "f"
            else rng.integers(0, 2, shape).astype(dtype.numpy)
        )

    inputs = [array(n) for n in old.inputs]
    params = {p["name"]: array(p) for p in old.params}
    expected, _ = interp.run(old, inputs, params, float64=True)
    found, _ = interp.run(new, inputs, params, float64=True)
    for key, value in expected.items():
        if not np.allclose(value, found[key], rtol=1e-6, atol=1e-9, equal_nan=True):
            raise AssertionError(
                f"pass {name} changed output {key!r} by {np.max(np.abs(value - found[key]))}"
            )
