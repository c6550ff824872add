"""Compositions that are computed in a better way as a whole.

Requires: sizes agree, and markers are still there. Ensures: the same outputs within the error that
a rule states; `context.rewritten` says what was rewritten, and where. Rules are lists by the op
that a composition ends with, each with a name that FNC_SKIP, FNC_BISECT and `explain` know.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from fncompile.ir import build
from fncompile.ir.build import ew, splat
from fncompile.ir.node import Node, Program, current_origins, make, rebuild

Rule = Callable[[Node], "Node | None"]


def rewrite(program: Program, context) -> Program:
    origins = current_origins()

    def visit(node: Node, src: tuple[Node, ...]) -> Node:
        node_now = node if src == node.src else make(node.op, src, *node.attr)
        for rule in RULES.get(node.op, ()):
            new = rule(node_now)
            if new is not None and context.rewrote("rewrite", rule, origins.get(node, "no layer")):
                return new
        return node_now

    return program.map(rebuild(program.roots, visit).__getitem__)


def log_softmax(node: Node) -> Node | None:
    """log(clip(softmax(x))) is clip(log_softmax(x)), of the crossentropy behind a softmax"""
    # Keras: log(clip(p / sum(p), e, 1 - e)), p = softmax(x), e = config.epsilon(). The logarithm is
    # monotone, so clipping at log(e) and log(1 - e) behind it is the same function, below e and in
    # its gradient too: 0 where it clips. p / sum(p) differs from p by rounding alone. Results agree
    # within 1e-6 * max(1, |log p|) in float32, of which nearly all is the error of Keras' formula:
    # near p = 1 it rounds p before it takes the logarithm. They differ in one way: where p is
    # within rounding of a bound, one of the two may clip and the other not.
    clipped = _clipped(node)
    if clipped is None or node.dtype not in ("float32", "float64"):
        return None
    probabilities, low, high = clipped
    found = _softmax(probabilities)
    renormalized = _normalized(probabilities)
    if found is None and renormalized is not None:
        found = _softmax(renormalized[0])
        if found is not None and found[1] != renormalized[1]:
            return None
    if found is None or not 0 < low < high:
        return None
    z, axes = found
    total = build.reduce(ew("exp", z), "sum", axes, keepdims=True)
    log_p = ew("sub", z, ew("log", total))
    bounds = (build.like(log_p, math.log(bound)) for bound in (low, high))
    return ew("min", ew("max", log_p, next(bounds)), next(bounds))


def _clipped(node: Node) -> tuple[Node, float, float] | None:
    """x, low and high of log(min(max(x, low), high))."""
    least = _function(node, "log", 0)
    most = _function(least, "min", 0)
    low, high = _constant(most, 1), _constant(least, 1)
    x = _function(most, "max", 0)
    return None if x is None or low is None or high is None else (x, low, high)


def _softmax(node: Node) -> tuple[Node, tuple[int, ...]] | None:
    """z and the axes of exp(z) / sum(exp(z)), z = x - max(x)."""
    found = _normalized(node)
    z = _function(found[0], "exp", 0) if found else None
    if found is None or z is None or _function(z, "sub", 1) is None:
        return None
    peak = _spread(z.src[1], "max")
    return (z, found[1]) if peak == (z.src[0], found[1]) else None


def softmax_argument(node: Node) -> tuple[Node, tuple[int, ...]] | None:
    """x and the axes of softmax(x), where `node` is that."""
    found = _softmax(node) if node.op == "ew" else None
    return None if found is None else (found[0].src[0], found[1])


def _normalized(node: Node) -> tuple[Node, tuple[int, ...]] | None:
    """x and the axes of x / sum(x)."""
    x = _function(node, "div", 0)
    total = _spread(node.src[1], "sum") if x is not None else None
    return total if total is not None and total[0] is x else None


def _spread(node: Node, kind: str) -> tuple[Node, tuple[int, ...]] | None:
    """x and the axes of a reduction of it that is spread over the shape of x again."""
    shape = node.shape
    while node.op in ("broadcast", "reshape", "stop_gradient"):
        node = node.src[0]
    if node.op != "reduce" or node["kind"] != kind or node.src[0].shape != shape:
        return None
    kept = tuple(1 if i in node["axes"] else d for i, d in enumerate(shape))
    spread = build.broadcast_to(build.reshape(node, kept), shape)
    return (node.src[0], node["axes"]) if spread.shape == shape else None


def _function(node: Node | None, fn: str, source: int) -> Node | None:
    """That source of `node`, if it is an element-wise `fn`."""
    found = node is not None and node.op == "ew" and node["fn"] == fn
    return node.src[source] if found and node is not None else None


def _constant(node: Node | None, source: int) -> float | None:
    if node is None or len(node.src) <= source:
        return None
    value = splat(node.src[source])
    return None if value is None else float(value)


RULES: dict[str, list[Rule]] = {"ew": [log_softmax]}
