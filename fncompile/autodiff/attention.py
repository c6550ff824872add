"""The gradient of attention: a routine that computes the weights again, block by block.

What it does not give, the gradient of the bias and gradients of gradients, comes from the
composition that an attention stands for, with tensors as large as the scores.
"""

from __future__ import annotations

from collections.abc import Sequence

from fncompile.autodiff.reverse import pullback
from fncompile.ir import build
from fncompile.ir.build import ew
from fncompile.ir.node import Node
from fncompile.ir.region import fresh, substituted


def attention(node: Node, g: Node) -> list[Node | None]:
    """Masks, and what is drawn for a dropout, have no gradient."""
    q, k, v = node.src[:3]
    [d_out] = build.pieces(g, (*q.shape[:4], v.shape[3]))
    row = build.attention_grad(node.src, node, d_out, *node.attr)
    inner = [fresh(s.type) for s in (*node.src, d_out)]
    found = pullback([_composed(inner[:-1], *node.attr)], inner[-1:], inner[3:4])
    [d_bias] = _outside(found, inner, (*node.src, d_out))
    return [*build.pieces(row, q.shape, k.shape, v.shape), d_bias, None, None]


def attention_grad(node: Node, g: Node) -> list[Node | None]:
    *sources, _, d_out = node.src
    seeds = build.pieces(g, *(x.shape for x in sources[:3]))
    outer = (*sources, d_out, *seeds)
    inner = [fresh(s.type) for s in outer]
    first = pullback([_composed(inner[:6], *node.attr)], [inner[6]], inner[:3])
    found = pullback([n for n in first if n is not None], inner[7:], [*inner[:4], inner[6]])
    *d_sources, dd_out = _outside(found, inner, outer)
    return [*d_sources, None, None, None, dd_out]


def _outside(
    found: Sequence[Node | None], inner: Sequence[Node], outer: Sequence[Node]
) -> list[Node | None]:
    """What was found of the placeholders `inner`, of what they stand for."""
    given = dict(zip(inner, outer, strict=True))
    return [None if n is None else substituted([n], given)[0] for n in found]


def _composed(sources: Sequence[Node], scale: float, hidden: float) -> Node:
    """The result of an attention, by softmax."""
    q, k, v, bias, mask, factor = sources
    products = build.dot(q, k, ((4,), (3,)), ((0, 2), (0, 2)))  # [B,K,T,G,S]
    z = ew("mul", build.permute(products, (0, 1, 3, 2, 4)), build.like(q, scale))
    z = ew("select", mask, ew("add", z, bias), build.like(z, hidden))
    e = ew("exp", ew("sub", z, build.stop_gradient(build.reduce(z, "max", (4,), keepdims=True))))
    weights = ew("mul", ew("div", e, build.reduce(e, "sum", (4,), keepdims=True)), factor)
    out = build.dot(weights, v, ((4,), (1,)), ((0, 1), (0, 2)))  # [B,K,G,T,E]
    return build.permute(out, (0, 3, 1, 2, 4))
