"""The content of an HDF5 file in memory: groups of attributes, groups and arrays.

A dataset is a NumPy array, or a `Stored` that becomes one when it is asked for; the order of
`attrs` and `children` is the order in the file.
Attribute values: str, bool, int, float, NumPy scalars, and arrays or lists of these.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np


class Stored:
    """A dataset that is still in its file: `np.asarray` reads it, each time anew.

    Who looks at `shape` first never reads more than fits. Reading raises FileFormatError, naming
    the file, where that is damaged.
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype, read: Callable[[], np.ndarray]):
        self.shape, self.dtype = shape, dtype
        self.nbytes = math.prod(shape) * dtype.itemsize
        self._read = read

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self._read()
        return array if dtype is None else array.astype(dtype)


Dataset = np.ndarray | Stored


@dataclass
class Group:
    attrs: dict[str, Any] = field(default_factory=dict)
    children: dict[str, Group | Dataset] = field(default_factory=dict)

    def __getitem__(self, path: str) -> Group | Dataset:
        """Return what stands at a slash-separated path; KeyError names the missing part."""
        node: Any = self
        for part in _parts(path):
            if not isinstance(node, Group) or part not in node.children:
                raise KeyError(f"no {part!r} on the way to {path!r}")
            node = node.children[part]
        return node

    def get(self, path: str) -> Group | Dataset | None:
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

    def datasets(self, prefix: str = "") -> Iterator[tuple[str, Dataset]]:
        """Yield (path, dataset) for every dataset below, in the order of the file."""
        for name, child in self.children.items():
            if isinstance(child, Group):
                yield from child.datasets(f"{prefix}{name}/")
            else:
                yield prefix + name, child


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]
