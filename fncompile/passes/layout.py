"""Bring the axes of every contraction into one order.

Requires: a Program. Ensures: every `dot` is `a[batch, rows, contracted] b[batch, contracted,
columns]`, each of these any number of axes, by permutes of its operands, which `fuse` reads as
strides. Batches and rows are in the order in which the only reader of the result asks for them,
but for a scan, which walks what it reads in any order.
How many axes are left where those are walked as one is a question of memory: stages.py.
"""

from __future__ import annotations

from collections import Counter

from fncompile.ir import build
from fncompile.ir.node import Node, Program, rebuild


def layout(program: Program, context=None) -> Program:
    readers = Counter(s for node in program.nodes() for s in node.src)
    readers.update(program.roots)
    walked = {s for node in program.nodes() if node.op == "scan" for s in node.src}

    def visit(node: Node, src: tuple[Node, ...]) -> Node | None:
        if node.op == "dot":
            return ordered(node, *src)
        alone = node.op == "permute" and node.src[0].op == "dot" and readers[node.src[0]] == 1
        return as_asked(src[0], node["perm"]) if alone and node not in walked else None

    return program.map(rebuild(program.roots, visit).__getitem__)


def ordered(node: Node, a: Node, b: Node) -> Node:
    batch_a, batch_b, contract_a, contract_b = node.attr
    free_a = [i for i in range(a.ndim) if i not in (*batch_a, *contract_a)]
    free_b = [i for i in range(b.ndim) if i not in (*batch_b, *contract_b)]
    a = build.permute(a, [*batch_a, *free_a, *contract_a])
    b = build.permute(b, [*batch_b, *contract_b, *free_b])
    return _dot(a, b, len(batch_a), len(contract_a))


def _dot(a: Node, b: Node, batches: int, depth: int) -> Node:
    batch = tuple(range(batches))
    contracted = range(a.ndim - depth, a.ndim), range(batches, batches + depth)
    return build.dot(a, b, contracted, (batch, batch))


def as_asked(dot: Node, perm: tuple[int, ...]) -> Node | None:
    """The permute of an ordered contraction as one of its operands' axes, if it only moves batches
    among themselves, and rows. Columns stay, as they lie in the right operand."""
    a, b = dot.src
    batches, depth = len(dot.attr[0]), len(dot.attr[2])
    rows = a.ndim - batches - depth
    groups = perm[:batches], perm[batches : batches + rows], perm[batches + rows :]
    starts = 0, batches, batches + rows
    kept = all(sorted(g) == list(range(s, s + len(g))) for g, s in zip(groups, starts))
    if not kept or list(groups[2]) != sorted(groups[2]):
        return None
    contracted = range(a.ndim - depth, a.ndim)
    a = build.permute(a, [*groups[0], *groups[1], *contracted])
    b = build.permute(b, [*groups[0], *range(batches, b.ndim)])
    return _dot(a, b, batches, depth)
