"""What the values of a kernel are called, in its text and in C."""

from __future__ import annotations

import re
from collections import Counter

from fncompile.plan.types import Apply, Bits, Expr, GatherLoad, Index, Kernel, Stage

WORDS = {
    "abs": "magnitude", "add": "sum", "and": "both", "atan": "angle", "cast": "converted",
    "cos": "cosine", "signbit": "negative",
    "div": "ratio", "eq": "equal", "exp": "power", "expm1": "power_less_one", "le": "at_most",
    "log": "logarithm", "log1p": "logarithm", "lt": "less", "max": "larger", "min": "smaller",
    "mul": "product", "neg": "negated", "not": "negation", "or": "either", "pow": "power",
    "prod": "product", "rsqrt": "inverse_root", "select": "chosen", "sin": "sine", "sqrt": "root",
    "sub": "difference",
}  # fmt: skip
"""Of the scalar functions: a noun for the result, which is no function of C."""


def word(expr: Expr) -> str:
    """For the value of an expression."""
    if isinstance(expr, Apply):
        return WORDS.get(expr.fn, f"{expr.fn}_value")
    if isinstance(expr, Index):
        return "index" if expr.at.terms else "size"
    return {Bits: "bits", GatherLoad: "gathered"}.get(type(expr), "value")


def value_names(kernel: Kernel) -> tuple[str, ...]:
    """A name for the value of each stage, no two alike: `max`, `sum`, `power`, `sum_2`, ..."""
    used: Counter[str] = Counter()
    found = []
    for stage in kernel.stages:
        name = _name(stage)
        used[name] += 1
        found.append(name if used[name] == 1 else f"{name}_{used[name]}")
    return tuple(found)


def _name(stage: Stage) -> str:
    updated = [s.buffer.name for s in stage.stores if s.buffer.kind == "param"]
    if updated:
        return "new_" + re.split(r"\W+", updated[0].rstrip("'"))[-1].lower()
    return stage.kind if stage.kind != "map" else word(stage.expr)
