"""What a step is given: x, y and sample weights, in one structure or as flat arrays."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from fncompile.graph.nest import flatten, map_structure, pack_like
from fncompile.ir.dims import Poly, symbol
from fncompile.ir.types import TensorType, numpy_name


def unpack(data: Any) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight) from `data`: `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`.

    What is not there is None; ValueError for more than three.

    >>> utils.unpack_x_y_sample_weight((1, 2))
    (1, 2, None)
    """
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        data = (data,)
    if not 1 <= len(data) <= 3:
        raise ValueError(
            "Data is expected to be in format `x`, `(x,)`, `(x, y)`, or `(x, y, sample_weight)`, "
            f"found: {len(data)} entries"
        )
    return (*data, None, None)[:3]


def pack(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """The `data` of Keras' steps: `x` alone, or a tuple of it, `y` and `sample_weight` as far as
    they are there.

    >>> utils.pack_x_y_sample_weight(1, 2)
    (1, 2)
    """
    if sample_weight is not None:
        return x, y, sample_weight
    if y is not None:
        return x, y
    return (x,) if isinstance(x, (tuple, list)) else x


_PREFIXES = ("x", "y", "w")  # of names of arrays


class Parts:
    """The structure of `x`, `y` and `sample_weight`, whose arrays steps take as one flat list."""

    def __init__(self, x: Any, y: Any, sample_weight: Any):
        self.structure = map_structure(lambda _: None, (x, y, sample_weight))
        self.given = tuple(part is not None for part in (x, y, sample_weight))
        self.names = _names(_PREFIXES, self.structure, self.given)

    @property
    def key(self) -> str:
        return repr((self.structure, self.given))

    def data(self, tensors: Sequence[Any]) -> Any:
        """What a step gets."""
        wanted = [part for part, there in zip(self.structure, self.given) if there]
        packed = iter(pack_like(wanted, list(tensors)))
        return pack(*(next(packed) if there else None for there in self.given))

    def without_weights(self) -> Parts:
        """The same data without sample weights."""
        same = copy.copy(self)
        same.given = (*self.given[:2], False)
        same.names = _names(_PREFIXES, self.structure, same.given)
        return same


def _names(prefixes: Sequence[str], parts: Sequence[Any], given: Sequence[bool]) -> list[str]:
    found = []
    for prefix, part, there in zip(prefixes, parts, given):
        count = len(flatten(part)) if there else 0
        found += [prefix] if count == 1 else [f"{prefix}:{k}" for k in range(count)]
    return found


def type_of(array: np.ndarray, like: Sequence = ()) -> TensorType:
    """The type of an array of a step: the batch is open; so are extents that are open in `like`."""
    if array.ndim == 0:
        return TensorType(numpy_name(array.dtype), ())
    fixed = bool(like) and isinstance(like[0], int)
    first = array.shape[0] if fixed else symbol("B")
    rest = [
        like[i] if i < len(like) and isinstance(like[i], Poly) else n
        for i, n in enumerate(array.shape)
    ][1:]
    return TensorType(numpy_name(array.dtype), (first, *rest))
