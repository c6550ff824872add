"""One row times a small matrix as a sum of products, computed in the loop of whoever reads it.

Requires: contractions in matrix form. Ensures: the same results within the order of a sum. A tile
of rows has nothing to share for one row, so a step of a small recurrence, or of a network for one
sample, would spend its time on calls and on sums that wait in memory. Each sum is one of PARTS
sums, since a multiply-add waits for the one before. LSTM(16) with Dense(1), one step from C:
126 -> 90 ns (AMD Zen 4).

What reads a part of such sums, as a gate does, takes the sums of that part: so gates of a unit are
computed in one loop, and do not wait in memory, unless a state is written in place meanwhile. The
same step: 87 -> 74 ns.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from fncompile.ir import build
from fncompile.ir.build import ew
from fncompile.ir.dims import product
from fncompile.ir.node import Node, Program, make, rebuild
from fncompile.passes.unroll import MOST_UNROLLED

MOST_PRODUCTS = 4096  # 16 KB of weights, read from the first-level cache
PARTS = 4
LEAST_PART = 8  # numbers, a vector of AVX2: shorter parts are read from memory
WIDE = ("float32", "float64")


def few_products(program: Program, context=None) -> Program:
    of_sums: set[Node] = set()  # and what is computed from them, element by element

    def visit(node: Node, src: tuple[Node, ...]) -> Node | None:
        made = make(node.op, src, *node.attr)
        if node.op == "dot":
            made = _summed(made)
        if node.op == "slice" and src[0] in of_sums and _is_long(node):
            return _part(src[0], *node.attr)
        if (node.op == "dot" and made.op != "dot") or (
            node.op in ("ew", "reshape") and not of_sums.isdisjoint(src)
        ):
            of_sums.add(made)
        return made

    return program.map(rebuild(program.roots, visit).__getitem__)


def _is_long(part: Node) -> bool:
    last = part.shape[-1]
    return isinstance(last, int) and last >= LEAST_PART


Places = tuple[Any, ...]


def _part(x: Node, start: Places, size: Places, step: Places) -> Node:
    """A slice of x, made of slices of what x is made of."""
    if x.op == "ew" and all(s.shape == x.shape for s in x.src):
        return ew(x["fn"], *(_part(s, start, size, step) for s in x.src))
    if x.op == "reduce" and x["axes"] == (0,):
        rows = x.src[0].shape[0]
        products = _part(x.src[0], (0, *start), (rows, *size), (1, *step))
        return build.reduce(products, x["kind"], (0,))
    units = x.ndim - x.src[0].ndim if x.op == "reshape" else 0
    if units > 0 and x.shape == (1,) * units + x.src[0].shape:
        inner = _part(x.src[0], start[units:], size[units:], step[units:])
        return build.reshape(inner, size)
    return build.slice(x, start, size, step)


def _summed(dot: Node) -> Node:
    a, b = dot.src
    depth, columns = product(a.shape), product(dot.shape)
    known = isinstance(depth, int) and isinstance(columns, int)
    if not known or product(b.shape) != depth * columns or {a.dtype, b.dtype} - {*WIDE}:
        return dot  # rows of a, or batches, are more than one
    if not 0 < depth <= MOST_UNROLLED or not 0 < columns * depth <= MOST_PRODUCTS:
        return dot
    row = build.broadcast_to(build.reshape(a, (depth, 1)), (depth, columns))
    products = ew("mul", row, build.reshape(b, (depth, columns)))
    parts = min(PARTS, depth)
    cuts = [i * depth // parts for i in range(parts + 1)]
    sums = [
        build.reduce(build.slice_axis(products, 0, start, end - start), "sum", (0,))
        for start, end in pairwise(cuts)
    ]
    return build.reshape(_sum(sums), dot.shape)


def _sum(sums: list[Node]) -> Node:
    while len(sums) > 1:
        pairs = [ew("add", *sums[i : i + 2]) for i in range(0, len(sums) - 1, 2)]
        sums = pairs + sums[2 * len(pairs) :]
    return sums[0]
