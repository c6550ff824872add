"""Which queries see which keys: masks of shape (batch or 1, queries, keys)."""

from __future__ import annotations

from typing import Any

from fncompile import ops


def causal(queries: Any, keys: Any) -> Any:
    """(1, queries, keys): a query sees the keys up to its own position."""
    row, column = _positions(queries, keys)
    return ops.greater_equal(row, column)


def sliding(queries: Any, keys: Any, width: int) -> Any:
    """(1, queries, keys): a query sees keys less than `width` positions away, on both sides."""
    row, column = _positions(queries, keys)
    return ops.less(ops.absolute(row - column), width)


def _positions(queries: Any, keys: Any) -> tuple[Any, Any]:
    row, column = ops.arange(queries, dtype="int32"), ops.arange(keys, dtype="int32")
    return ops.expand_dims(row, (0, 2)), ops.expand_dims(column, (0, 1))


def of_positions(mask: Any, axis: int) -> Any:
    """The mask of the positions of queries (`axis` -1) or keys (-2), against the others."""
    return None if mask is None else ops.expand_dims(ops.cast(mask, "bool"), axis)


def together(*masks: Any) -> Any:
    """True where all of the masks given are; None where none is given."""
    out = None
    for mask in masks:
        if mask is not None:
            mask = ops.cast(mask, "bool")
            out = mask if out is None else ops.logical_and(out, mask)
    return out


def without_mask(x: Any) -> Any:
    """The same numbers; what their mask says is in the attention's, and goes no further by
    itself."""
    return ops.copy(x)


def over_heads(mask: Any, rank: int, axis: int = -3) -> Any:
    """`mask` with axes of 1 at `axis`, up to `rank`."""
    for _ in range(rank - len(mask.shape)):
        mask = ops.expand_dims(mask, axis)
    return mask
