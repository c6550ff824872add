"""Data sets of arrays by batches, for `fit`, `evaluate` and `predict`.

They have the methods of TensorFlow's data sets that guides use on what `utils` gives.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
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

    def map(self, function: Callable[..., Any], **_: Any) -> Batches:
        """What `function` makes of each batch, whose parts it takes; other arguments do nothing."""
        return Changed(self, range(len(self)), function)

    def take(self, count: int) -> Batches:
        """The first `count` batches; all where `count` is below zero."""
        return Changed(self, range(len(self))[: None if count < 0 else count])

    def skip(self, count: int) -> Batches:
        """All but the first `count` batches."""
        return Changed(self, range(len(self))[count:])

    def cache(self, *_: Any) -> Batches:
        """The same batches, each made once and kept."""
        return Kept(self)

    def prefetch(self, *_: Any) -> Batches:
        """The same: batches are made when they are asked for."""
        return self

    def on_epoch_end(self) -> None:
        """Called after each pass of training."""


class Changed(Batches):
    """Some of the batches of another data set, or what a function makes of them."""

    def __init__(
        self, source: Batches, which: Sequence[int], function: Callable[..., Any] | None = None
    ):
        self.source, self.which, self.function = source, which, function

    def __len__(self) -> int:
        return len(self.which)

    def __getitem__(self, index: int) -> Any:
        batch = self.source[self.which[index]]
        if self.function is None:
            return batch
        return self.function(*batch) if isinstance(batch, tuple) else self.function(batch)

    def on_epoch_end(self) -> None:
        self.source.on_epoch_end()


class Kept(Changed):
    """The batches of another data set, which are made once."""

    def __init__(self, source: Batches):
        super().__init__(source, range(len(source)))
        self._made: dict[int, Any] = {}

    def __getitem__(self, index: int) -> Any:
        if index not in self._made:
            self._made[index] = super().__getitem__(index)
        return self._made[index]

    def on_epoch_end(self) -> None:
        """Nothing: what was made stays in its order."""


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
