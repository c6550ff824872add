"""Keeping gradients small: by value, by the norm of each, by the norm of all."""

from __future__ import annotations

from typing import Any

from fncompile import ops


def clip_by_norm(gradient: Any, limit: float) -> Any:
    """`gradient`, scaled down to the Euclidean norm `limit` where its norm is larger."""
    norm = ops.sqrt(ops.sum(ops.square(gradient)))
    return gradient * (limit / ops.maximum(norm, limit))


def clip_all_by_norm(gradients: list[Any], limit: float) -> list[Any]:
    """All scaled by one factor, so that together they have at most the norm `limit`.

    An infinite or NaN norm makes all of them NaN: a broken step shows.
    """
    squares = [ops.sum(ops.square(g)) for g in gradients]
    norm = ops.sqrt(sum(squares[1:], squares[0]))
    scale = limit / ops.maximum(norm, limit) + (norm - norm)
    return [g * scale for g in gradients]
