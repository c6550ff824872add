"""What scores and weights of an attention are made of: views, casts, factors, terms and masks.

Axes of what is between the two contractions are named by the axes of the weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from fncompile.ir import build
from fncompile.ir.build import ew, splat
from fncompile.ir.interp import SCALAR_RULES
from fncompile.ir.node import Node
from fncompile.ir.types import DTYPES
from fncompile.passes.rewrite import softmax_argument

Axes = list["int | None"]  # of each axis the name, None where the extent is 1 and there is no such


class Refused(Exception):
    """Why a composition that looks like an attention is left as it is."""


@dataclass
class Found:
    """What was met on the way down; masks and terms with the axes that they had there."""

    scale: float = 1.0
    hidden: float | None = None
    factors: list[Node] = field(default_factory=list)  # single numbers
    biases: list[tuple[Node, Axes, float]] = field(default_factory=list)  # and what scales them
    masks: list[tuple[Node, Axes]] = field(default_factory=list)
    # Weights are multiplied by a number where such a node is true, else by 0.
    shares: list[tuple[Node | None, float, Axes]] = field(default_factory=list)


# downwards ----------------------------------------------------------------------------------------


def weights_of(
    dot: Node, side: int, found: Found
) -> tuple[Node, Axes, tuple[Node, tuple[int, ...]]] | None:
    """The softmax that operand `side` is, its axes, and of what it is taken along which of them."""
    node = dot.src[side]
    labels: Axes = list(range(node.ndim))
    while True:
        seen = _through(node, labels)
        if seen is not None:
            node, labels = seen
            continue
        argument = softmax_argument(node)
        if argument is not None:
            return node, labels, argument
        if node.op != "ew" or node["fn"] not in ("select", "mul"):
            return None
        if node["fn"] == "select":
            keep, kept, nothing = node.src
            if splat(nothing) != 0:
                return None
            by, node = _divided(kept)
            found.shares.append((keep, by, list(labels)))
        else:
            by, node = _divided(node)
            if by == 1:
                return None
            found.shares.append((None, by, list(labels)))


def _through(node: Node, labels: Axes) -> tuple[Node, Axes] | None:
    """What a view or a cast is of, and its axes; None where `node` is neither."""
    x = node.src[0] if node.src else node
    if node.op == "cast":
        return x, labels
    if node.op == "permute":
        below: Axes = [None] * x.ndim
        for label, axis in zip(labels, node["perm"]):
            below[axis] = label
        return x, below
    if node.op == "reshape":
        real = [(d, label) for d, label in zip(node.shape, labels) if d != 1]
        if [d for d, _ in real] != [d for d in x.shape if d != 1]:
            return None
        names = iter(real)
        return x, [None if d == 1 else next(names)[1] for d in x.shape]
    return None


def _divided(x: Node) -> tuple[float, Node]:
    """The number that `x` is another tensor times, and that."""
    if x.op == "ew" and x["fn"] == "div":
        value = _number(x.src[1])
        return (1 / value, x.src[0]) if value else (1.0, x)
    if x.op == "ew" and x["fn"] == "mul":
        for a, b in (x.src, x.src[::-1]):
            value = _number(b)
            if value is not None:
                return value, a
    return 1.0, x


def _repeated(x: Node) -> Node:
    """What has the elements of `x`, each perhaps fewer times."""
    while x.op in ("broadcast", "reshape", "permute"):
        x = x.src[0]
    return x


def _number(x: Node) -> float | None:
    """The one number throughout that `x` is, or is computed from such numbers."""
    x = _repeated(x)
    if x.op == "ew" and x.type.size == 1:
        parts = [_number(s) for s in x.src]
        if any(part is None for part in parts):
            return None
        return float(SCALAR_RULES[x["fn"]](*(DTYPES[x.dtype].numpy.type(p) for p in parts)))
    value = splat(x)
    return None if value is None else float(value)


def scores_of(node: Node, labels: Axes, found: Found) -> tuple[Node, Axes] | None:
    """The contraction that scores are made of, and its axes."""
    while node.op != "dot":
        seen = _through(node, labels)
        if seen is not None:
            node, labels = seen
            continue
        below = _SCORES.get(node["fn"], _nothing)(node, labels, found) if node.op == "ew" else None
        if below is None:
            return None
        node = below
    return node, labels


def is_of_products(x: Node) -> bool:
    """Is there a contraction below element-wise functions and views?"""
    stack, seen = [x], set[Node]()
    while stack:
        node = stack.pop()
        if node.op == "dot":
            return True
        if node.op in ("ew", "cast", "permute", "reshape", "broadcast") and node not in seen:
            seen.add(node)
            stack += node.src
    return False


def _nothing(node: Node, labels: Axes, found: Found) -> None:
    return None


def _select(node: Node, labels: Axes, found: Found) -> Node | None:
    seen, shown, other = node.src
    hidden = _number(other)
    if hidden is not None:
        hidden *= found.scale
        if found.factors:
            raise Refused("masked scores are multiplied by a number that is computed")
        if found.biases:
            raise Refused("a term is added behind a mask")
        if found.hidden not in (None, hidden):
            raise Refused("masks hide keys by different numbers")
        found.hidden = hidden
        found.masks.append((seen, list(labels)))
        return shown
    lower = _lowered(other, shown)
    if lower is None:
        return None
    term = ew("select", seen, build.full(node.shape, 0, node.dtype), build.like(shown, lower))
    return _term(term, labels, found, shown)


def _lowered(x: Node, shown: Node) -> float | None:
    """The number that `x` is more than `shown`."""
    if x.op != "ew" or x["fn"] not in ("sub", "add") or x.src[0] is not shown:
        return None
    by = _number(x.src[1])
    return None if by is None else (-by if x["fn"] == "sub" else by)


def _term(term: Node, labels: Axes, found: Found, rest: Node) -> Node:
    found.biases.append((term, list(labels), found.scale))
    if found.factors:
        raise Refused("scores with a term are multiplied by a number that is computed")
    return rest


def _add(node: Node, labels: Axes, found: Found) -> Node | None:
    a, b = (_leads_to_dot(x) for x in node.src)
    if a == b:
        return None
    scores, term = node.src if a else node.src[::-1]
    return _term(term, labels, found, scores)


def _sub(node: Node, labels: Axes, found: Found) -> Node | None:
    if not _leads_to_dot(node.src[0]) or _leads_to_dot(node.src[1]):
        return None
    return _term(ew("neg", node.src[1]), labels, found, node.src[0])


def _leads_to_dot(x: Node) -> bool:
    """May `x` be the scores, and not a term of them?"""
    while x.op in ("permute", "reshape", "cast", "ew"):
        if x.op == "ew" and x["fn"] not in _SCORES:
            return False
        if x.op == "ew" and x["fn"] == "select":
            x = x.src[1]
        elif x.op == "ew" and x["fn"] in ("add", "mul"):
            return any(map(_leads_to_dot, x.src))
        else:
            x = x.src[0]
    return x.op == "dot"


def _mul(node: Node, labels: Axes, found: Found) -> Node | None:
    for scores, other in (node.src, node.src[::-1]):
        value, number = _number(other), _single(other)
        if value is not None:
            found.scale *= value
            return scores
        if number is not None:
            if found.biases:
                raise Refused("scores are multiplied by a number that is computed before a term")
            found.factors.append(number)
            return scores
    return None


def _div(node: Node, labels: Axes, found: Found) -> Node | None:
    value = _number(node.src[1])
    if not value:
        return None
    found.scale /= value
    return node.src[0]


_SCORES: dict[str, Callable[[Node, Axes, Found], Node | None]] = {
    "select": _select, "add": _add, "sub": _sub, "mul": _mul, "div": _div,
}  # fmt: skip


def _single(x: Node) -> Node | None:
    """The one number that `x` repeats."""
    x = _repeated(x)
    return build.reshape(x, ()) if x.type.size == 1 else None
