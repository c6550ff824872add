"""Algebra that never changes a result: constants folded, views composed, identities removed.

Requires: a Program. Ensures: the same outputs, bit for bit except that sums of constants and of
broadcasts are computed once; no dead nodes. Every rule has a name and makes the program smaller or
cheaper, or moves a view towards the leaves, so the rewriting ends. Rules are lists by the op that
they apply to.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from fncompile.ir import build
from fncompile.ir.build import ew, is_const, splat
from fncompile.ir.dims import Dim, product
from fncompile.ir.interp import evaluate_nodes
from fncompile.ir.node import Node, Program, rebuild
from fncompile.ir.types import is_float

Rule = Callable[[Node], "Node | None"]
LARGEST_EXPONENT = 100  # of a divisor whose reciprocal is a normal number in every dtype


def simplify(program: Program, context=None) -> Program:
    budget = context.rewrites if context is not None else _unlimited

    def visit(node: Node, src: tuple[Node, ...]) -> Node:
        from fncompile.ir.node import make

        node = node if src == node.src else make(node.op, src, *node.attr)
        return _reduce_fully(node, budget)

    return program.map(rebuild(program.roots, visit).__getitem__)


def _unlimited(name: str) -> bool:
    return True


def _reduce_fully(node: Node, budget: Callable[[str], bool]) -> Node:
    for _ in range(100):
        for name, rule in RULES.get(node.op, ()):
            new = rule(node)
            if new is not None and new is not node and budget(f"simplify.{name}"):
                node = new
                break
        else:
            return node
    return node


# element-wise -------------------------------------------------------------------------------------


def fold_constants(node: Node) -> Node | None:
    """An op on constants that are one number throughout is such a constant."""
    if not node.src or any(splat(s) is None for s in node.src):
        return None
    scalars = [build.const(splat(s), s.dtype) for s in node.src]
    scalar = build.cast(scalars[0], node.dtype) if node.op == "cast" else ew(node["fn"], *scalars)
    value = evaluate_nodes([scalar], {}, {})[scalar]
    return build.full(node.shape, value, node.dtype)


_NEUTRAL_RIGHT = {"add": 0, "sub": 0, "mul": 1, "div": 1, "pow": 1}


def drop_neutral(node: Node) -> Node | None:
    """x + 0, x - 0, x * 1, x / 1, x ** 1."""
    fn = node["fn"]
    if fn in _NEUTRAL_RIGHT and is_const(node.src[1], _NEUTRAL_RIGHT[fn]):
        return node.src[0]
    if fn in ("add", "mul") and is_const(node.src[0], _NEUTRAL_RIGHT[fn]):
        return node.src[1]
    return None


def times_zero(node: Node) -> Node | None:
    """x * 0 in floats is x - x, which is 0 or NaN; gcc 12 takes the product for 0 in vectors."""
    if node["fn"] != "mul" or not is_float(node.dtype):
        return None
    for x, factor in (node.src, node.src[::-1]):
        if is_const(factor, 0):
            return ew("sub", x, x)
    return None


def cancel_pairs(node: Node) -> Node | None:
    """-(-x) and not(not(x)); x + (-y) is x - y."""
    fn, x = node["fn"], node.src[0]
    if fn in ("neg", "not") and x.op == "ew" and x["fn"] == fn:
        return x.src[0]
    if fn == "add" and node.src[1].op == "ew" and node.src[1]["fn"] == "neg":
        return ew("sub", x, node.src[1].src[0])
    return None


def double(node: Node) -> Node | None:
    """x + x is x * 2, to the bit: g*x + g*x of a square's gradient, -x + -x of a difference's."""
    if node["fn"] != "add" or node.src[0] is not node.src[1] or not is_float(node.dtype):
        return None
    return ew("mul", node.src[0], build.like(node, 2))


def negative_scale(node: Node) -> Node | None:
    """-x * c and -(x * c) are x * -c, to the bit."""
    x = node.src[0]
    fns = {node["fn"], x["fn"]} if x.op == "ew" else set()
    if fns != {"mul", "neg"} or not is_float(node.dtype):
        return None
    scaled = node if node["fn"] == "mul" else x
    factor = splat(scaled.src[1])
    return None if factor is None else ew("mul", x.src[0], build.like(node, -factor))


def sum_of_pads(node: Node) -> Node | None:
    """Pieces between zeros that meet are put together: the gradient of a split. One more term is
    added to all. A -0.0 stays so, where the sum gave 0.0."""
    if node["fn"] != "add" or not any(map(_is_piece, node.src)):  # long sums stay cheap
        return None
    terms = _addends(node)
    pieces = [t for t in terms if _is_piece(t)]
    others = [t for t in terms if not _is_piece(t)]
    if len(pieces) < 2 or len(others) > 1:
        return None
    whole = _put_together(pieces)
    return ew("add", others[0], whole) if whole is not None and others else whole


def _put_together(pieces: list[Node]) -> Node | None:
    padded = {i for t in pieces for i, d in enumerate(t.src[0].shape) if d != t.shape[i]}
    if len(padded) != 1:
        return None
    [axis] = padded
    if not all(isinstance(d, int) for t in pieces for d in (t["start"][axis], t.shape[axis])):
        return None
    end: Dim = 0
    parts = sorted(pieces, key=lambda t: t["start"][axis])
    for t in parts:
        if t["start"][axis] != end:
            return None
        end = end + t.src[0].shape[axis]
    return build.concat([t.src[0] for t in parts], axis) if end == parts[0].shape[axis] else None


def _addends(node: Node) -> list[Node]:
    if node.op != "ew" or node["fn"] != "add":
        return [node]
    return [t for s in node.src for t in _addends(s)]


def _is_piece(node: Node) -> bool:
    return node.op == "pad" and node["value"] == 0 and all(s == 1 for s in node["step"])


def divide_by_power_of_two(node: Node) -> Node | None:
    """x / 2**k is x * 2**-k, to the bit; 1 / c of other numbers is rounded, and x * (1 / c) again,
    so that they differ from x / c."""
    if node["fn"] != "div" or not is_float(node.dtype):
        return None
    divisor = splat(node.src[1])
    if not divisor or not math.isfinite(divisor):
        return None
    mantissa, exponent = math.frexp(divisor)
    if abs(mantissa) != 0.5 or abs(exponent) > LARGEST_EXPONENT:
        return None
    return ew("mul", node.src[0], build.like(node, 1 / divisor))


def choose_known(node: Node) -> Node | None:
    """select with a constant condition, or with two equal branches."""
    if node["fn"] != "select":
        return None
    condition, a, b = node.src
    if a is b or splat(condition) is True:
        return a
    return b if splat(condition) is False else None


def cast_of_cast(node: Node) -> Node | None:
    """A cast to the dtype at hand; a bool cast twice."""
    x = node.src[0]
    if x.dtype == node.dtype:
        return x
    if x.op == "cast" and x.src[0].dtype == "bool":
        return build.cast(x.src[0], node.dtype)
    return None


def known_size(node: Node) -> Node | None:
    """A size that turned out to be a number."""
    dim = node["dim"]
    return build.const(dim, node.dtype) if isinstance(dim, int) else None


# views --------------------------------------------------------------------------------------------


def compose_views(node: Node) -> Node | None:
    """reshape of reshape, permute of permute, broadcast of broadcast, slice of slice, and
    no-ops."""
    x = node.src[0]
    if node.op in ("reshape", "broadcast") and x.shape == node.shape:
        return x
    if node.op == "permute" and node["perm"] == tuple(range(node.ndim)):
        return x
    if x.op != node.op:
        return None
    return _COMPOSE[node.op](node, x)


def _compose_slices(node: Node, x: Node) -> Node:
    start = [s0 + s1 * k0 for s0, k0, s1 in zip(x["start"], x["step"], node["start"])]
    step = [k0 * k1 for k0, k1 in zip(x["step"], node["step"])]
    return build.slice(x.src[0], start, node["size"], step)


_COMPOSE: dict[str, Callable[[Node, Node], Node]] = {
    "reshape": lambda node, x: build.reshape(x.src[0], node.shape),
    "permute": lambda node, x: build.permute(x.src[0], [x["perm"][p] for p in node["perm"]]),
    "broadcast": lambda node, x: build.broadcast_to(x.src[0], node.shape),
    "slice": _compose_slices,
}


def view_of_constant(node: Node) -> Node | None:
    """Any rearrangement of one number is that number."""
    value = splat(node.src[0])
    return None if value is None else build.full(node.shape, value, node.dtype)


def slice_of_pad(node: Node) -> Node | None:
    """A slice that takes back exactly what a pad put in."""
    x = node.src[0]
    same = x.op == "pad" and (x["start"], x["step"]) == (node["start"], node["step"])
    return x.src[0] if same and x.src[0].shape == node.shape else None


def slice_of_concat(node: Node) -> Node | None:
    """A slice that takes exactly one part of a concatenation."""
    x = node.src[0]
    if x.op != "concat" or any(s != 1 for s in node["step"]):
        return None
    axis, begin = x["axis"], 0
    for part in x.src:
        start = tuple(begin if i == axis else 0 for i in range(x.ndim))
        if node["start"] == start and node.shape == part.shape:
            return part
        begin = begin + part.shape[axis]
    return None


def permute_as_reshape(node: Node) -> Node | None:
    """A permutation that only moves extents of 1."""
    x, moved = node.src[0], [p for p in node["perm"] if node.src[0].shape[p] != 1]
    return build.reshape(x, node.shape) if moved == sorted(moved) else None


# reductions ---------------------------------------------------------------------------------------


def reduce_nothing(node: Node) -> Node | None:
    """Reducing extents of 1 is a reshape."""
    x = node.src[0]
    return build.reshape(x, node.shape) if all(x.shape[a] == 1 for a in node["axes"]) else None


def reduce_of_reduce(node: Node) -> Node | None:
    """sum(sum(x)) over further axes is one sum; so for max, min and prod."""
    x = node.src[0]
    if x.op != "reduce" or x["kind"] != node["kind"]:
        return None
    left = [i for i in range(x.src[0].ndim) if i not in x["axes"]]
    return build.reduce(x.src[0], node["kind"], [*x["axes"], *(left[a] for a in node["axes"])])


def sum_of_broadcast(node: Node) -> Node | None:
    """The sum over a static broadcast axis is a product with its extent."""
    x = node.src[0]
    if node["kind"] != "sum" or x.op != "broadcast":
        return None
    source = x.src[0]
    grown = [a for a in node["axes"] if source.shape[a] == 1 and isinstance(x.shape[a], int)]
    if not grown:
        return None
    kept = tuple(1 if i in grown else d for i, d in enumerate(x.shape))
    inner = build.reduce(build.broadcast_to(source, kept), "sum", node["axes"])
    return ew("mul", inner, build.like(inner, product(x.shape[a] for a in grown)))


ELEMENTWISE = (
    sum_of_pads, fold_constants, drop_neutral, times_zero, double, negative_scale,
    divide_by_power_of_two, cancel_pairs, choose_known,
)  # fmt: skip
RULES: dict[str, list[tuple[str, Rule]]] = {
    "size": [(f.__name__, f) for f in (known_size,)],
    "ew": [(f.__name__, f) for f in ELEMENTWISE],
    "cast": [(f.__name__, f) for f in (cast_of_cast, fold_constants)],
    "reshape": [(f.__name__, f) for f in (compose_views,)],
    "permute": [(f.__name__, f) for f in (compose_views, view_of_constant, permute_as_reshape)],
    "broadcast": [(f.__name__, f) for f in (compose_views,)],
    "slice": [
        (f.__name__, f) for f in (compose_views, view_of_constant, slice_of_pad, slice_of_concat)
    ],
    "reduce": [(f.__name__, f) for f in (reduce_nothing, reduce_of_reduce, sum_of_broadcast)],
}
