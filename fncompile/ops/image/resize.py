"""Images of another size: each output pixel is a weighted mean of input pixels, axis by axis."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from fncompile.graph.eager import known_value
from fncompile.graph.tensor import Tensor
from fncompile.ir import build
from fncompile.ir.dims import Dim, is_static
from fncompile.ir.node import Node
from fncompile.ir.types import DTYPES, is_float
from fncompile.ops.axes import canonical_axes, canonical_dim
from fncompile.ops.creation import arange
from fncompile.ops.dispatch import as_float, node, op
from fncompile.ops.elementwise import abs, divide, floor, maximum
from fncompile.ops.functions import sin
from fncompile.ops.image.layout import as_given, batched
from fncompile.ops.indexing import take
from fncompile.ops.logic import where
from fncompile.ops.reductions import sum
from fncompile.ops.shaping import expand_dims
from fncompile.ops.types import Result, TensorLike

# kernels: the weight of a pixel at a distance -----------------------------------------------------


def _triangle(d: Any) -> Any:
    return maximum(1.0 - d, 0.0)


def _cubic(d: Any) -> Any:
    """Keys' cubic convolution with a = -0.5."""
    near = ((1.5 * d - 2.5) * d) * d + 1.0
    far = ((-0.5 * d + 2.5) * d - 4.0) * d + 2.0
    return where(d < 1.0, near, where(d < 2.0, far, 0.0))


def _lanczos(radius: float) -> Callable[[Any], Any]:
    def kernel(d: Any) -> Any:
        safe = maximum(d, 1e-3)
        window = sin(math.pi * safe) * sin(math.pi * safe / radius)
        value = radius * window / (math.pi**2 * safe * safe)
        return where(d < 1e-3, 1.0, where(d < radius, value, 0.0))

    return kernel


KERNELS: dict[str, Callable[[Any], Any]] = {
    "bilinear": _triangle,
    "lanczos3": _lanczos(3.0),
    "lanczos5": _lanczos(5.0),
    "bicubic": _cubic,
}
INTERPOLATIONS = ("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic")


def check_interpolation(interpolation: str) -> None:
    if interpolation not in INTERPOLATIONS:
        raise ValueError(
            f"Invalid value for argument `interpolation`. Expected of one {INTERPOLATIONS}. "
            f"Received: interpolation={interpolation}"
        )


# one axis -----------------------------------------------------------------------------------------


def _weights(size: Dim, target: Dim, interpolation: str, antialias: bool, dtype: str) -> Node:
    """(target, size): what each input adds to each output. Rows add up to 1.

    Pixel centres lie at halves; with `antialias` the kernel widens by the factor of shrinking.
    """
    ratio = divide(node(size, dtype), node(target, dtype))
    centre = (arange(target, dtype=dtype) + 0.5) * ratio - 0.5
    weights = _weights_at(centre, ratio, size, interpolation, antialias)
    known = known_value(weights) if is_static((size, target)) else None
    return weights.node if known is None else build.const(known, dtype)


def _weights_at(centre: Any, ratio: Any, size: Dim, interpolation: str, antialias: bool) -> Any:
    """(centres, size): the weights of `size` pixels for places among them; `ratio`: how far apart
    these are."""
    distance = abs(expand_dims(centre, 1) - arange(size, dtype=centre.dtype))
    distance = distance / maximum(ratio, 1.0) if antialias else distance
    raw = KERNELS[interpolation](distance)
    return raw / sum(raw, axis=1, keepdims=True)


def _nearest(x: Node, axis: int, target: Dim) -> Node:
    size = x.shape[axis]
    ratio = divide(node(size, "float32"), node(target, "float32"))
    index = floor((arange(target, dtype="float32") + 0.5) * ratio)
    return take(Tensor(x), Tensor(build.cast(index.node, "int32")), axis).node


def resized(
    x: Node, axis: int, target: Dim, interpolation: str = "bilinear", antialias: bool = False
) -> Node:
    """`x` with the extent `target` along `axis`."""
    if x.shape[axis] == target:
        return x
    if interpolation == "nearest":
        return _nearest(x, axis, target)
    return _weighted(_weights(x.shape[axis], target, interpolation, antialias, x.dtype), x, axis)


def _weighted(weights: Node, x: Node, axis: int) -> Node:
    out = build.dot(weights, x, ((1,), (axis,)))
    return build.permute(out, (*range(1, axis + 1), 0, *range(axis + 1, x.ndim)))


# the op -------------------------------------------------------------------------------------------


