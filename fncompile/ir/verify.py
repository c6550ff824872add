"""What every Program must satisfy, checked after each pass when FNC_VERIFY is on."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from fncompile.ir.dims import Dim, equation
from fncompile.ir.infer import assumed, infer
from fncompile.ir.node import Node, Program, toposort
from fncompile.ir.ops import OPS


class VerifyError(AssertionError):
    """A pass broke an invariant: a bug of fncompile, not of its user."""


def verify(program: Program, stage: str = "") -> None:
    """Types are what inference says, leaves are declared once, sizes agree without assumptions."""
    _check_leaves(program, stage)
    known = {equation(*pair) for pair in program.constraints}
    for node in program.all_nodes():
        if node not in _checked:
            _checked[node] = _check_type(node, stage)
        unknown = [pair for pair in _checked[node] if equation(*pair) not in known]
        if unknown and stage not in ("", "trace"):
            raise VerifyError(f"{stage}: {node} assumes that {unknown} are equal")
    for param, value in program.updates.items():
        if param.type != value.type:
            raise VerifyError(
                f"{stage}: update of {param['name']}: {param.type} becomes {value.type}"
            )


_checked: WeakKeyDictionary[Node, list[tuple[Dim, Dim]]] = WeakKeyDictionary()


def _check_type(node: Node, stage: str) -> list[tuple[Dim, Dim]]:
    """Pairs of dimensions that the type of `node` takes to be equal. Nodes do not change, and most
    of them live through many passes: each is checked once."""
    with assumed() as pairs:
        try:
            type = infer(node.op, tuple(s.type for s in node.src), node.attr)
        except ValueError as error:
            raise VerifyError(f"{stage}: {node}: {error}") from error
    if type != node.type:
        raise VerifyError(f"{stage}: {node} has type {node.type}, inference says {type}")
    return pairs


def _check_leaves(program: Program, stage: str) -> None:
    declared = [*program.inputs, *program.params]
    names = [n["name"] for n in declared]
    if len(set(names)) != len(names):
        raise VerifyError(f"{stage}: leaves with one name: {sorted(names)}")
    for node in program.nodes():
        if node.op in ("input", "param") and node not in declared:
            raise VerifyError(f"{stage}: {node.op} {node['name']!r} is not declared")
    for user in (n for n in program.all_nodes() if OPS[n.op].has_region):
        for node in toposort(user["body"].outputs):
            if node.op in ("input", "param") and node not in user["body"].inputs:
                raise VerifyError(f"{stage}: {node['name']!r} is read in {user}, not given to it")
    undeclared = [p for p in program.updates if p not in program.params]
    if undeclared:
        raise VerifyError(f"{stage}: updates of {undeclared} that are not params")
