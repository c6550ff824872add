"""Blocks of aligned memory in which named arrays lie at known offsets."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from fncompile.codegen.place import Place
from fncompile.ir.dims import evaluate
from fncompile.ir.types import DTYPES, TensorType
from fncompile.runtime.binding import ALIGN, aligned_bytes


class Block:
    """Memory called `name` (a field of `fnc_env`) for arrays of static types, each at a multiple of
    64."""

    def __init__(self, name: str, items: Iterable[tuple[str, TensorType]]):
        self.name = name
        self.types = dict(items)
        self.offsets: dict[str, int] = {}
        end = 0
        for key, type in self.types.items():
            self.offsets[key] = end
            end += -(-evaluate(type.nbytes, {}) // ALIGN) * ALIGN
        self.nbytes = end
        self.memory = aligned_bytes(end)

    def alias(self, key: str, type: TensorType, offset: int) -> None:
        """A further name for memory of the block that begins at byte `offset`."""
        self.types[key], self.offsets[key] = type, offset

    def view(self, key: str) -> np.ndarray:
        """The array called `key`, in place: elements as they are in memory."""
        type, start = self.types[key], self.offsets[key]
        dtype = DTYPES[type.dtype].storage
        flat = self.memory[start : start + evaluate(type.nbytes, {})]
        return flat.view(dtype).reshape(type.shape)

    def places(self) -> dict[str, Place]:
        return {key: Place(self.name, offset) for key, offset in self.offsets.items()}
