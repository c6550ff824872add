"""Sums that need not be computed, of which the gradient of a normalisation is full.

Requires: a Program. Ensures: the same outputs within rounding; `context.rewritten` says what was
rewritten. A sum of deviations from their mean is 0, as in every textbook's formula for batch
normalisation, and what is the same all along the sum is taken out where the sum of the rest is
computed as well: of three passes over the gradient one is left. MobileNet's step, 32 images: 11 of
80 ms were such sums (AMD Zen 4).
"""

from __future__ import annotations

from collections.abc import Sequence

from fncompile.ir import build
from fncompile.ir.build import ew, is_const, splat
from fncompile.ir.dims import product
from fncompile.ir.node import Node, Program, current_origins, make, rebuild

WIDE = ("float32", "float64")


def sums(program: Program, context=None) -> Program:
    origins = current_origins()
    present = {n for n in program.nodes() if _is_sum(n)}

    def visit(node: Node, src: tuple[Node, ...]) -> Node:
        new = node if src == node.src else make(node.op, src, *node.attr)
        if not _is_sum(node):
            return new
        for rule in (deviations, factored):
            found = rule(node, new, present)
            if found is None:
                continue
            if context is None or context.rewrote("sums", rule, origins.get(node, "no layer")):
                return found
        return new

    return program.map(rebuild(program.roots, visit).__getitem__)


def deviations(node: Node, new: Node, present: set[Node]) -> Node | None:
    """a sum of deviations from their mean is 0"""
    core, _ = _taken_apart(node.src[0], node["axes"])
    return build.full(new.shape, 0, new.dtype) if _is_deviation(core, node["axes"]) else None


def factored(node: Node, new: Node, present: set[Node]) -> Node | None:
    """a sum of multiples is the multiple of the sum, which is computed anyway"""
    axes = node["axes"]
    core, factors = _taken_apart(node.src[0], axes)
    if not factors or build.reduce(core, "sum", axes) not in present:
        return None
    core, factors = _taken_apart(new.src[0], axes)
    total = build.reduce(core, "sum", axes)
    for factor in factors:
        total = ew("mul", total, _along(factor, axes)) if factor is not None else ew("neg", total)
    return total


def _is_sum(node: Node) -> bool:
    return node.op == "reduce" and node["kind"] == "sum" and node.dtype in WIDE


def _taken_apart(x: Node, axes: Sequence[int]) -> tuple[Node, list[Node | None]]:
    """What is left of `x` without factors that are the same along `axes`, and those; None: -1."""
    factors: list[Node | None] = []
    while x.op == "ew" and x["fn"] in ("mul", "neg"):
        if x["fn"] == "neg":
            factors.append(None)
            x = x.src[0]
            continue
        constant = next((i for i in (1, 0) if _is_same(x.src[i], axes)), None)
        if constant is None:
            break
        factors.append(x.src[constant])
        x = x.src[1 - constant]
    return x, factors[::-1]


def _is_same(x: Node, axes: Sequence[int]) -> bool:
    """Is it the same all along the axes?"""
    if splat(x) is not None:
        return True
    return x.op == "broadcast" and all(x.src[0].shape[a] == 1 for a in axes)


def _along(factor: Node, axes: Sequence[int]) -> Node:
    """The factor of a sum over the axes."""
    kept = [d for i, d in enumerate(factor.shape) if i not in axes]
    if splat(factor) is not None:
        return build.full(tuple(kept), splat(factor), factor.dtype)
    source = factor.src[0]
    inner = [d for i, d in enumerate(source.shape) if i not in axes]
    return build.broadcast_to(build.reshape(source, inner), tuple(kept))


def _is_deviation(x: Node, axes: Sequence[int]) -> bool:
    """x - mean(x), of the mean along these axes, each where what it is the mean of stands?"""
    if x.op != "ew" or x["fn"] != "sub" or x.src[1].op != "broadcast":
        return False
    spread = x.src[1].src[0]
    if spread.shape != tuple(1 if i in axes else d for i, d in enumerate(x.shape)):
        return False
    mean = _reshaped(spread)
    if mean.op != "ew" or mean["fn"] != "div":
        return False
    total = _reshaped(mean.src[0])
    summed = total.op == "reduce" and total["kind"] == "sum" and total["axes"] == tuple(axes)
    return summed and total.src[0] is x.src[0] and _is_count(mean.src[1], x, axes)


def _reshaped(x: Node) -> Node:
    """What lies in memory as `x` does."""
    while x.op in ("reshape", "stop_gradient"):
        x = x.src[0]
    return x


def _is_count(x: Node, summed: Node, axes: Sequence[int]) -> bool:
    count = product(summed.shape[a] for a in axes)
    if isinstance(count, int):
        return is_const(x, count)
    while x.op in ("cast", "reshape", "broadcast"):
        x = x.src[0]
    return x.op == "size" and x["dim"] == count
