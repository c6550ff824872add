"""Images seen through small windows: blurred, their edges, and how alike two are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fncompile.ops.axes import display
from fncompile.ops.casting import cast
from fncompile.ops.composing import extents, real, reals, tensor
from fncompile.ops.convolution import depthwise_conv
from fncompile.ops.creation import arange
from fncompile.ops.dispatch import is_float, node, op
from fncompile.ops.elementwise import round as round_of
from fncompile.ops.elementwise import square
from fncompile.ops.functions import exp
from fncompile.ops.image.layout import as_given, batched
from fncompile.ops.joining import stack
from fncompile.ops.reductions import mean
from fncompile.ops.reductions import sum as sum_of
from fncompile.ops.shaping import broadcast_to, reshape
from fncompile.ops.types import Result, TensorLike
from fncompile.ops.windows import per_axis


@op
def gaussian_blur(
    images: TensorLike,
    kernel_size: int | Sequence[int] = (3, 3),
    sigma: TensorLike = (1.0, 1.0),
    data_format: str | None = None,
) -> Result:
    """Each pixel as a mean of those around it, weighted by a normal distribution; outside is 0.

    `images`: (height, width, channels) or a batch of them, or with `data_format` "channels_first"
    (channels, height, width); whole numbers are rounded. `kernel_size` and `sigma`: how many pixels
    count and their standard deviation, across and down as in Keras. ValueError for other sizes.

    >>> ops.image.gaussian_blur(np.eye(3)[..., None]).round(2)[..., 0]
    array([[0.28, 0.25, 0.08],
           [0.25, 0.35, 0.25],
           [0.08, 0.25, 0.28]], dtype=float32)
    """
    x, came = batched(images, data_format)
    wide: Any = real(tensor(x))
    across, down = per_axis(kernel_size, 2, "kernel_size")
    spread: Any = broadcast_to(real(sigma), (2,))
    bells = _bell(down, spread[1], wide.dtype), _bell(across, spread[0], wide.dtype)
    wide = _along_both(wide, *bells)
    return as_given(node(cast(wide if is_float(x.dtype) else round_of(wide), x.dtype)), came)


def _bell(size: int, sigma: Any, dtype: str) -> Any:
    """Weights of a normal distribution, whose sum is 1."""
    at = (arange(size, dtype=dtype) - (size - 1) / 2) / cast(tensor(sigma), dtype)
    weights = exp(-0.5 * square(at))
    return weights / sum_of(weights)


def _along_both(x: Any, down: Any, across: Any, padding: str = "same") -> Any:
    """`x` (batch, height, width, channels) with weights along the height, then along the width."""
    for weights, shape in ((down, (-1, 1, 1, 1)), (across, (1, -1, 1, 1))):
        kernel = reshape(weights, shape)
        wide = broadcast_to(kernel, (*extents(kernel)[:2], extents(x)[3], 1))
        x = depthwise_conv(x, wide, padding=padding, data_format="channels_last")
    return x


@op
def sobel_edges(images: TensorLike, data_format: str | None = None) -> Result:
    """How images change downwards and to the right, by Sobel's kernels, as a new last axis of two;
    outside is 0.

    `images`: (height, width, channels) or a batch of them, or with `data_format` "channels_first"
    (channels, height, width).

    >>> ops.image.sobel_edges(np.tri(3)[..., None])[1, 1, 0]
    array([ 3., -3.], dtype=float32)
    """
    x, came = batched(images, data_format)
    given: Any = tensor(x)
    slope, smooth = np.array([-1, 0, 1]), np.array([1, 2, 1])
    both = [
        _along_both(given, tensor(down.astype(x.dtype)), tensor(across.astype(x.dtype)))
        for down, across in ((slope, smooth), (smooth, slope))
    ]
    return stack([tensor(as_given(node(edges), came)) for edges in both], axis=-1)


@op
def ssim(
    image1: TensorLike,
    image2: TensorLike,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Result:
    """How alike two images are, from -1 to 1 (Wang et al. 2004): means, variances and covariance in
    windows of `filter_size` pixels, weighted by a normal distribution of `filter_sigma`.

    `image1`, `image2`: (height, width, channels) or batches of them, or with `data_format`
    "channels_first" (channels, height, width), at least as large as a window; `max_val`: the
    largest number that a pixel may have; `k1`, `k2`: what keeps quotients apart from 0 / 0. Gives a
    number for each pair. ValueError for shapes that differ.

    >>> ops.image.ssim(np.ones((11, 11, 1)), np.ones((11, 11, 1)))
    array(1., dtype=float32)
    """
    a, b = reals(image1, image2)
    if len(a.shape) != len(b.shape):
        raise ValueError(
            "`image1` and `image2` have the same shape. Received: shapes "
            f"{display(a.shape)} and {display(b.shape)}"
        )
    (first, came), (second, _) = batched(a, data_format), batched(b, data_format)
    bell = _bell(filter_size, filter_sigma, a.dtype)

    def seen(pixels: Any) -> Any:
        return _along_both(pixels, bell, bell, "valid")

    x: Any = tensor(first)
    y: Any = tensor(second)
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    mean_x, mean_y = seen(x), seen(y)
    spread = seen(x * x) + seen(y * y) - mean_x * mean_x - mean_y * mean_y
    together = seen(x * y) - mean_x * mean_y
    alike = (2.0 * mean_x * mean_y + c1) * (2.0 * together + c2)
    alike = alike / ((mean_x * mean_x + mean_y * mean_y + c1) * (spread + c2))
    found: Any = mean(alike, axis=(1, 2, 3))
    return cast(found[0] if came.endswith("one") else found, node(image1).dtype)
