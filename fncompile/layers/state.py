"""Finding what a layer owns: variables, sub-layers, and other objects with variables.

State is what hangs on a layer's attributes, directly or inside lists, tuples, sets and dicts; it is
looked up when it is asked for, so a layer appended to a list later counts too.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import is_
from typing import Any

import numpy as np

from fncompile.graph.variable import Variable

# Attributes of these types hold nothing; most are, so asking first keeps walks short.
PLAIN = frozenset({str, int, float, bool, bytes, type(None), np.ndarray, types.FunctionType})


def leaves(value: Any, seen: set[int]) -> Iterator[Any]:
    """Objects inside nested containers, each container entered once."""
    if not isinstance(value, (list, tuple, set, frozenset, dict)):
        yield value
    elif id(value) not in seen:
        seen.add(id(value))
        for item in value.values() if isinstance(value, dict) else value:
            yield from leaves(item, seen)


def owned(owner: Any, wanted: Callable[[Any], bool]) -> list[Any]:
    """The objects on the attributes of `owner` that are `wanted`, each once, in order of
    attributes."""
    seen: set[int] = {id(owner)}
    found: dict[int, Any] = {}
    for name, value in list(vars(owner).items()):
        if type(value) not in PLAIN and name not in owner._not_state:
            for leaf in leaves(value, seen):
                if leaf is not owner and wanted(leaf):
                    found.setdefault(id(leaf), leaf)
    return list(found.values())


@dataclass(frozen=True)
class Contents:
    """A list, set or dict, and what it held."""

    container: Any
    items: list[Any]


def contents(owner: Any) -> list[Contents]:
    """Of all that may be changed in place on the attributes of `owner`."""
    found: list[Contents] = []
    values = [v for name, v in vars(owner).items() if name not in owner._not_state]
    for value in values:
        if isinstance(value, (list, tuple, set, frozenset, dict)):
            items = _items(value)
            if not any(c.container is value for c in found):
                found.append(Contents(value, items))
                values += items
    return found


def _items(container: Any) -> list[Any]:
    return list(container.values() if isinstance(container, dict) else container)


def is_unchanged(watched: list[Contents]) -> bool:
    """Do all hold the same objects as they did?"""
    return all(
        len(c.container) == len(c.items) and all(map(is_, _items(c.container), c.items))
        for c in watched
    )


def is_layer(x: Any) -> bool:
    from fncompile.layers.base import Layer

    return isinstance(x, Layer)


def is_metric(x: Any) -> bool:
    from fncompile.metrics import Metric

    return isinstance(x, Metric)


def is_stateful(x: Any) -> bool:
    """A SeedGenerator: it has variables, but these are not weights. Metrics are no part of it."""
    if isinstance(x, (Variable, type)) or is_layer(x) or is_metric(x):
        return False
    return isinstance(getattr(x, "variables", None), (list, tuple))


def unique(variables: Iterable[Variable]) -> list[Variable]:
    """Each variable once; `==` of variables is an op, so identity decides."""
    return list({id(v): v for v in variables}.values())
