"""The reverse walk."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

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
    found = pullback([output], [seed], wrt)
    return [
        build.full(x.shape, 0, x.dtype) if g is None else g for x, g in zip(wrt, found, strict=True)
    ]


def pullback(
    outputs: Sequence[Node],
    seeds: Sequence[Node | None],
    wrt: Sequence[Node],
    through: Container[Node] | None = None,
) -> list[Node | None]:
    """The sum over the outputs of seed * d(output)/d(x) for each `x` of `wrt`, None where none
    depends on it. An output whose seed is None does not count. Nodes that are not in `through`, if
    this is given, are constants."""
    order = toposort(outputs)
    active = _reaching(order, set(wrt), through)
    origins, cotangents = current_origins(), dict[Node, Node]()

    def add(node: Node, part: Node | None) -> None:
        if part is not None and node in active:
            old = cotangents.get(node)
            cotangents[node] = part if old is None else build.ew("add", old, part)

    for output, seed in zip(outputs, seeds, strict=True):
        add(output, seed)
    for node in reversed(order):
        g = _cotangent(node, cotangents)
        if g is None or node not in active or not node.src:
            continue
        with coming_from(_backward(origins.get(node))):
            for source, part in zip(node.src, VJP[node.op](node, g)):
                add(source, part)
    return [cotangents.get(x) for x in wrt]


def _cotangent(node: Node, cotangents: dict[Node, Node]) -> Any:
    """That of a part stays with it until its bundle takes those of all parts."""
    if node.op != "scan":
        return cotangents.get(node)
    found = tuple(cotangents.get(part) for part in build.parts(node))
    return found if any(g is not None for g in found) else None


def _reaching(
    order: Sequence[Node], targets: set[Node], through: Container[Node] | None
) -> set[Node]:
    """Floating-point nodes of `order` that depend on a target by way of nodes in `through`."""
    active: set[Node] = set()
    for node in order:
        floating = any(is_float(type.dtype) for type in node.type.parts)
        computed = floating and (through is None or node in through)
        if node in targets or (computed and any(s in active for s in node.src)):
            active.add(node)
    return active


def _backward(origin: Origin | None) -> Origin | None:
    return None if origin is None else Origin(origin.path, backward=True)
