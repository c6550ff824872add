"""Colours as three numbers, one after the other: red, green, blue; hue, saturation, value."""

from __future__ import annotations

from typing import Any

from fncompile.ops.axes import display
from fncompile.ops.casting import cast
from fncompile.ops.composing import real, tensor
from fncompile.ops.dispatch import is_float, node, op
from fncompile.ops.elementwise import absolute, clip, maximum, minimum, mod
from fncompile.ops.image.layout import as_given, batched
from fncompile.ops.joining import concatenate
from fncompile.ops.logic import equal, where
from fncompile.ops.types import Result, TensorLike

GREY = (0.2989, 0.587, 0.114)  # how much of red, green and blue


@op
def rgb_to_grayscale(images: TensorLike, data_format: str | None = None) -> Result:
    """How bright pixels are: 0.2989 red + 0.587 green + 0.114 blue, in the dtype of `images`.

    `images`: (height, width, 3) or a batch of them, or with `data_format` "channels_first"
    (3, height, width); with one channel they stay as they are. The result has one channel.
    ValueError for other numbers of channels.

    >>> ops.image.rgb_to_grayscale([[[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]]])[0, :, 0].round(3)
    array([0.299, 1.   ], dtype=float32)
    """
    x, came = batched(images, data_format)
    if x.shape[3] not in (1, 3):
        raise ValueError(
            "Invalid channel size: expected 3 (RGB) or 1 (Grayscale). "
            f"Received input with shape: images.shape={display(node(images).shape)}"
        )
    if x.shape[3] == 1:
        return as_given(x, came)
    wide: Any = real(tensor(x))
    red, green, blue = (part * wide[..., i : i + 1] for i, part in enumerate(GREY))
    return as_given(node(cast(red + green + blue, x.dtype)), came)


@op
def rgb_to_hsv(images: TensorLike, data_format: str | None = None) -> Result:
    """Hue, saturation and value of pixels, each from 0 to 1.

    `images`: floating-point numbers from 0 to 1, (height, width, 3) or a batch of them, or with
    `data_format` "channels_first" (3, height, width). ValueError for whole numbers and other
    numbers of channels.

    >>> ops.image.rgb_to_hsv([[[0.0, 0.5, 0.0]]]).round(3)
    array([[[0.333, 1.   , 0.5  ]]], dtype=float32)
    """
    (r, g, b), came = _planes(images, data_format)
    value, least = maximum(maximum(r, g), b), minimum(minimum(r, g), b)
    span = value - least
    some, lit = span > 0, value > 0
    saturation = where(lit, span / where(lit, value, 1.0), 0.0)
    sixth = 1.0 / (6.0 * where(some, span, 1.0))
    hue = where(equal(value, g), sixth * (b - r) + 2.0 / 6.0, sixth * (r - g) + 4.0 / 6.0)
    hue = where(equal(value, r), sixth * (g - b), hue)
    hue = where(some, where(hue < 0, hue + 1.0, hue), 0.0)
    return as_given(node(concatenate([hue, saturation, value], axis=3)), came)


@op
def hsv_to_rgb(images: TensorLike, data_format: str | None = None) -> Result:
    """Red, green and blue of pixels: the inverse of `rgb_to_hsv`.

    `images`: floating-point numbers, (height, width, 3) or a batch of them, or with `data_format`
    "channels_first" (3, height, width). ValueError for whole numbers and other numbers of channels.

    >>> ops.image.hsv_to_rgb([[[1 / 3, 1.0, 0.5]]]).round(3)
    array([[[0. , 0.5, 0. ]]], dtype=float32)
    """
    (hue, saturation, value), came = _planes(images, data_format)
    turn = mod(hue, 1.0) * 6.0
    shares = (
        absolute(turn - 3.0) - 1.0, 2.0 - absolute(turn - 2.0), 2.0 - absolute(turn - 4.0),
    )  # fmt: skip
    parts = [value * (1.0 - saturation + saturation * clip(s, 0.0, 1.0)) for s in shares]
    return as_given(node(concatenate(parts, axis=3)), came)


def _planes(images: TensorLike, data_format: str | None) -> tuple[list[Any], str]:
    """Each of the three channels, (batch, height, width, 1), and how the images came."""
    x, came = batched(images, data_format)
    if not is_float(x.dtype):
        raise ValueError(
            f"Invalid images dtype: expected float dtype. Received: images.dtype={x.dtype}"
        )
    if x.shape[3] != 3:
        raise ValueError(
            "Colours are three channels. "
            f"Received input with shape: images.shape={display(node(images).shape)}"
        )
    wide: Any = tensor(x)
    return [wide[..., i : i + 1] for i in range(3)], came
