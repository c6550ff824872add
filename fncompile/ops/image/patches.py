"""What windows of images see."""

from __future__ import annotations

from collections.abc import Sequence

from fncompile.ir import build
from fncompile.ir.dims import product
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
    taps = per_axis(size, 2, "size")
    steps = taps if strides is None else per_axis(strides, 2, "strides")
    dilation = per_axis(dilation_rate, 2, "dilation_rate")
    pads = padding_of(padding, x.shape[1:3], taps, steps, dilation)
    seen = build.permute(windows_of(x, taps, steps, pads, dilation), (0, 1, 2, 4, 5, 3))
    patches = build.reshape(seen, (*seen.shape[:3], product(seen.shape[3:])))
    return as_given(patches, came)
