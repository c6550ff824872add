"""Images without some of their edges, or with more around them."""

from __future__ import annotations

from typing import Any

from fncompile.ir import build
from fncompile.ir.dims import Dim
from fncompile.ops.axes import canonical_dim
from fncompile.ops.dispatch import op
from fncompile.ops.image.layout import as_given, batched
from fncompile.ops.types import Result, TensorLike


@op
def crop_images(
    images: TensorLike,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Result:
    """Images without rows and columns at their edges.

    `images`: (height, width, channels) or a batch of them, or with `data_format` "channels_first"
    (channels, height, width). Exactly two of `top_cropping`, `bottom_cropping` and `target_height`
    have to be given, and of `left_cropping`, `right_cropping` and `target_width`, as whole numbers
    from 0 on; ValueError otherwise.

    >>> x = np.arange(4.0).reshape(1, 4, 1)
    >>> ops.image.crop_images(x, 0, 1, 0, target_width=2)[0, :, 0]
    array([1., 2.], dtype=float32)
    """
    x, came = batched(images, data_format)
    _, height, width, _ = x.shape
    names = ("top_cropping", "bottom_cropping", "target_height")
    top, tall = _placed(names, top_cropping, bottom_cropping, target_height, height, -1)
    names = ("left_cropping", "right_cropping", "target_width")
    left, broad = _placed(names, left_cropping, right_cropping, target_width, width, -1)
    shape = (x.shape[0], tall, broad, x.shape[3])
    return as_given(build.slice(x, (0, top, left, 0), shape), came)


@op
def pad_images(
    images: TensorLike,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Result:
    """Images with rows and columns of zeros around them.

    `images`: (height, width, channels) or a batch of them, or with `data_format` "channels_first"
    (channels, height, width). Exactly two of `top_padding`, `bottom_padding` and `target_height`
    have to be given, and of `left_padding`, `right_padding` and `target_width`, as whole numbers
    from 0 on; ValueError otherwise.

    >>> ops.image.pad_images(np.ones((1, 2, 1)), 0, 1, 0, 2)[0, :, 0]
    array([0., 1., 1., 0., 0.], dtype=float32)
    """
    x, came = batched(images, data_format)
    _, height, width, _ = x.shape
    names = ("top_padding", "bottom_padding", "target_height")
    top, tall = _placed(names, top_padding, bottom_padding, target_height, height, 1)
    names = ("left_padding", "right_padding", "target_width")
    left, broad = _placed(names, left_padding, right_padding, target_width, width, 1)
    shape = (x.shape[0], tall, broad, x.shape[3])
    return as_given(build.pad(x, (0, top, left, 0), shape), came)


def _placed(
    names: tuple[str, str, str], first: Any, last: Any, target: Any, size: Dim, sign: int
) -> tuple[Dim, Dim]:
    """(elements before, extent of the result) along an axis, from two of the three."""
    given = (first, last, target)
    received = ", ".join(f"{name}={value}" for name, value in zip(names, given))
    if sum(value is not None for value in given) != 2:
        raise ValueError(f"Must specify exactly two of {', '.join(names)}. Received: {received}")
    if target is None:
        target = size + (first + last) * sign
    elif first is None:
        first = (target - size) * sign - last
    elif last is None:
        last = (target - size) * sign - first
    for name, value in zip(names, (first, last, target)):
        if isinstance(value, int) and value < 0:
            raise ValueError(f"{name} must be >= 0. Received: {name}={value}")
    return canonical_dim(first), canonical_dim(target)
