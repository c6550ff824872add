"""Nested structures of lists, tuples, named tuples and dicts; dicts go in sorted-key order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

NESTS = (dict, list, tuple)


def flatten(structure: Any) -> list[Any]:
    """The leaves, left to right."""
    return list(_leaves(structure))


def _leaves(structure: Any) -> Iterator[Any]:
    if isinstance(structure, dict):
        for key in sorted(structure):
            yield from _leaves(structure[key])
    elif isinstance(structure, (list, tuple)):
        for item in structure:
            yield from _leaves(item)
    else:
        yield structure


def map_structure(fn: Callable[[Any], Any], structure: Any) -> Any:
    """The same structure with `fn` applied to each leaf, in `flatten` order."""
    if isinstance(structure, dict):
        done = {key: map_structure(fn, structure[key]) for key in sorted(structure)}
        return type(structure)((key, done[key]) for key in structure)
    if isinstance(structure, (list, tuple)):
        return rebuilt(structure, (map_structure(fn, item) for item in structure))
    return fn(structure)


def paths(structure: Any, above: str = "") -> list[str]:
    """The keys and numbers that lead to each leaf, joined by dots, in `flatten` order."""
    if isinstance(structure, dict):
        inner = [(key, structure[key]) for key in sorted(structure)]
    elif isinstance(structure, (list, tuple)):
        inner = list(enumerate(structure))
    else:
        return [above]
    return [path for key, item in inner for path in paths(item, f"{above}.{key}".lstrip("."))]


def rebuilt(sequence: list | tuple, items: Iterable[Any]) -> Any:
    """`items` in a list, tuple or named tuple like `sequence`."""
    return type(sequence)(*items) if hasattr(sequence, "_fields") else type(sequence)(items)


def pack_like(structure: Any, leaves: list[Any]) -> Any:
    """`leaves` in the shape of `structure`; ValueError where the counts differ."""
    if type(structure) is list and len(structure) == len(leaves):
        for item in structure:
            if isinstance(item, NESTS):
                break
        else:
            return list(leaves)
    elif not isinstance(structure, NESTS) and len(leaves) == 1:
        return leaves[0]
    if len(leaves) != len(flatten(structure)):
        raise ValueError(f"Expected {len(flatten(structure))} leaves, received {len(leaves)}")
    remaining = iter(leaves)
    return map_structure(lambda _: next(remaining), structure)


def dicts_given_as_lists(value: Any, structure: Any) -> Iterator[dict]:
    """The dicts of several in `structure` that `value` has a list for."""
    if isinstance(structure, dict) and isinstance(value, dict):
        for key in structure:
            if key in value:
                yield from dicts_given_as_lists(value[key], structure[key])
    elif isinstance(structure, dict):
        if isinstance(value, (list, tuple)) and len(structure) > 1:
            yield structure
    elif isinstance(structure, (list, tuple)) and isinstance(value, (list, tuple)):
        for item, inner in zip(value, structure):
            yield from dicts_given_as_lists(item, inner)


def has_ambiguous_list(value: Any, structure: Any) -> bool:
    """Is there a list for a dict whose keys were not written in sorted order? Which of its items
    are for which keys would be a guess."""
    return any(list(d) != sorted(d) for d in dicts_given_as_lists(value, structure))
