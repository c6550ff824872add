"""Bring every contraction to the form that kernels compute.

Requires: a Program. Ensures: every `dot` is `a[m,k] b[k,n]` or `a[g,m,k] b[g,k,n]`, with the axes
merged by permutes and reshapes around it, which `fuse` reads as strides where it can.
"""

from __future__ import annotations

from fncompile.ir import build
from fncompile.ir.dims import Dim, product
from fncompile.ir.node import Node, Program, rebuild


def layout(program: Program, context=None) -> Program:
    def visit(node: Node, src: tuple[Node, ...]) -> Node | None:
        return matrix_form(node, *src) if node.op == "dot" else None

    return program.map(rebuild(program.roots, visit).__getitem__)


def matrix_form(node: Node, a: Node, b: Node) -> Node:
    batch_a, batch_b, contract_a, contract_b = node.attr
    free_a = [i for i in range(a.ndim) if i not in (*batch_a, *contract_a)]
    free_b = [i for i in range(b.ndim) if i not in (*batch_b, *contract_b)]
    left = _merge(a, batch_a, free_a, contract_a)
    right = _merge(b, batch_b, contract_b, free_b)
    rank = 3 if batch_a else 2
    axes = ((rank - 1,), (rank - 2,))
    batch = ((0,), (0,)) if batch_a else ((), ())
    return build.reshape(build.dot(left, right, axes, batch), node.shape)


def _merge(x: Node, *groups) -> Node:
    """`x` with the axes of each group merged into one; an empty first group (no batch) is
    dropped."""
    x = build.permute(x, [i for group in groups for i in group])
    dims: list[Dim] = []
    start = 0
    for position, group in enumerate(groups):
        if group or position:
            dims.append(product(x.shape[start : start + len(group)]))
        start += len(group)
    return build.reshape(x, dims)
