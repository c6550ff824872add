"""The reverse walk."""

from __future__ import annotations

from collections.abc import Sequence

from fncompile.autodiff.rules import VJP
from fncompile.ir import build
from fncompile.ir.node import Node, current_origins, note_origin, toposort
from fncompile.ir.types import is_float


def gradients(output: Node, wrt: Sequence[Node], seed: Node | None = None) -> list[Node]:
    """d(output)/d(x) for each `x` of `wrt`, zeros where `output` does not depend on it.

    `output` is a scalar, or `seed` gives the cotangent of its shape. Only paths from `wrt` to
    `output` are walked. A new node carries the origin of the node whose rule made it.
    """
    if seed is None:
        if output.shape != ():
            raise ValueError(
                f"The output to differentiate must be a scalar. Received: {output.type}"
            )
        seed = build.const(1, output.dtype)
    order = toposort([output])
    active = _reaching(order, set(wrt))
    cotangents: dict[Node, Node] = {output: seed}
    for node in reversed(order):
        g = cotangents.get(node)
        if g is None or node not in active or not node.src:
            continue
        for source, part in zip(node.src, VJP[node.op](node, g)):
            if part is not None and source in active:
                _note_origin(part, node)
                old = cotangents.get(source)
                cotangents[source] = part if old is None else build.ew("add", old, part)
    return [cotangents.get(x, build.full(x.shape, 0, x.dtype)) for x in wrt]


def _reaching(order: Sequence[Node], targets: set[Node]) -> set[Node]:
    """Floating-point nodes of `order` that depend on a target."""
    active: set[Node] = set()
    for node in order:
        if node in targets or (is_float(node.dtype) and any(s in active for s in node.src)):
            active.add(node)
    return active


def _note_origin(made: Node, node: Node) -> None:
    origins = current_origins()
    origin = origins.get(node)
    if origin is None:
        return
    stack = [made]
    while stack:
        new = stack.pop()
        if new not in origins and new.src:
            note_origin(new, f"{origin}'")
            stack.extend(new.src)
