"""Ops on many values at once: the same computation with one more axis, which leads.

`batched(nodes, given, n)` is what a loop over the leading axis of the given values would compute,
without the loop. A row of RULES says how an op takes the axis: (node, sources, which of them have
it, extent) -> the op on all of them, or None where it cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from fncompile.ir import build
from fncompile.ir.dims import Dim
from fncompile.ir.node import Node, make, toposort

Value = tuple[Node, bool]  # and whether it has the axis
Rule = Callable[[Node, Sequence[Node], Sequence[bool], Dim], "Node | None"]


def batched(
    roots: Sequence[Node], given: Mapping[Node, Value], extent: Dim
) -> dict[Node, Value | None]:
    """What stands for each node below `roots`; None where it cannot be had at once. What needs
    nothing that is given stands for itself."""
    found: dict[Node, Value | None] = {}
    for node in toposort(roots):
        if node in given:
            found[node] = given[node]
            continue
        sources = [found[s] for s in node.src]
        if any(s is None for s in sources):
            found[node] = None
            continue
        values = [s[0] for s in sources if s is not None]
        flags = [s[1] for s in sources if s is not None]
        if any(flags):
            made = RULES.get(node.op, _none)(node, values, flags, extent)
            found[node] = None if made is None else (made, True)
        else:
            same = values == list(node.src)
            found[node] = (node if same else make(node.op, values, *node.attr), False)
    return found


def spread(value: Value, extent: Dim) -> Node:
    """With the axis, whether it had it or not."""
    node, has_axis = value
    return node if has_axis else build.broadcast_to(node, (extent, *node.shape))


def _none(node: Node, args: Sequence[Node], flags: Sequence[bool], n: Dim) -> Node | None:
    return None


def _ew(node: Node, args: Sequence[Node], flags: Sequence[bool], n: Dim) -> Node:
    return build.ew(node["fn"], *args)


def _shifted(node: Node, args: Sequence[Node], flags: Sequence[bool], n: Dim) -> Node:
    """Attributes that are axes."""
    attrs = [
        tuple(a + 1 for a in v) if isinstance(v, tuple) else v + 1 if isinstance(v, int) else v
        for v in node.attr
    ]
    return make(node.op, [spread(v, n) for v in zip(args, flags)], *attrs)


def _windowed(node: Node, args: Sequence[Node], flags: Sequence[bool], n: Dim) -> Node:
    axes, *others = node.attr
    return make(node.op, args, tuple(a + 1 for a in axes), *others)


def _permute(node: Node, args: Sequence[Node], flags: Sequence[bool], n: Dim) -> Node:
    return build.permute(args[0], (0, *(p + 1 for p in node["perm"])))


def _slice(node: Node, args: Sequence[Node], flags: Sequence[bool], n: Dim) -> Node:
    start, size, step = (0, *node["start"]), (n, *node["size"]), (1, *node["step"])
    return make("slice", args, start, size, step)


def _pad(node: Node, args: Sequence[Node], flags: Sequence[bool], n: Dim) -> Node:
    start, size, step = (0, *node["start"]), (n, *node["size"]), (1, *node["step"])
    return make("pad", args, start, size, step, node["value"])


def _dot(node: Node, args: Sequence[Node], flags: Sequence[bool], n: Dim) -> Node:
    """The axis is one more of the batch, or of the rows or columns of the operand that has it.

    Then a permute of an operand becomes one of the result: what lies in one piece is multiplied as
    it lies."""
    batch_a, batch_b, contract_a, contract_b = (
        tuple(axis + has for axis in axes)
        for axes, has in zip(node.attr, (flags[0], flags[1], flags[0], flags[1]), strict=True)
    )
    a, b = args
    if all(flags):
        return build.dot(a, b, (contract_a, contract_b), ((0, *batch_a), (0, *batch_b)))
    (a, at_a), (b, at_b) = _stored(a), _stored(b)
    batch = [at_a[i] for i in batch_a], [at_b[i] for i in batch_b]
    contract = [at_a[i] for i in contract_a], [at_b[i] for i in contract_b]
    out = build.dot(a, b, contract, batch)
    rows = _places(at_a, batch[0] + contract[0], len(batch_a))
    columns = _places(at_b, batch[1] + contract[1], len(batch_a) + len(rows))
    lead = (rows if flags[0] else columns).pop(0)
    return build.permute(out, [lead, *range(len(batch_a)), *rows, *columns])


def _stored(x: Node) -> tuple[Node, Sequence[int]]:
    """What a permute is of, and which of its axes each axis is."""
    return (x.src[0], x["perm"]) if x.op == "permute" else (x, range(x.ndim))


def _places(at: Sequence[int], taken: Sequence[int], first: int) -> list[int]:
    """Where the free axes of an operand are in the result of a `dot`, from `first` on."""
    free = [axis for axis in at if axis not in taken]
    return [first + sorted(free).index(axis) for axis in free]


def _gather(node: Node, args: Sequence[Node], flags: Sequence[bool], n: Dim) -> Node | None:
    """Out of one table."""
    return None if flags[0] else build.gather(*args)


RULES: dict[str, Rule] = {
    "ew": _ew,
    "cast": lambda node, args, flags, n: build.cast(args[0], node["dtype"]),
    "reshape": lambda node, args, flags, n: build.reshape(args[0], (n, *node.shape)),
    "broadcast": lambda node, args, flags, n: build.broadcast_to(args[0], (n, *node.shape)),
    "permute": _permute,
    "slice": _slice,
    "pad": _pad,
    "window": _windowed,
    "unwindow": _windowed,
    "concat": _shifted,
    "argmax": _shifted,
    "reduce": lambda node, args, flags, n: build.reduce(
        args[0], node["kind"], [a + 1 for a in node["axes"]]
    ),
    "dot": _dot,
    "gather": _gather,
    "stop_gradient": lambda node, args, flags, n: build.stop_gradient(args[0]),
    "straight_through": lambda node, args, flags, n: make(
        node.op, [spread(v, n) for v in zip(args, flags)]
    ),
}
