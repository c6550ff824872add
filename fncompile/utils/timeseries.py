"""Windows of sequences as a data set, and data sets in two."""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile.utils.batches import ArrayDataset, RowDataset


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> Any:
    """A data set of batches of windows of `data`, of which each has `sequence_length` rows,
    `sampling_rate` apart, and begins `sequence_stride` rows behind the one before.

    The target of a window is the row of `targets` at its beginning; without `targets` (None) there
    are inputs alone. Only rows from `start_index` to before `end_index` are used. `shuffle`: in
    another order, by `seed`; `batch_size` None gives single windows; `format` is Keras' and changes
    nothing: what is given is a PyDataset. ValueError for numbers that make no windows.

    >>> x = np.arange(6)
    >>> data = utils.timeseries_dataset_from_array(x, x[2:], 2, batch_size=4)
    >>> data[0][0].tolist(), data[0][1].tolist()
    ([[0, 1], [1, 2], [2, 3], [3, 4]], [2, 3, 4, 5])
    """
    data = np.asarray(data)
    given = {
        "sequence_length": sequence_length, "sequence_stride": sequence_stride,
        "sampling_rate": sampling_rate,
    }  # fmt: skip
    for name, value in given.items():
        if value <= 0 or value >= len(data):
            raise ValueError(
                f"`{name}` must be above 0 and below the length of the data, {len(data)}. "
                f"Received: {name}={value}"
            )
    start, end = start_index or 0, len(data) if end_index is None else end_index
    if not 0 <= start < end <= len(data):
        raise ValueError(
            "`start_index` and `end_index` must be places in the data, one behind the other. "
            f"Received: start_index={start_index}, end_index={end_index}, {len(data)} rows"
        )
    span = (sequence_length - 1) * sampling_rate + 1
    count = end - start - span + 1
    if targets is not None:
        count = min(count, len(targets))
    begins = np.arange(0, max(count, 0), sequence_stride)
    if shuffle:
        np.random.default_rng(seed).shuffle(begins)
    rows = start + begins[:, None] + np.arange(sequence_length) * sampling_rate
    labels = None if targets is None else np.asarray(targets)[begins]
    return RowDataset(data, rows, labels, batch_size)


def split_dataset(
    dataset: Any,
    left_size: Any = None,
    right_size: Any = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Any, Any]:
    """The first and the last elements of a data set, as two.

    `dataset`: an array, a list or tuple of arrays, or an iterable of elements; `left_size`,
    `right_size`: how many, or which fraction; one of them may be None. `shuffle`: the elements
    first, by `seed`. `preferred_backend` is Keras', and changes nothing. ValueError for sizes that
    do not fit.

    >>> left, right = utils.split_dataset(np.arange(5), left_size=0.6)
    >>> left[0].tolist(), right[0].tolist()
    ([0, 1, 2], [3, 4])
    """
    arrays = isinstance(dataset, np.ndarray) or (
        isinstance(dataset, (list, tuple)) and all(isinstance(x, np.ndarray) for x in dataset)
    )
    columns = ([dataset] if isinstance(dataset, np.ndarray) else list(dataset)) if arrays else None
    elements = list(range(len(columns[0]))) if columns else list(dataset)
    left, right = _sizes(len(elements), left_size, right_size)
    order = np.arange(len(elements))
    if shuffle:
        np.random.default_rng(seed).shuffle(order)
    parts = order[:left], order[len(order) - right :]
    if columns is not None:
        first, last = (ArrayDataset([c[part] for c in columns], len(part)) for part in parts)
        return first, last
    return [elements[i] for i in parts[0]], [elements[i] for i in parts[1]]


def _sizes(total: int, left: Any, right: Any) -> tuple[int, int]:
    if left is None and right is None:
        raise ValueError("At least one of the `left_size` or `right_size` must be specified.")
    counts = []
    for name, size in (("left_size", left), ("right_size", right)):
        if isinstance(size, float) and not 0 < size < 1:
            raise ValueError(f"`{name}` as a fraction must be between 0 and 1. Received: {size}")
        if isinstance(size, int) and not 0 <= size <= total:
            raise ValueError(f"`{name}` must be from 0 to {total}. Received: {name}={size}")
        if size is not None and not isinstance(size, (int, float)):
            raise TypeError(f"`{name}` must be a number. Received: {name}={size}")
        counts.append(round(size * total) if isinstance(size, float) else size)
    first, last = counts
    first = total - last if first is None else first  # type: ignore[operator]
    last = total - first if last is None else last
    if first + last > total:
        raise ValueError(
            "The sum of `left_size` and `right_size` is greater than the data set. Received: "
            f"left_size={left}, right_size={right}, {total} elements"
        )
    return first, last
