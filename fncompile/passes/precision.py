"""Say where numbers of dtype bfloat16 or float16 are float32 in truth.

Requires: contractions in matrix form. Ensures: sums and other reductions over these are computed
in float32 and rounded once at their end, and so are products of a dtype that has no tile of its
own; no contraction reads memory that holds two bytes an element, as parameters, inputs and outputs
do. The rule of such a dtype: every op is computed in float32 from its operands, and its result is
rounded to the dtype, wherever it then lies. So results do not depend on fusion, and the
interpreter has the very same rule. On AVX2 the rounding costs a training step of 784-64-64-10 at
batch 32 a tenth of its time, one of four layers of 512 at batch 256 a fiftieth. With AVX-512 the
first takes 1.44 times as long in mixed_float16 as in float32, and prediction at batch 256 1.23
times: products read copies in float32, and each rounding is ten operations.
Example: reduce(x: bf16) -> cast(reduce(cast(x, f32)), bf16).
"""

from __future__ import annotations

from dataclasses import replace

from fncompile.ir import build
from fncompile.ir.node import Node, Program, make, rebuild
from fncompile.ir.types import DTYPES

IN_MEMORY = ("param", "input", "const")  # leaves that keep their two bytes an element


def precision(program: Program, context=None) -> Program:
    def visit(node: Node, src: tuple[Node, ...]) -> Node | None:
        row = DTYPES[src[0].dtype] if src else None
        if row is None or not row.widens:
            return None
        if node.op in ("reduce", "unwindow", "argmax", "scatter_add", *["dot"] * row.emulated):
            wide = [build.cast(x, row.in_register) if x.dtype == row.name else x for x in src]
            return build.cast(make(node.op, wide, *node.attr), node.dtype)
        return make("dot", map(_computed, src), *node.attr) if node.op == "dot" else None

    program = program.map(rebuild(program.roots, visit).__getitem__)
    updates = {p: n if n is p else _copied(n) for p, n in program.updates.items()}
    outputs = {name: _copied(n) for name, n in program.outputs.items()}
    return replace(program, outputs=outputs, updates=updates)


def _copied(root: Node) -> Node:
    """What is stored as a root, apart from `root` itself, which others may read."""
    return make("cast", (root,), root.dtype) if DTYPES[root.dtype].widens else root


def _computed(operand: Node) -> Node:
    """`operand`, where it is a view of memory in two bytes, as a view of a copy of that."""
    leaf = operand
    while leaf.op in ("reshape", "permute", "broadcast", "slice", "window"):
        leaf = leaf.src[0]
    if leaf.op not in IN_MEMORY:
        return operand
    copy = _copied(leaf)
    return rebuild((operand,), lambda node, src: copy if node is leaf else None)[operand]
