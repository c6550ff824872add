"""The reverse walk."""

from __future__ import annotations

from collections.abc import Sequence

from fncompile.autodiff.rules import VJP
from fncompile.ir import build
from fncompile.ir.node import Node, Origin, coming_from, current_origins, toposort
from fncompile.ir.types import is_float


def gradients(output: Node, wrt: Sequence[Node], seed: Node | None = None) -> list[Node]:
    """d(output)/d(x) for each `x` of `wrt`, zeros where `output` does not depend on it.

    `output` is a scalar, or `seed` gives the cotangent of its shape. Only paths from `wrt` to
    `output` are walked. What a rule makes for a node comes from the backward part of its layer.
    """
    if seed is None:
        if output.shape != ():
            raise ValueError(
                f"The output to differentiate must be a scalar. Received: {output.type}"
            )
        seed = build.const(1, output.dtype)
    order = toposort([output])
    active = _reaching(order, set(wrt))
    origins, cotangents = current_origins(), {output: seed}
    for node in reversed(order):
        g = cotangents.get(node)
        if g is None or node not in active or not node.src:
            continue
        with coming_from(_backward(origins.get(node))):
            for source, part in zip(node.src, VJP[node.op](node, g)):
                if part is not None and source in active:
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


def _backward(origin: Origin | None) -> Origin | None:
    return None if origin is None else Origin(origin.path, backward=True)
