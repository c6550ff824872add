"""Which value belongs to which input or output of a model.

Users describe data, losses and metrics in the model's own structure, as a list, or as a dict by
name. `Places.match` brings all of them to one list in the order of the model's flat tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from fncompile.graph.nest import NESTS, map_structure, pack_like

Failure = Callable[[], Exception]


class Part(NamedTuple):
    """An entry that a user gave, and what it is for: `place` is a position, or a structure of
    positions that lies at `path`."""

    path: tuple
    place: Any
    entry: Any


class Places:
    """Places of a structure of tensors: `names` in flat order, `structure` of flat positions.

    A list given for a dict of tensors goes by the order in which the dict was written, not by its
    sorted keys (Keras 3 sorts, which surprises: two losses can swap their outputs unnoticed).
    """

    def __init__(self, structure: Any, tensor_names: list[str]):
        positions = list(range(len(tensor_names)))
        self.structure: Any = pack_like(structure, positions) if len(positions) != 1 else 0
        self.by_key = isinstance(structure, dict)
        self.is_nested = bool({type(child) for child in _children(self.structure)} - {int})
        self.names = _unique(_leaf_names(pack_like(structure, positions), tensor_names))
        self.tensor_names = tensor_names

    def __len__(self) -> int:
        return len(self.names)

    @property
    def written(self) -> list[int]:
        """Positions in the order in which the user wrote the structure."""
        return _written(self.structure)

    @property
    def metric_names(self) -> list[str]:
        """What the metrics of each place are named after: in a nested structure its tensor."""
        return self.tensor_names if self.is_nested else self.names

    def describe(self) -> Any:
        """The structure with "X" for each tensor, for messages."""
        return map_structure(lambda _: "X", self.structure)

    def match(self, value: Any, fail: Failure) -> list[Any]:
        """One entry per place, None where `value` has none; raises `fail()` where it does not fit.

        Entries may be anything, lists of metrics for instance: only the model's structure is
        walked.
        """
        found: list[Any] = [None] * len(self)
        if isinstance(value, dict) and not isinstance(self.structure, dict):
            self._match_names(value, found, fail)
        else:
            _descend(self.structure, value, found, fail)
        return found

    def _match_names(self, value: dict, found: list[Any], fail: Failure) -> None:
        for key, entry in value.items():
            found[self._position(key, fail)] = entry

    def _position(self, key: Any, fail: Failure) -> int:
        names = self.names if key in self.names else self.tensor_names
        if key not in names:
            raise fail()
        return names.index(key)

    def parts(self, value: Any, fail: Failure) -> list[Part]:
        """The entries of `value` in its order, without those that are None.

        An entry that stands for a structure of places is for all of them together. A list that
        stands for one place has several for it; so has a list (or tuple) of nested entries that
        stands for a structure of another type. Raises `fail()` where `value` does not fit.
        """
        if isinstance(value, dict) and not isinstance(self.structure, dict):
            named = [(self._position(key, fail), entry) for key, entry in value.items()]
            return [part for p, entry in named for part in _parts(p, entry, (p,), fail)]
        return _parts(self.structure, value, (), fail)

    def part_name(self, part: Part) -> str:
        """The name of a part's place."""
        if isinstance(part.place, int):
            return self.names[part.place]
        return "/".join(map(str, part.path)) or "_".join(self.names)


def _descend(structure: Any, value: Any, found: list[Any], fail: Failure) -> None:
    if isinstance(structure, int):
        found[structure] = value
    elif isinstance(structure, dict) and isinstance(value, dict):
        if not set(value) <= set(structure):
            raise fail()
        for key, entry in value.items():
            _descend(structure[key], entry, found, fail)
    else:
        children = list(structure.values()) if isinstance(structure, dict) else list(structure)
        if not isinstance(value, (list, tuple)) or len(value) != len(children):
            raise fail()
        for child, entry in zip(children, value, strict=True):
            _descend(child, entry, found, fail)


def _parts(structure: Any, value: Any, path: tuple, fail: Failure) -> list[Part]:
    if value is None:
        return []
    if not isinstance(value, NESTS):
        return [Part(path, structure, value)]
    if isinstance(structure, int) and isinstance(value, dict):
        raise fail()
    if isinstance(structure, int) or _has_several(structure, value):
        return [part for entry in value for part in _parts(structure, entry, path, fail)]
    return [
        part
        for key, entry in _entries(structure, value, fail)
        for part in _parts(structure[key], entry, (*path, key), fail)
    ]


def _has_several(structure: Any, value: Any) -> bool:
    """Whether a list has several entries for the whole of a structure, as Keras tells: it is of
    another type, and not one flat entry for each of its children."""
    if isinstance(value, dict) or isinstance(structure, type(value)):
        return False
    flat = len(value) == len(structure) and not any(isinstance(entry, NESTS) for entry in value)
    return not flat


def _entries(structure: Any, value: Any, fail: Failure) -> list[tuple[Any, Any]]:
    """The keys of `structure` that `value` has entries for, and these."""
    keys = list(structure) if isinstance(structure, dict) else list(range(len(structure)))
    if isinstance(value, dict):
        if not set(value) <= set(keys):
            raise fail()
        return list(value.items())
    if len(value) != len(keys):
        raise fail()
    return list(zip(keys, value, strict=True))


def _written(structure: Any) -> list[int]:
    if isinstance(structure, int):
        return [structure]
    return [position for child in _children(structure) for position in _written(child)]


def _children(structure: Any) -> Iterable[Any]:
    if isinstance(structure, int):
        return ()
    return structure.values() if isinstance(structure, dict) else structure


def _leaf_names(structure: Any, tensor_names: list[str]) -> list[str]:
    """Keys of a flat dict, names of tensors in a flat list, paths such as `0/key` when nested, in
    which a tensor's name stands for its number."""
    names = list(tensor_names)

    def visit(node: Any, path: tuple) -> None:
        if isinstance(node, int):
            if len(path) > 1 or (path and isinstance(structure, dict)):
                last = tensor_names[node] if isinstance(path[-1], int) else path[-1]
                names[node] = "/".join(map(str, (*path[:-1], last)))
            return
        for key, child in node.items() if isinstance(node, dict) else enumerate(node):
            visit(child, (*path, key))

    visit(structure, ())
    return names


def _unique(names: list[str]) -> list[str]:
    taken: set[str] = set()
    return [unique_name(name, taken) for name in names]


def unique_name(name: str, taken: set[str]) -> str:
    """`name`, or `name_1`, `name_2`, … where it is taken; adds the answer to `taken`."""
    answer, k = name, 0
    while answer in taken:
        k += 1
        answer = f"{name}_{k}"
    taken.add(answer)
    return answer
