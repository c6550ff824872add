"""What `adapt` reads: arrays, and whatever gives batches of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np


def batches_of(data: Any, steps: int | None = None) -> Iterator[np.ndarray]:
    """The arrays of `data`, an array or an iterable of batches, of which at most `steps` are taken.
    Of a batch (inputs, targets), the inputs. ValueError where there are none, TypeError for what is
    neither."""
    if hasattr(data, "__array__"):
        yield np.asarray(data)
        return
    indexed = hasattr(data, "__getitem__") and hasattr(data, "__len__")
    if not hasattr(data, "__iter__") and not indexed:
        raise TypeError(
            f"Unsupported data type: {type(data)}. `adapt` takes an array, a PyDataset or another "
            "iterable of batches."
        )
    source = (data[i] for i in range(len(data))) if indexed else iter(data)
    empty = True
    for batch in itertools.islice(source, steps):
        empty = False
        yield _array_of(batch[0] if isinstance(batch, tuple) else batch)
    if empty:
        raise ValueError(
            "adapt() received an empty iterable (no batches). Expected at least one batch."
        )


def _array_of(batch: Any) -> np.ndarray:
    array = np.asarray(batch)
    if not array.shape:
        raise TypeError(
            "Each batch that `adapt` reads should be an array with a `.shape` that begins with the "
            f"number of samples. Received: {batch!r} (of type {type(batch)})"
        )
    return array
