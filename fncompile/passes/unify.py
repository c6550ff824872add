"""Make sizes that tracing assumed equal the same symbol.

Requires: a traced Program. Ensures: no node assumes anything that `constraints` does not say.
Example: adding inputs `f32[B,T,8]` and `f32[B,U,8]` makes the second one `f32[B,T,8]` too, so the
entry's check of input shapes is the check that they agree. What cannot be solved for a symbol
(`2*T = U+1`) stays as a constraint.
"""

from __future__ import annotations

from dataclasses import replace

from fncompile.ir.dims import Dim, Poly, is_symbol, substitute, symbols_of
from fncompile.ir.infer import assumed, infer
from fncompile.ir.node import Node, Program, make, rebuild
from fncompile.ir.types import TensorType


def unify(program: Program, context: object = None) -> Program:
    known = _solve(_assumptions(program))
    new = rebuild(
        [*program.inputs, *program.roots],
        lambda node, src: _substituted(node, src, known) if known else None,
    )
    renamed = replace(program.map(new.__getitem__), inputs=tuple(new[i] for i in program.inputs))
    return replace(renamed, constraints=program.constraints + tuple(_assumptions(renamed)))


def _assumptions(program: Program) -> list[tuple[Dim, Dim]]:
    with assumed() as pairs:
        for node in program.all_nodes():
            infer(node.op, tuple(s.type for s in node.src), node.attr)
    return list(dict.fromkeys(pairs))


def _solve(pairs: list[tuple[Dim, Dim]]) -> dict[str, Dim]:
    """A replacement for one symbol of each pair that is a plain symbol on one side."""
    known: dict[str, Dim] = {}
    for a, b in pairs:
        a, b = substitute(a, known), substitute(b, known)
        if a == b:
            continue
        if not is_symbol(a) or (is_symbol(b) and symbols_of((a, b))[0] == symbols_of((a,))[0]):
            a, b = b, a  # replace the later symbol; B stays
        if is_symbol(a) and symbols_of((a,))[0] not in symbols_of((b,)):
            name = symbols_of((a,))[0]
            known = {s: substitute(d, {name: b}) for s, d in known.items()}
            known[name] = b
    return known


def _substituted(node: Node, src: tuple[Node, ...], known: dict[str, Dim]) -> Node:
    return make(node.op, src, *(_substitute_attr(a, known) for a in node.attr))


def _substitute_attr(value, known: dict[str, Dim]):
    if isinstance(value, Poly):
        return substitute(value, known)
    if isinstance(value, tuple):
        return tuple(_substitute_attr(v, known) for v in value)
    if isinstance(value, TensorType):
        return TensorType(value.dtype, tuple(substitute(d, known) for d in value.shape))
    return value
