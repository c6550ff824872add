"""Small compositions of IR ops from which activations and losses are put together.

Their derivatives are right at the kinks too (that of the positive part is 0 at 0), and a branch
that is not taken brings no NaN or infinity into the gradient.
"""

from __future__ import annotations

from typing import Any

from fncompile.ir import build
from fncompile.ir.node import Node
from fncompile.ops.dispatch import node


def scaled(x: Node, factor: Any) -> Node:
    """`x` times a number, or a tensor that broadcasts."""
    one = isinstance(factor, (int, float)) and factor == 1
    return x if one else build.ew("mul", x, node(factor, x.dtype))


def shifted(x: Node, term: Any) -> Node:
    """`x` plus a number, or a tensor that broadcasts."""
    return build.ew("add", x, node(term, x.dtype))


def positive_part(x: Node) -> Node:
    """x above 0, else 0; derivative 0 at 0."""
    return build.ew("max", x, build.like(x, 0))


def negative_part(x: Node) -> Node:
    """x up to 0, else 0; derivative 1 at 0."""
    zero = build.like(x, 0)
    return build.ew("select", build.ew("lt", zero, x), zero, x)


def between(x: Node, low: float, high: float) -> Node:
    return build.ew("min", build.ew("max", x, build.like(x, low)), build.like(x, high))


def softplus_of(x: Node) -> Node:
    """log(1 + exp(x)) as max(x, 0) + log1p(exp(-|x|)); at 0 both halves take the same side."""
    below = build.ew("lt", x, build.like(x, 0))
    upper = build.ew("select", below, build.like(x, 0), x)
    minus_size = build.ew("select", below, x, build.ew("neg", x))
    return build.ew("add", upper, build.ew("log1p", build.ew("exp", minus_size)))
