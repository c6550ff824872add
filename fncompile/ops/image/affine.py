"""Images read at other places: each output pixel is a pixel of the input, or a mean of four."""

from __future__ import annotations

from typing import Any

from fncompile.graph.tensor import Tensor
from fncompile.ir import build
from fncompile.ir.dims import Dim
from fncompile.ir.node import Node
from fncompile.ir.types import DTYPES, is_float
from fncompile.ops.axes import differ, display
from fncompile.ops.casting import cast
from fncompile.ops.creation import arange
from fncompile.ops.dispatch import as_float, node, op
from fncompile.ops.elementwise import clip, floor, minimum, mod
from fncompile.ops.image.layout import as_given, batched
from fncompile.ops.indexing import take
from fncompile.ops.logic import logical_and, where
from fncompile.ops.shaping import expand_dims, reshape
from fncompile.ops.types import Result, TensorLike

INTERPOLATIONS = ("nearest", "bilinear")
FILL_MODES = ("reflect", "mirror", "wrap", "nearest", "constant")


@op
def affine_transform(
    images: TensorLike,
    transform: TensorLike,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Result:
    """Images of the same size, whose pixel (x, y) is the input's at
    ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k), with k = c0 x + c1 y + 1.

    `images`: (height, width, channels) or a batch of them, or with `data_format` "channels_first"
    (channels, height, width); `transform`: (a0, a1, a2, b0, b1, b2, c0, c1), or one for each image;
    `interpolation`: "bilinear" or "nearest"; `fill_mode`: what is outside: "constant" for
    `fill_value`, "nearest" for the edge, "wrap" for the image again, "reflect" for its mirror image
    with the edge twice, "mirror" with the edge once. ValueError for others.

    >>> x = np.array([[[1.0], [2.0], [4.0]]])
    >>> ops.image.affine_transform(x, [1.0, 0, 0.5, 0, 1, 0, 0, 0])[0, :, 0]
    array([1.5, 3. , 2. ], dtype=float32)
    """
    check_sampling(interpolation, fill_mode)
    x, came = batched(images, data_format)
    t = build.cast(as_float(transform), DTYPES[as_float(x).dtype].in_register)
    t = build.expand_dims(t, (0,)) if t.ndim == 1 else t
    if t.ndim != 2 or t.shape[1] != 8 or (t.shape[0] != 1 and differ(t.shape[0], x.shape[0])):
        raise ValueError(
            "Invalid transform rank: expected rank 1 (8 numbers) or rank 2, (batch, 8). "
            f"Received: transform.shape={display(t.shape)}, images.shape={display(x.shape)}"
        )
    a0, a1, a2, b0, b1, b2, c0, c1 = (_coefficient(t, i) for i in range(8))
    row, column = _grid(x.shape[1], x.shape[2], t.dtype)
    k = c0 * column + c1 * row + 1.0
    rows, columns = (b0 * column + b1 * row + b2) / k, (a0 * column + a1 * row + a2) / k
    return as_given(sampled(x, rows, columns, interpolation, fill_mode, fill_value), came)


def check_sampling(interpolation: str, fill_mode: str) -> None:
    if interpolation not in INTERPOLATIONS:
        raise ValueError(
            f"Invalid value for argument `interpolation`. Expected of one {INTERPOLATIONS}. "
            f"Received: interpolation={interpolation}"
        )
    if fill_mode not in FILL_MODES:
        raise ValueError(
            f"Invalid value for argument `fill_mode`. Expected of one {FILL_MODES}. "
            f"Received: fill_mode={fill_mode}"
        )


def _coefficient(transform: Node, i: int) -> Any:
    column = build.slice_axis(transform, 1, i, 1)
    return Tensor(build.reshape(column, (transform.shape[0], 1, 1)))


def _grid(height: Dim, width: Dim, dtype: str) -> tuple[Any, Any]:
    """The row of each pixel, (1, height, 1), and its column, (1, 1, width)."""
    row = build.expand_dims(build.iota((height,), 0, dtype), (0, 2))
    column = build.expand_dims(build.iota((width,), 0, dtype), (0, 1))
    return Tensor(row), Tensor(column)


def sampled(
    x: Node, rows: Any, columns: Any, interpolation: str, fill_mode: str, fill_value: float
) -> Node:
    """`x` (batch, height, width, channels) at the places `rows`, `columns` (batch or 1, h, w); in
    the dtype of `x`, whole numbers rounded."""
    if interpolation == "nearest":
        found = _pixels(x, _whole(rows + 0.5), _whole(columns + 0.5), fill_mode, fill_value)
        return found.node
    wide = build.cast(as_float(x), rows.dtype)
    top, left = floor(rows), floor(columns)
    down, right = expand_dims(rows - top, -1), expand_dims(columns - left, -1)
    total: Any = 0.0
    for below, tall in ((0, 1.0 - down), (1, down)):
        for beside, broad in ((0, 1.0 - right), (1, right)):
            at = _whole(top) + below, _whole(left) + beside
            total = total + tall * broad * _pixels(wide, *at, fill_mode, fill_value)
    out = total.node if is_float(x.dtype) else build.ew("rint", total.node)
    return build.cast(out, x.dtype)


def _whole(x: Any) -> Any:
    return cast(floor(x), "int32")


def _pixels(x: Node, row: Any, column: Any, fill_mode: str, fill_value: float) -> Any:
    """The pixels at whole places, inside or not."""
    batch, height, width, channels = x.shape
    image = reshape(arange(batch), (batch, 1, 1))
    place = (image * height + inside(row, height, fill_mode)) * width
    place = place + inside(column, width, fill_mode)
    found = take(Tensor(build.reshape(x, (batch * height * width, channels))), place, 0)
    if fill_mode != "constant":
        return found
    there = logical_and(
        logical_and(row >= 0, row < node(height)), logical_and(column >= 0, column < node(width))
    )
    return where(expand_dims(there, -1), found, cast(fill_value, x.dtype))


def inside(index: Any, size: Dim, fill_mode: str) -> Any:
    """The index from 0 to `size` - 1 that stands for any other."""
    if fill_mode == "wrap":
        return mod(index, size)
    if fill_mode == "reflect":
        around = mod(index, size * 2)
        return minimum(around, size * 2 - 1 - around)
    if fill_mode == "mirror" and size != 1:
        around = mod(index, (size - 1) * 2)
        return minimum(around, (size - 1) * 2 - around)
    return clip(index, 0, size - 1)
