"""The content of an HDF5 file in memory: groups of attributes, groups and arrays.

A dataset is a plain NumPy array; the order of `attrs` and `children` is the order in the file.
Attribute values: str, bool, int, float, NumPy scalars, and arrays or lists of these.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Group:
    attrs: dict[str, Any] = field(default_factory=dict)
    children: dict[str, Group | np.ndarray] = field(default_factory=dict)

    def __getitem__(self, path: str) -> Group | np.ndarray:
        """Return what stands at a slash-separated path; KeyError names the missing part."""
        node: Any = self
        for part in _parts(path):
            if not isinstance(node, Group) or part not in node.children:
                raise KeyError(f"no {part!r} on the way to {path!r}")
            node = node.children[part]
        return node

    def get(self, path: str) -> Group | np.ndarray | None:
        try:
            return self[path]
        except KeyError:
            return None

    def __contains__(self, path: str) -> bool:
        return self.get(path) is not None

    def __setitem__(self, path: str, value: Any) -> None:
        """Place a group or an array at a path, making the groups on the way."""
        *way, last = _parts(path)
        self.require("/".join(way)).children[last] = value

    def require(self, path: str) -> Group:
        """Return the group at a path, making it and those on the way where they are missing."""
        node = self
        for part in _parts(path):
            child = node.children.setdefault(part, Group())
            if not isinstance(child, Group):
                raise ValueError(f"{part!r} on the way to {path!r} is a dataset, not a group")
            node = child
        return node

    def datasets(self, prefix: str = "") -> Iterator[tuple[str, np.ndarray]]:
        """Yield (path, array) for every dataset below, in the order of the file."""
        for name, child in self.children.items():
            if isinstance(child, Group):
                yield from child.datasets(f"{prefix}{name}/")
            else:
                yield prefix + name, child


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]
