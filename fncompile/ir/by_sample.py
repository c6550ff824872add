"""Is a program the same computation for each sample of a batch, apart from the others?

Every value may have the batch as one of its axes, and no op may combine elements along it. A row of
RULES says when an op does not: (node, axis of the result, axis of each source) -> bool, where None
is an axis that a value does not have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fncompile.ir.dims import Dim, product, symbol, symbols_of
from fncompile.ir.node import Node, Program, toposort

Axis = int | None
BATCH = symbol("B")
ROW = -1  # the only axis of the row of an attention, whose pieces have samples in their order


def is_by_sample(program: Program) -> bool:
    """Can outputs be had for some samples of a batch, and then for the others?"""
    ends = (*program.inputs, *program.outputs.values())
    leading = all(n.shape and n.shape[0] == BATCH for n in ends)
    checked = [d for pair in program.constraints for d in pair]
    if program.updates or not program.inputs or not leading or "B" in symbols_of(checked):
        return False
    return all(map(_is_apart, program.nodes()))


def _axis(node: Node) -> Axis:
    """That of the batch. ValueError where there are several, or one that is more than the batch."""
    if "attention" in (node.op, *(s.op for s in node.src if node.op == "slice")):
        return ROW
    found = [i for i, n in enumerate(node.shape) if _is_of_batch(n)]
    if len(found) > 1 or any(node.shape[i] != BATCH for i in found):
        raise ValueError(f"{node.type} mixes samples")
    return found[0] if found else None


def _is_of_batch(dim: Dim) -> bool:
    return "B" in symbols_of([dim])


def _is_apart(node: Node) -> bool:
    try:
        axis, sources = _axis(node), [_axis(s) for s in node.src]
    except ValueError:
        return False
    return node.op in RULES and RULES[node.op](node, axis, sources)


def _same(node: Node, axis: Axis, sources: Sequence[Axis]) -> bool:
    return all(s in (None, axis) for s in sources)


def _reshape(node: Node, axis: Axis, sources: Sequence[Axis]) -> bool:
    source, before = node.src[0], sources[0]
    if axis is None or before is None:
        return axis == before
    return product(node.shape[:axis]) == product(source.shape[:before])


def _whole(node: Node, axis: Axis, sources: Sequence[Axis]) -> bool:
    """Does a slice or a pad leave the axis as it is? Of a row it takes the first piece."""
    kept = axis is None or (node["start"][axis] == 0 and node["step"][axis] == 1)
    return sources[0] == axis and kept


def _off(name: str) -> Callable[[Node, Axis, Sequence[Axis]], bool]:
    """Are the axes that the op is along others?"""

    def rule(node: Node, axis: Axis, sources: Sequence[Axis]) -> bool:
        along = node[name]
        before = sources[0] if sources else axis
        return before not in (along if isinstance(along, tuple) else (along,))

    return rule


def _dot(node: Node, axis: Axis, sources: Sequence[Axis]) -> bool:
    batch_a, batch_b, contract_a, contract_b = node.attr
    a, b = sources
    if a in contract_a or b in contract_b:
        return False
    together = list(zip(batch_a, batch_b))
    return a is None or b is None or (a, b) in together


def _scan(node: Node, axis: Axis, sources: Sequence[Axis]) -> bool:
    """Turns are not of the batch, and each is the same for each sample."""
    return not _is_of_batch(node["count"]) and all(map(_is_apart, toposort(node["body"].outputs)))


RULES: dict[str, Callable[[Node, Axis, Sequence[Axis]], bool]] = {
    **dict.fromkeys(("input", "param", "const"), _same),
    **dict.fromkeys(("ew", "cast", "broadcast", "stop_gradient", "straight_through"), _same),
    "iota": _off("axis"),
    "size": lambda node, axis, sources: not _is_of_batch(node["dim"]),
    "reshape": _reshape,
    "permute": lambda node, axis, sources: (
        sources[0] is None or node["perm"].index(sources[0]) == axis
    ),
    "slice": _whole,
    "pad": _whole,
    "concat": lambda node, axis, sources: (
        axis != node["axis"] and _same(node, axis, sources)
    ),
    "reduce": _off("axes"),
    "argmax": _off("axis"),
    "window": _off("axes"),
    "unwindow": _off("axes"),
    "dot": _dot,
    "gather": lambda node, axis, sources: sources[0] is None and sources[1] == axis,
    "scan": _scan,
    "part": lambda node, axis, sources: True,
    "attention": lambda node, axis, sources: all(s in (None, 0) for s in sources),
    "own_gradient": lambda node, axis, sources: sources[0] == axis,
}
