"""Images bent like rubber: each pixel is moved by smoothed random numbers."""

from __future__ import annotations

from typing import Any

from fncompile.graph.operators import IMPLEMENTATIONS
from fncompile.ops.creation import arange
from fncompile.ops.dispatch import node, op, wide_dtype
from fncompile.ops.image.affine import sampled
from fncompile.ops.image.filters import gaussian_blur
from fncompile.ops.image.layout import as_given, batched
from fncompile.ops.types import Result, TensorLike


@op
def elastic_transform(
    images: TensorLike,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: Any = None,
    data_format: str | None = None,
) -> Result:
    """`images`, each pixel read `alpha` times a smoothed random number away, across and down.

    `images`: (height, width, channels) or a batch of them, or with `data_format` "channels_first"
    (channels, height, width), of known height and width; `sigma`: the standard deviation of the
    numbers and of the bell that smooths them; `seed`: a number or a `SeedGenerator`;
    `interpolation`, `fill_mode` and `fill_value` as for `affine_transform`. Its numbers are those
    of fncompile's generator, not Keras'.

    >>> x = np.arange(9.0).reshape(3, 3, 1)
    >>> ops.image.elastic_transform(x, alpha=0.0, sigma=1.0, seed=1)[..., 0]
    array([[0., 1., 2.],
           [3., 4., 5.],
           [6., 7., 8.]], dtype=float32)
    """
    x, came = batched(images, data_format)
    batch, height, width, _ = x.shape
    dtype = wide_dtype(x.dtype) if x.type.kind == "f" else "float32"
    normal = IMPLEMENTATIONS["normal"]
    noise = normal((2 * batch, height, width, 1), 0.0, 1.0, dtype, seed) * sigma
    size = (int(6 * sigma) | 1,) * 2
    return as_given(bent(x, noise, size, sigma, alpha, interpolation, fill_mode, fill_value), came)


def bent(
    images: Any, noise: Any, size: tuple[int, int], sigma: Any, alpha: Any,
    interpolation: str, fill_mode: str, fill_value: float,
) -> Any:  # fmt: skip
    """A batch of images, moved by `noise`: of the rows of all images, then of the columns."""
    batch, height, width, _ = images.shape
    moved = alpha * gaussian_blur(noise, size, sigma, "channels_last")[..., 0]
    rows = arange(height, dtype=noise.dtype)[None, :, None] + moved[:batch]
    columns = arange(width, dtype=noise.dtype)[None, None, :] + moved[batch:]
    return sampled(node(images), rows, columns, interpolation, fill_mode, fill_value)
