"""One vector-Jacobian product per op: `VJP[op](node, g)` gives a cotangent per source, or None.

`g` has the type of `node`, or, for a bundle, is a tuple, with None for some of its parts. Every
cotangent has the type of its source. The derivative of an element-wise function is a row of
`SCALAR_VJP`.

Where branches meet there is no derivative, and the number given lies between the slopes on either
side: 0 for |x| at 0; half to each of two equal operands of max or min, and the same share to each
of the equal maxima of `reduce`; none to the tensor that equals a constant bound (relu, clip).
Tests: tests/ops/test_ties.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from fncompile.ir import build
from fncompile.ir.build import ew
from fncompile.ir.node import Node
from fncompile.ir.region import substituted
from fncompile.ir.types import is_float

Cotangents = Sequence["Node | None"]

NOT_DIFFERENTIABLE = (
    "input", "param", "const", "iota", "size", "argmax", "argsort", "bits", "stop_gradient", "part",
)  # fmt: skip


def _own_gradient(node: Node, g: Node) -> Cotangents:
    body = node["body"]
    read = len(body.inputs)
    given = dict(zip(body.inputs, (g, *node.src[1:read])))
    return [*[None] * read, *substituted(body.outputs, given)]


def _none(node: Node, g: Node) -> Cotangents:
    return [None] * len(node.src)


def _ew(node: Node, g: Node) -> Cotangents:
    return SCALAR_VJP[node["fn"]](g, node, *node.src)


def _cast(node: Node, g: Node) -> Cotangents:
    source = node.src[0]
    return [build.cast(g, source.dtype) if is_float(source.dtype) else None]


def _reshape(node: Node, g: Node) -> Cotangents:
    return [build.reshape(g, node.src[0].shape)]


def _permute(node: Node, g: Node) -> Cotangents:
    perm = node["perm"]
    return [build.permute(g, sorted(range(len(perm)), key=perm.__getitem__))]


def _broadcast(node: Node, g: Node) -> Cotangents:
    source = node.src[0]
    grown = [i for i, (a, b) in enumerate(zip(source.shape, node.shape)) if a == 1 != b]
    return [build.reduce(g, "sum", grown, keepdims=True)]


def _slice(node: Node, g: Node) -> Cotangents:
    return [build.pad(g, node["start"], node.src[0].shape, node["step"])]


def _pad(node: Node, g: Node) -> Cotangents:
    return [build.slice(g, node["start"], node.src[0].shape, node["step"])]


def _concat(node: Node, g: Node) -> Cotangents:
    parts, start = [], 0
    for source in node.src:
        size = source.shape[node["axis"]]
        parts.append(build.slice_axis(g, node["axis"], start, size))
        start = start + size
    return parts


def _window(node: Node, g: Node) -> Cotangents:
    axes, x = node["axes"], node.src[0]
    extents = [x.shape[a] for a in axes]
    return [build.unwindow(g, axes, extents, node["stride"], node["dilation"], node["low"])]


def _unwindow(node: Node, g: Node) -> Cotangents:
    """Each window reads again; `high` is what its count of windows needs."""
    axes, x = node["axes"], node.src[0]
    size: Any = x.shape[node.ndim :]  # taps are known
    rows = zip(axes, size, node["stride"], node["dilation"], node["low"])
    high = [
        (x.shape[a] - 1) * stride + (k - 1) * dilation + 1 - low - node.shape[a]
        for a, k, stride, dilation, low in rows
    ]
    return [build.window(g, axes, size, node["stride"], node["dilation"], node["low"], high)]


def _reduce(node: Node, g: Node) -> Cotangents:
    x, axes = node.src[0], node["axes"]
    spread = build.broadcast_to(build.expand_dims(g, axes), x.shape)
    if node["kind"] == "sum":
        return [spread]
    if node["kind"] == "prod":
        return [ew("mul", spread, _product_of_others(x, axes))]
    best = build.broadcast_to(build.expand_dims(node, axes), x.shape)
    tied = build.cast(ew("eq", x, best), x.dtype)  # ties share the gradient
    count = build.reduce(tied, "sum", axes, keepdims=True)
    return [ew("mul", spread, ew("div", tied, count))]


def _product_of_others(x: Node, axes: Sequence[int]) -> Node:
    """out[i] = product of x over `axes` without x[i]; exact where elements are zero."""
    kept = [i for i in range(x.ndim) if i not in axes]
    perm = [*kept, *axes]
    flat = build.permute(x, perm)
    n = build.product(x.shape[a] for a in axes)
    outer = tuple(x.shape[i] for i in kept)
    pair = (*outer, n, n)
    others = build.broadcast_to(build.reshape(flat, (*outer, 1, n)), pair)
    own = ew("eq", build.iota(pair, len(outer)), build.iota(pair, len(outer) + 1))
    products = build.reduce(ew("select", own, build.like(x, 1), others), "prod", (len(pair) - 1,))
    back = sorted(range(x.ndim), key=perm.__getitem__)
    return build.permute(build.reshape(products, flat.shape), back)


def _dot(node: Node, g: Node) -> Cotangents:
    """Two dots: da contracts g with b over b's free axes, db contracts a with g over a's."""
    a, b = node.src
    batch_a, batch_b, contract_a, contract_b = node.attr
    free_a = [i for i in range(a.ndim) if i not in (*batch_a, *contract_a)]
    free_b = [i for i in range(b.ndim) if i not in (*batch_b, *contract_b)]
    nb, na = len(batch_a), len(free_a)
    batch = list(range(nb))
    da = build.dot(g, b, (range(nb + na, g.ndim), free_b), (batch, batch_b))
    axes_a = [*batch_a, *free_a, *(contract_a[contract_b.index(j)] for j in sorted(contract_b))]
    db = build.dot(a, g, (free_a, range(nb, nb + na)), (batch_a, batch))
    axes_b = [*batch_b, *(contract_b[contract_a.index(i)] for i in sorted(contract_a)), *free_b]
    return [_in_axis_order(da, axes_a), _in_axis_order(db, axes_b)]


def _in_axis_order(x: Node, axes: Sequence[int]) -> Node:
    """`x`, whose axis i stands for axis `axes[i]`, with its axes put in order."""
    return build.permute(x, sorted(range(len(axes)), key=axes.__getitem__))


def _gather(node: Node, g: Node) -> Cotangents:
    x, idx = node.src
    return [build.scatter_add(g, idx, x.shape[0]), None]


def _scatter_add(node: Node, g: Node) -> Cotangents:
    updates, idx = node.src
    inside = ew(
        "and", ew("le", build.like(idx, 0), idx), ew("lt", idx, _extent_like(node.shape[0], idx))
    )
    inside = build.reshape(inside, (*idx.shape, *(1,) * (updates.ndim - idx.ndim)))
    return [ew("select", inside, build.gather(g, idx), build.like(g, 0)), None]


def _scan(node: Node, g: Sequence[Node | None]) -> Cotangents:
    from fncompile.autodiff.scan import scan  # which walks a body as reverse.py does

    return scan(node, g)


def _attention(node: Node, g: Node) -> Cotangents:
    from fncompile.autodiff import attention  # which walks the composition

    return getattr(attention, node.op)(node, g)


def _extent_like(dim, idx: Node) -> Node:
    return build.extent(dim, idx.dtype)


VJP: dict[str, Callable[[Node, Any], Cotangents]] = {
    **dict.fromkeys(NOT_DIFFERENTIABLE, _none),
    "ew": _ew,
    "cast": _cast,
    "reshape": _reshape,
    "permute": _permute,
    "broadcast": _broadcast,
    "slice": _slice,
    "pad": _pad,
    "concat": _concat,
    "window": _window,
    "unwindow": _unwindow,
    "reduce": _reduce,
    "dot": _dot,
    "attention": _attention,
    "attention_grad": _attention,
    "gather": _gather,
    "scatter_add": _scatter_add,
    "straight_through": lambda node, g: [None, g],
    "own_gradient": _own_gradient,
    "scan": _scan,
}


# derivatives of the scalar functions: (g, y, x, …) -> cotangent of each operand -------------------


def _zero(g: Node) -> Node:
    return build.like(g, 0)


def _no_gradient(g: Node, y: Node, *xs: Node) -> Cotangents:
    return [None] * len(xs)


def _where(condition: Node, g: Node) -> Node:
    return ew("select", condition, g, _zero(g))


def _abs(g: Node, y: Node, x: Node) -> Cotangents:
    positive, negative = ew("lt", _zero(x), x), ew("lt", x, _zero(x))
    return [ew("select", positive, g, ew("select", negative, ew("neg", g), _zero(g)))]


def _pow(g: Node, y: Node, a: Node, b: Node) -> Cotangents:
    """d/da = b a^(b-1), 0 where b is 0; d/db = y log(a), 0 where a is 0."""
    da = ew("mul", b, ew("pow", a, ew("sub", b, build.like(b, 1))))
    da = ew("select", ew("eq", b, _zero(b)), _zero(b), da)
    db = ew("select", ew("eq", a, _zero(a)), _zero(a), ew("mul", y, ew("log", a)))
    return [ew("mul", g, da), ew("mul", g, db)]


def _max(g: Node, y: Node, a: Node, b: Node) -> Cotangents:
    """Asks the result, not `a`: a > b where max(a, b) > b, and then `a` need not be kept."""
    return _to_the_winner(g, (a, ew("lt", b, y)), (b, ew("lt", a, y)))


def _min(g: Node, y: Node, a: Node, b: Node) -> Cotangents:
    return _to_the_winner(g, (a, ew("lt", y, b)), (b, ew("lt", y, a)))


def _to_the_winner(g: Node, *sides: tuple[Node, Node]) -> Cotangents:
    """Of equal operands each has half of the gradient, as in JAX and PyTorch and for `reduce`.

    A constant takes a tie whole, on either side: relu, max(x, 0), has the slope 0 at 0, and so has
    `clip` at its bounds.
    """
    (a, a_wins), (b, b_wins) = sides
    if build.splat(a) is not None or build.splat(b) is not None:
        return [_where(a_wins, g), _where(b_wins, g)]
    half = ew("mul", g, build.like(g, 0.5))
    return [
        ew("select", wins, g, ew("select", loses, _zero(g), half))
        for wins, loses in ((a_wins, b_wins), (b_wins, a_wins))
    ]


SCALAR_VJP: dict[str, Callable[..., Cotangents]] = {
    "neg": lambda g, y, x: [ew("neg", g)],
    "abs": _abs,
    "exp": lambda g, y, x: [ew("mul", g, y)],
    "expm1": lambda g, y, x: [ew("mul", g, ew("add", y, build.like(y, 1)))],
    "log": lambda g, y, x: [ew("div", g, x)],
    "log1p": lambda g, y, x: [ew("div", g, ew("add", x, build.like(x, 1)))],
    "sqrt": lambda g, y, x: [ew("div", ew("mul", g, build.like(y, 0.5)), y)],
    "rsqrt": lambda g, y, x: [ew("mul", g, ew("div", ew("mul", y, build.like(y, -0.5)), x))],
    "sin": lambda g, y, x: [ew("mul", g, ew("cos", x))],
    "cos": lambda g, y, x: [ew("neg", ew("mul", g, ew("sin", x)))],
    "atan": lambda g, y, x: [ew("div", g, ew("add", ew("mul", x, x), build.like(x, 1)))],
    "tanh": lambda g, y, x: [ew("mul", g, ew("sub", build.like(y, 1), ew("mul", y, y)))],
    "sigmoid": lambda g, y, x: [ew("mul", g, ew("mul", y, ew("sub", build.like(y, 1), y)))],
    "erf": lambda g, y, x: [
        ew(
            "mul",
            g,
            ew("mul", build.like(x, 2 / math.sqrt(math.pi)), ew("exp", ew("neg", ew("mul", x, x)))),
        )
    ],
    "add": lambda g, y, a, b: [g, g],
    "sub": lambda g, y, a, b: [g, ew("neg", g)],
    "mul": lambda g, y, a, b: [ew("mul", g, b), ew("mul", g, a)],
    "div": lambda g, y, a, b: [ew("div", g, b), ew("neg", ew("div", ew("mul", g, y), b))],
    "mod": lambda g, y, a, b: [g, ew("neg", ew("mul", g, ew("floordiv", a, b)))],
    "pow": _pow,
    "max": _max,
    "min": _min,
    "select": lambda g, y, c, a, b: [None, _where(c, g), ew("select", c, _zero(g), g)],
    **dict.fromkeys(
        (
            "floor", "rint", "signbit", "floordiv", "eq", "lt", "le", "and", "or", "xor", "not",
            "shr", "shl",
        ),
        _no_gradient,
    ),
}
