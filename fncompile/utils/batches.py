"""Data sets of arrays by batches, for `fit`, `evaluate` and `predict`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np


class Batches:
    """Base: indexed by the number of a batch, and as long as there are batches."""

    def __len__(self) -> int:
        raise NotImplementedError

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))


class ArrayDataset(Batches):
    """Rows of arrays in batches; one array by itself, several as a tuple."""

    def __init__(self, arrays: list[np.ndarray], batch_size: int):
        self.arrays, self.batch_size = arrays, max(batch_size, 1)

    def __len__(self) -> int:
        return math.ceil(len(self.arrays[0]) / self.batch_size)

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(index)
        part = slice(index * self.batch_size, (index + 1) * self.batch_size)
        found = tuple(a[part] for a in self.arrays)
        return found[0] if len(found) == 1 else found


class RowDataset(Batches):
    """Elements that are several rows of `data` each, taken when asked for, with their labels."""

    def __init__(self, data: np.ndarray, rows: np.ndarray, labels: Any, batch_size: int | None):
        self.data, self.rows, self.labels, self.batch_size = data, rows, labels, batch_size

    def __len__(self) -> int:
        return math.ceil(len(self.rows) / (self.batch_size or 1))

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(index)
        size = self.batch_size or 1
        part: Any = slice(index * size, (index + 1) * size) if self.batch_size else index
        x = self.data[self.rows[part]]
        return x if self.labels is None else (x, self.labels[part])
