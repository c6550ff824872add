"""Where the axes of images and sequences are: channels last inside, either way outside."""

from __future__ import annotations

from typing import Any

from fncompile import ops


def spatial_axes(rank: int, data_format: str) -> tuple[int, ...]:
    """The spatial axes of a tensor (batch, ...) of `rank` axes with its channels first or last."""
    first = 2 if data_format == "channels_first" else 1
    return tuple(range(first, first + rank - 2))


def channel_axis(rank: int, data_format: str) -> int:
    return 1 if data_format == "channels_first" else rank - 1


def image_axes(rank: int, data_format: str) -> tuple[int, int]:
    """The axes of height and width of one image (rank 3) or a batch of them (rank 4)."""
    first = rank - (2 if data_format == "channels_first" else 3)
    return first, first + 1


def channels_last(x: Any, data_format: str) -> Any:
    """`x`, a tensor (batch, ...), with its channels as the last axis."""
    if data_format == "channels_last":
        return x
    return ops.moveaxis(x, 1, -1)


def as_given(x: Any, data_format: str) -> Any:
    """The inverse of `channels_last`."""
    if data_format == "channels_last":
        return x
    return ops.moveaxis(x, -1, 1)
