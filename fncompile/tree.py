"""Nested structures of lists, tuples and dicts, as in `keras.tree`.

Dicts are taken in the order of their sorted keys, as everywhere in this package; None is a leaf.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fncompile.graph import nest
from fncompile.graph.symbols import is_shape
from fncompile.missing import explain_missing

__all__ = [
    "MAP_TO_NONE",
    "assert_same_paths",
    "assert_same_structure",
    "flatten",
    "flatten_with_path",
    "is_nested",
    "lists_to_tuples",
    "map_shape_structure",
    "map_structure",
    "map_structure_up_to",
    "pack_sequence_as",
    "traverse",
]


class MAP_TO_NONE:  # Keras' name
    """What a function given to `traverse` returns where None is to stand.

    >>> tree.traverse(lambda x: tree.MAP_TO_NONE if x == 1 else None, [1, 2])
    [None, 2]
    """


def is_nested(structure: Any) -> bool:
    """Whether `structure` is a list, tuple or dict.

    >>> tree.is_nested([1]), tree.is_nested(np.ones(3))
    (True, False)
    """
    return isinstance(structure, nest.NESTS)


def flatten(structure: Any) -> list[Any]:
    """The leaves of `structure`, left to right.

    >>> tree.flatten({"b": [2, 3], "a": 1})
    [1, 2, 3]
    """
    return nest.flatten(structure)


def flatten_with_path(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """Pairs of path and leaf of `structure`; a path is the keys and numbers that lead there.

    >>> tree.flatten_with_path({"b": [2, 3], "a": 1})
    [(('a',), 1), (('b', 0), 2), (('b', 1), 3)]
    """
    if not is_nested(structure):
        return [((), structure)]
    return [
        ((key, *path), leaf)
        for key, item in _items(structure)
        for path, leaf in flatten_with_path(item)
    ]


def _items(structure: Any) -> list[tuple[Any, Any]]:
    if isinstance(structure, dict):
        return [(key, structure[key]) for key in sorted(structure)]
    return list(enumerate(structure))


def map_structure(
    func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True
) -> Any:
    """The first of `structures` with `func`, of the leaves of all, in the place of each leaf.

    Unless `none_is_leaf`, a None stays and must be in all at once. ValueError where the structures
    differ.

    >>> tree.map_structure(lambda x, y: x + y, {"a": 1, "b": (2,)}, {"a": 10, "b": (20,)})
    {'a': 11, 'b': (22,)}
    """
    _check(func, structures)
    for other in structures[1:]:
        assert_same_structure(structures[0], other)
    columns = zip(*map(flatten, structures))
    made = [_mapped(func, column, none_is_leaf) for column in columns]
    return pack_sequence_as(structures[0], made)


def _mapped(func: Callable[..., Any], leaves: tuple, none_is_leaf: bool) -> Any:
    if none_is_leaf or leaves[0] is not None:
        return func(*leaves)
    if any(x is not None for x in leaves):
        raise ValueError(
            f"`none_is_leaf=False` needs None in all structures at once. Received: {leaves}"
        )
    return None


def _check(func: Any, structures: tuple) -> None:
    if not callable(func):
        raise TypeError(f"`func` must be callable. Received: func={func} (of type {type(func)})")
    if not structures:
        raise ValueError("Must provide at least one structure")


def map_structure_up_to(shallow_structure: Any, func: Callable[..., Any], *structures: Any) -> Any:
    """As `map_structure` as deep as `shallow_structure` goes: what is deeper in the `structures` is
    what `func` gets. ValueError where they do not begin like it.

    >>> tree.map_structure_up_to([0, 0], len, [[1, 2], (3,)])
    [2, 1]
    """
    _check(func, structures)
    columns = zip(*(_up_to(shallow_structure, structure, ()) for structure in structures))
    return pack_sequence_as(shallow_structure, [func(*column) for column in columns])


def _up_to(shallow: Any, structure: Any, path: tuple) -> list[Any]:
    if not is_nested(shallow):
        return [structure]
    _check_alike(shallow, structure, path)
    pairs = zip(_items(shallow), _items(structure))
    return [x for (key, a), (_, b) in pairs for x in _up_to(a, b, (*path, key))]


def assert_same_structure(a: Any, b: Any, check_types: Any = None) -> None:
    """ValueError unless `a` and `b` have the same lists, tuples and keys in the same places.

    `check_types` is Keras' and changes nothing.

    >>> tree.assert_same_structure([1, (2,)], ["x", ("y",)])
    """
    _same(a, b, ())


def assert_same_paths(a: Any, b: Any) -> None:
    """ValueError unless the same keys and numbers lead to leaves in `a` and `b`, whichever kinds of
    containers these are.

    >>> tree.assert_same_paths([1, (2,)], ("x", ["y"]))
    """
    left, right = ({path for path, _ in flatten_with_path(x)} for x in (a, b))
    if left != right:
        raise ValueError(
            "`a` and `b` don't have the same paths. Only in one of them: "
            f"{sorted(left ^ right, key=str)}"
        )


def _same(a: Any, b: Any, path: tuple) -> None:
    if is_nested(a) != is_nested(b):
        raise ValueError(f"The structures differ at {_at(path)}: {_kind(a)} and {_kind(b)}")
    if is_nested(a):
        _check_alike(a, b, path)
        for (key, x), (_, y) in zip(_items(a), _items(b)):
            _same(x, y, (*path, key))


def _check_alike(a: Any, b: Any, path: tuple) -> None:
    both_dicts = isinstance(a, dict) and isinstance(b, dict)
    if not both_dicts and type(a) is not type(b):
        raise ValueError(f"The structures differ at {_at(path)}: {_kind(a)} and {_kind(b)}")
    if len(a) != len(b) or (both_dicts and set(a) != set(b)):
        raise ValueError(f"The structures differ at {_at(path)}: {_shape(a)} and {_shape(b)}")


def _at(path: tuple) -> str:
    return "the top" if not path else "".join(f"[{key!r}]" for key in path)


def _kind(x: Any) -> str:
    return f"a {type(x).__name__}" if is_nested(x) else "a leaf"


def _shape(x: Any) -> str:
    return f"keys {sorted(x)}" if isinstance(x, dict) else f"{len(x)} items"


def pack_sequence_as(structure: Any, flat_sequence: Any) -> Any:
    """The items of `flat_sequence`, a list or tuple, in the places of the leaves of `structure`.
    TypeError for what is no sequence, ValueError for another number of items.

    >>> tree.pack_sequence_as({"a": 0, "b": (0, 0)}, [1, 2, 3])
    {'a': 1, 'b': (2, 3)}
    """
    if not isinstance(flat_sequence, (list, tuple)):
        raise TypeError(
            "`flat_sequence` must be a list or tuple. "
            f"Received: flat_sequence={flat_sequence} (of type {type(flat_sequence)})"
        )
    count = len(flatten(structure))
    if count != len(flat_sequence):
        raise ValueError(
            f"The structure has {count} leaves, and `flat_sequence` {len(flat_sequence)} items. "
            f"Received: structure={structure}, flat_sequence={flat_sequence}"
        )
    return nest.pack_like(structure, list(flat_sequence))


def lists_to_tuples(structure: Any) -> Any:
    """`structure` with a tuple for each list.

    >>> tree.lists_to_tuples([1, {"a": [2]}])
    (1, {'a': (2,)})
    """
    inner = [lists_to_tuples(item) for _, item in _items(structure)] if is_nested(structure) else []
    if isinstance(structure, list):
        return tuple(inner)
    return _with_items(structure, inner) if is_nested(structure) else structure


def map_shape_structure(func: Callable[[Any], Any], structure: Any) -> Any:
    """As `map_structure`, where the leaves of `structure` are shapes: lists and tuples of whole
    numbers and None. `func` gets each as a tuple.

    >>> tree.map_shape_structure(len, {"x": (None, 3), "y": [2]})
    {'x': 2, 'y': 1}
    """
    _check(func, (structure,))
    if is_shape(structure):
        return func(tuple(structure))
    if not is_nested(structure):
        raise ValueError(f"`structure` must hold shapes. Received: {structure}")
    return _with_items(structure, [map_shape_structure(func, x) for _, x in _items(structure)])


def traverse(func: Callable[[Any], Any], structure: Any, top_down: bool = True) -> Any:
    """`structure` with what `func` gives in the place of each container and leaf, where that is not
    None. `top_down`: containers come before what is in them, and what replaces one is not looked
    into; else they come after. `MAP_TO_NONE` puts None somewhere.

    >>> tree.traverse(lambda x: sum(x) if x == [1, 2] else None, [[1, 2], [3]])
    [3, [3]]
    """
    _check(func, (structure,))
    if top_down:
        found = func(structure)
        if found is not None:
            return None if found is MAP_TO_NONE else found
    if is_nested(structure):
        made = [traverse(func, item, top_down) for _, item in _items(structure)]
        structure = _with_items(structure, made)
    if top_down:
        return structure
    found = func(structure)
    return structure if found is None else None if found is MAP_TO_NONE else found


def _with_items(structure: Any, items: list[Any]) -> Any:
    """A container like `structure` with other items, in the order of `_items`."""
    if isinstance(structure, dict):
        new = dict(zip(sorted(structure), items))
        return type(structure)((key, new[key]) for key in structure)
    return nest.rebuilt(structure, items)


explain_missing(__name__)