@op
def resize(
    images: TensorLike,
    size: Any,
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Result:
    """Images in another size, in their own dtype; whole numbers are rounded.

    `images`: (height, width, channels) or a batch of them, or with `data_format`
    "channels_first" (channels, height, width); `size`: (height, width), ValueError unless two
    positive numbers; `interpolation`: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5";
    `antialias`: whether shrinking averages over all pixels. `crop_to_aspect_ratio` cuts edges off
    first, `pad_to_aspect_ratio` adds edges of `fill_value`, so that nothing is distorted; for both
    the input's size must be known. `fill_mode` is "constant".

    >>> ops.image.resize(np.arange(4.0).reshape(1, 4, 1), (1, 2))[0, :, 0]
    array([0.5, 2.5], dtype=float32)
    """
    interpolation = str(interpolation).lower()
    check_interpolation(interpolation)
    target = _checked_size(size)
    if fill_mode != "constant":
        raise ValueError(
            "Invalid value for argument `fill_mode`. Only `'constant'` is supported. "
            f"Received: fill_mode={fill_mode}"
        )
    if pad_to_aspect_ratio and crop_to_aspect_ratio:
        raise ValueError(
            "Only one of `pad_to_aspect_ratio` & `crop_to_aspect_ratio` can be `True`."
        )
    x, came = batched(images, data_format)
    if pad_to_aspect_ratio or crop_to_aspect_ratio:
        x = _fitted(x, target, pad_to_aspect_ratio, fill_value)
    dtype, wide = x.dtype, build.cast(as_float(x), DTYPES[as_float(x).dtype].in_register)
    y = wide if interpolation != "nearest" else x
    for axis, extent in ((1, target[0]), (2, target[1])):
        y = resized(y, axis, extent, interpolation, antialias)
    y = y if is_float(dtype) or y.dtype == dtype else build.ew("rint", y)
    return as_given(build.cast(y, dtype), came)


def _checked_size(size: Any) -> tuple[Dim, Dim]:
    many = tuple(size) if isinstance(size, (tuple, list)) else (size,)
    if len(many) != 2:
        raise ValueError(f"Expected `size` to be a tuple of 2 integers. Received: size={size}")
    height, width = map(canonical_dim, many)
    if any(isinstance(d, int) and d <= 0 for d in (height, width)):
        raise ValueError(f"`size` must have positive height and width. Received: size={size}")
    return height, width


def _fitted(x: Node, target: tuple[Dim, Dim], grow: bool, fill_value: float) -> Node:
    """`x` cut, or grown by edges, to the aspect ratio of `target`."""
    height, width = x.shape[1:3]
    if not is_static((height, width, *target)):
        raise ValueError(
            "To keep the aspect ratio, height and width of the images and of the result have to be "
            "known. Give Input a shape without None, or leave out `crop_to_aspect_ratio` and "
            "`pad_to_aspect_ratio`."
        )
    choose = max if grow else min
    wanted = (
        choose(height, int(width * target[0] / target[1])),
        choose(width, int(height * target[1] / target[0])),
    )
    for axis, extent in zip((1, 2), wanted):
        size = x.shape[axis]
        start: list[Any] = [0] * 4
        start[axis] = (extent - size if grow else size - extent) // 2
        shape: list[Any] = list(x.shape)
        shape[axis] = extent
        x = build.pad(x, start, shape, value=fill_value) if grow else build.slice(x, start, shape)
    return x


METHODS = {
    **dict.fromkeys(("linear", "bilinear", "trilinear", "triangle"), "bilinear"),
    **dict.fromkeys(("cubic", "bicubic", "tricubic"), "bicubic"),
    "lanczos3": "lanczos3",
    "lanczos5": "lanczos5",
}


@op
def scale_and_translate(
    images: TensorLike,
    output_shape: Any,
    scale: TensorLike,
    translation: TensorLike,
    spatial_dims: Any,
    method: str,
    antialias: bool = True,
) -> Result:
    """`images`, grown and moved along some axes: place p of the input is at p scale + translation,
    pixels counting from edge to edge. What comes from outside is 0.

    `images`: a tensor of any rank; `output_shape`: that of the result, as long; `spatial_dims`: the
    axes; `scale`, `translation`: a number for each of them; `method`: "linear", "cubic", "lanczos3"
    or "lanczos5"; `antialias`: whether shrinking averages over all pixels. ValueError for others.

    >>> ops.image.scale_and_translate([1.0, 2.0], (4,), [1.0], [1.0], (0,), "linear")
    array([0., 1., 2., 0.], dtype=float32)
    """
    if method not in METHODS:
        raise ValueError(
            f"Invalid value for argument `method`. Expected of one {tuple(METHODS)}. "
            f"Received: method={method}"
        )
    x = as_float(images)
    if len(output_shape) != x.ndim:
        raise ValueError(
            f"`output_shape` has as many entries as `images` has axes, {x.ndim}. "
            f"Received: output_shape={output_shape}"
        )
    factors: Any = Tensor(node(scale, x.dtype))
    shifts: Any = Tensor(node(translation, x.dtype))
    for i, axis in enumerate(canonical_axes(tuple(spatial_dims), x.ndim)):
        size, target = x.shape[axis], canonical_dim(output_shape[axis])
        ratio = 1.0 / factors[i]
        centre = (arange(target, dtype=x.dtype) + 0.5 - shifts[i]) * ratio - 0.5
        last = Tensor(node(size, x.dtype)) - 0.5
        inside = (centre >= -0.5) & (centre <= last)
        weights = _weights_at(centre, ratio, size, METHODS[method], antialias)
        weights = where(expand_dims(inside, 1), weights, 0.0)
        x = _weighted(node(weights), x, axis)
    return x
