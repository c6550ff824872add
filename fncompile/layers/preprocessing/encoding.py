"""Whole numbers that say categories, as numbers for what comes behind them."""

from __future__ import annotations

from typing import Any

from fncompile import ops

MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
_OLDER = {"binary": "multi_hot", "tf-idf": "tf_idf"}


def checked_mode(layer: str, mode: Any, allowed: tuple[str, ...] = MODES) -> str:
    """`mode` under its present name; ValueError unless it is one of `allowed`."""
    found = _OLDER.get(mode, mode) if isinstance(mode, str) else mode
    if found not in allowed:
        raise ValueError(
            f"Invalid value for argument `output_mode`. Expected one of {allowed} for layer "
            f"{layer}. Received: output_mode={mode}"
        )
    return found


def refuse_sparse(layer: str, sparse: Any, mode: str, argument: str = "sparse") -> None:
    """ValueError where sparse or ragged results are asked for: there are none."""
    if sparse and mode == "int" and argument == "sparse":
        raise ValueError(
            "`sparse` may only be true if `output_mode` is `'one_hot'`, `'multi_hot'`, `'count'` "
            f"or `'tf_idf'`. Received: sparse={sparse} and output_mode={mode}"
        )
    if sparse:
        raise ValueError(
            f"`{argument}=True` of layer {layer} is not supported: tensors are dense here, as they "
            "are in Keras on JAX. Leave the argument out."
        )


def encoded(
    indices: Any, mode: str, depth: int, dtype: str, weights: Any = None, idf: Any = None
) -> Any:
    """`indices` as they are ("int"); one-hot, where a last axis of 1 is the one that is widened; or
    by the second axis, or the only one, which lists what a sample has: 1 for each category that
    occurs ("multi_hot"), how often it does ("count"), or that times `idf` ("tf_idf").

    What is not from 0 to `depth` - 1 counts nowhere. `weights`: of each of the indices, in a count.
    """
    if mode == "int":
        return ops.cast(indices, dtype)
    rank = len(indices.shape)
    if rank == 0 and mode != "one_hot":
        indices, rank = ops.expand_dims(indices, 0), 1
    if mode == "one_hot":
        if rank > 1 and indices.shape[-1] == 1:
            indices = ops.squeeze(indices, -1)
        return ops.one_hot(indices, depth, dtype=dtype)
    rows = ops.one_hot(indices, depth, dtype=dtype)
    if mode == "multi_hot":
        return ops.max(rows, axis=min(rank - 1, 1), initial=0)
    if weights is not None:
        rows = rows * ops.expand_dims(ops.cast(weights, dtype), -1)
    total = ops.sum(rows, axis=min(rank - 1, 1))
    return total * idf if mode == "tf_idf" else total


def rank_among(x: Any, steps: Any) -> Any:
    """How many of the increasing numbers `steps` are at most `x`, element by element; NaN is above
    all. By bisection, so that long tables cost little.
    """
    count = len(steps)
    bits = max(1, count.bit_length())
    largest = steps.dtype.type(_largest(steps.dtype))
    table = ops.concatenate([steps, _filled(2**bits - 1 - count, largest)])
    found = ops.zeros_like(x, dtype="int32")
    for bit in reversed(range(bits)):
        ahead = found + 2**bit
        found = ops.where(x < ops.take(table, ahead - 1), found, ahead)
    return ops.minimum(found, count)


def _largest(dtype: Any) -> Any:
    import numpy as np

    return np.iinfo(dtype).max if dtype.kind in "iu" else np.inf


def _filled(count: int, value: Any) -> Any:
    import numpy as np

    return np.full(count, value)
