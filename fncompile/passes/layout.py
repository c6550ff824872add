"""Bring the axes of every contraction into one order.

Requires: a Program. Ensures: every `dot` is `a[batch, rows, contracted] b[batch, contracted,
columns]`, each of these any number of axes, by permutes of its operands, which `fuse` reads as
strides. How many axes are left where those are walked as one is a question of memory: stages.py.
"""

from __future__ import annotations

from fncompile.ir import build
from fncompile.ir.node import Node, Program, rebuild


def layout(program: Program, context=None) -> Program:
    def visit(node: Node, src: tuple[Node, ...]) -> Node | None:
        return ordered(node, *src) if node.op == "dot" else None

    return program.map(rebuild(program.roots, visit).__getitem__)


def ordered(node: Node, a: Node, b: Node) -> Node:
    batch_a, batch_b, contract_a, contract_b = node.attr
    free_a = [i for i in range(a.ndim) if i not in (*batch_a, *contract_a)]
    free_b = [i for i in range(b.ndim) if i not in (*batch_b, *contract_b)]
    a = build.permute(a, [*batch_a, *free_a, *contract_a])
    b = build.permute(b, [*batch_b, *contract_b, *free_b])
    batches, rows, depth = len(batch_a), len(free_a), len(contract_a)
    batch = tuple(range(batches))
    contracted = range(batches + rows, a.ndim), range(batches, batches + depth)
    return build.dot(a, b, contracted, (batch, batch))
