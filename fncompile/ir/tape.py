"""`Tape`: a few ops of fixed sizes, evaluated again and again; the meaning is that of `interp`.

    tape = Tape([mean], [total, count])      # nodes
    (value,) = tape([np.array(6.0, "float32"), np.array(2.0, "float32")])

For what is asked for at every batch, such as the results of metrics, where deciding costs more than
computing. Order and sources are found once, and so is what follows from constants alone. Between
single numbers Python's operators do on NumPy scalars what ufuncs do on arrays, with the same
rounding, at a tenth of the price.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from fncompile.ir.elements import decode, fit
from fncompile.ir.interp import RULES, SCALAR_RULES
from fncompile.ir.node import Node, toposort
from fncompile.ir.types import DTYPES

ON_NUMBERS: dict[str, Callable] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "eq": operator.eq,
    "lt": operator.lt,
    "le": operator.le,
}
Pick = Callable[[list], Sequence]  # the values of a node's sources, of those of all


class Tape:
    """The values of `roots` for given values of `leaves`, their elements as they are in memory."""

    def __init__(self, roots: Sequence[Node], leaves: Sequence[Node]):
        order = toposort([*leaves, *roots])
        places = {node: i for i, node in enumerate(order)}
        self._leaves = [(places[n], n.dtype if DTYPES[n.dtype].widens else None) for n in leaves]
        self._roots = _picked([places[node] for node in roots])
        self._row: list[Any] = [None] * len(order)  # values; those of constants filled in
        self._work: list[tuple] = []
        varying = set(leaves)
        for node in order:
            if node in leaves:
                continue
            pick = _picked([places[s] for s in node.src])
            step = (_rule(node), pick, places[node], *_dtypes(node))
            if varying.isdisjoint(node.src):
                _run([step], self._row)
                self._row[places[node]] = self._row[places[node]][()]
            else:
                varying.add(node)
                self._work.append(step)

    def __call__(self, values: Iterable[np.ndarray]) -> Sequence[Any]:
        """Arrays, or NumPy scalars where a root is one number."""
        row = self._row.copy()
        for (place, encoded), value in zip(self._leaves, values, strict=True):
            row[place] = value[()] if encoded is None else decode(value, encoded)[()]
        _run(self._work, row)
        return self._roots(row)


def _picked(places: list[int]) -> Pick:
    if len(places) > 1:
        return operator.itemgetter(*places)
    first = places[0] if places else 0
    return operator.itemgetter(slice(first, first + len(places)))


def _rule(node: Node) -> Callable | None:
    """The node as a function of the values of its sources; None for the choice between two
    numbers."""
    if node.op != "ew":
        return lambda *args: RULES[node.op](node, list(args), {})
    if any(s.ndim for s in node.src):
        return SCALAR_RULES[node["fn"]]
    return None if node["fn"] == "select" else ON_NUMBERS.get(node["fn"], SCALAR_RULES[node["fn"]])


def _dtypes(node: Node) -> tuple[str, np.dtype | None]:
    """The dtype of the node, and that which its values have where they need no rounding."""
    return node.dtype, None if DTYPES[node.dtype].widens else DTYPES[node.dtype].numpy


def _run(work: Sequence[tuple], row: list[Any]) -> None:
    with np.errstate(all="ignore"):
        for rule, pick, place, dtype, exact in work:
            if rule is None:
                condition, a, b = pick(row)
                value = a if condition else b
            else:
                value = rule(*pick(row))
            row[place] = value if value.dtype == exact else fit(value, dtype)[()]  # [()]: a number
