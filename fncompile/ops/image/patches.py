"""What windows of images see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fncompile.ir import build
from fncompile.ir.dims import product
from fncompile.ir.node import Node
from fncompile.ops.dispatch import op
from fncompile.ops.image.layout import as_given, batched
from fncompile.ops.types import Result, TensorLike
from fncompile.ops.windows import padding_of, per_axis, windows_of


@op
def extract_patches(
    images: TensorLike,
    size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    dilation_rate: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Result:
    """The patches of images, each with its rows, columns and channels as the last axis:
    (batch, down, across, rows * columns * channels).

    `images`: (height, width, channels) or a batch of them, or with `data_format` "channels_first"
    (channels, height, width); `size`: of a patch, one number or (rows, columns); `strides`: how far
    apart patches are, as `size` if None; `dilation_rate`: how far apart their elements are;
    `padding`: "valid" or "same". ValueError for others.

    >>> ops.image.extract_patches(np.arange(4.0).reshape(1, 1, 4, 1), (1, 2))[0, 0]
    array([[0., 1.],
           [2., 3.]], dtype=float32)
    """
    x, came = batched(images, data_format)
    return as_given(_patches(x, size, strides, dilation_rate, padding), came)


@op
def extract_patches_3d(
    volumes: TensorLike,
    size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    dilation_rate: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Result:
    """The patches of volumes, each with its layers, rows, columns and channels as the last axis.

    `volumes`: (depth, height, width, channels) or a batch of them, or with `data_format`
    "channels_first" (channels, depth, height, width); `size`, `strides`, `dilation_rate` and
    `padding` are those of `extract_patches`, with three numbers.

    >>> ops.image.extract_patches_3d(np.arange(4.0).reshape(2, 1, 2, 1), (2, 1, 1))[0, 0]
    array([[0., 2.],
           [1., 3.]], dtype=float32)
    """
    x, came = batched(volumes, data_format, 3)
    return as_given(_patches(x, size, strides, dilation_rate, padding), came)


def _patches(x: Node, size: Any, strides: Any, dilation_rate: Any, padding: str) -> Node:
    """Of (batch, ..., channels): an axis for each of those between, and one for what they have."""
    rank = x.ndim - 2
    taps = per_axis(size, rank, "size")
    steps = taps if strides is None else per_axis(strides, rank, "strides")
    dilation = per_axis(dilation_rate, rank, "dilation_rate")
    pads = padding_of(padding, x.shape[1:-1], taps, steps, dilation)
    seen = windows_of(x, taps, steps, pads, dilation)
    seen = build.permute(seen, (*range(rank + 1), *range(rank + 2, seen.ndim), rank + 1))
    return build.reshape(seen, (*seen.shape[: rank + 1], product(seen.shape[rank + 1 :])))
