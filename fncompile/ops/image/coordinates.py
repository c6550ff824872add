"""Arrays and images read between their elements: `map_coordinates`, and changes of perspective."""

from __future__ import annotations

import itertools
from typing import Any

from fncompile.ir import build
from fncompile.ir.types import DTYPES, is_float
from fncompile.ops.axes import display, product
from fncompile.ops.casting import cast
from fncompile.ops.composing import extents, real, reals, tensor
from fncompile.ops.creation import ones_like, zeros_like
from fncompile.ops.dispatch import as_float, node, op
from fncompile.ops.elementwise import floor
from fncompile.ops.elementwise import round as round_of
from fncompile.ops.image.affine import FILL_MODES, affine_transform, check_sampling, inside
from fncompile.ops.indexing import take
from fncompile.ops.joining import concatenate, stack
from fncompile.ops.logic import where
from fncompile.ops.shaping import expand_dims, reshape
from fncompile.ops.solving import solve
from fncompile.ops.types import Result, TensorLike


@op
def map_coordinates(
    inputs: TensorLike,
    coordinates: TensorLike,
    order: int,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
) -> Result:
    """The elements of `inputs` at places that need not be whole.

    `inputs`: a tensor of n axes; `coordinates`: (n, ...), for each axis the places along it, which
    the result has the shape of; `order`: 0 for the nearest element, 1 for the mean of those around,
    weighted by how near they are; `fill_mode`: what is outside, as for `affine_transform`;
    `fill_value`: that of "constant". ValueError for others and where shapes do not fit.

    >>> ops.image.map_coordinates([[0.0, 1.0], [2.0, 3.0]], [[0.5, 1.0], [0.0, 0.5]], order=1)
    array([1. , 2.5], dtype=float32)
    """
    x = tensor(inputs)
    at: Any = real(coordinates)
    rank = len(x.shape)
    if len(at.shape) < 2 or at.shape[0] != rank:
        raise ValueError(
            "`coordinates` has two axes or more, the first of them as long as `inputs` has axes. "
            f"Received: coordinates.shape={display(at.shape)}, inputs.shape={display(x.shape)}"
        )
    if fill_mode not in FILL_MODES or order not in (0, 1):
        raise ValueError(
            f"Invalid value for argument `fill_mode` or `order`. Expected one of {FILL_MODES}, and "
            f"0 or 1. Received: fill_mode={fill_mode}, order={order}"
        )
    along: list[Any] = [at[i] for i in range(rank)]
    if order == 0:
        return _elements(x, [_nearest(c) for c in along], fill_mode, fill_value)
    wide = tensor(build.cast(as_float(x), DTYPES[as_float(x).dtype].in_register))
    low = [floor(c) for c in along]
    total: Any = 0.0
    for steps in itertools.product((0, 1), repeat=rank):
        weight: Any = 1.0
        for c, below, step in zip(along, low, steps):
            weight = weight * (c - below if step else 1.0 - (c - below))
        places = [cast(below, "int32") + step for below, step in zip(low, steps)]
        total = total + weight * _elements(wide, places, fill_mode, fill_value)
    return cast(total if is_float(x.dtype) else round_of(total), x.dtype)


def _nearest(at: Any) -> Any:
    """Halves away from 0."""
    return cast(where(at < 0, -floor(0.5 - at), floor(at + 0.5)), "int32")


def _elements(x: Any, places: list[Any], fill_mode: str, fill_value: float) -> Any:
    """The elements at whole places, inside or not."""
    sizes = extents(x)
    index: Any = 0
    there: Any = True
    for place, size in zip(places, sizes):
        index = index * size + inside(place, size, fill_mode)
        there = there & (place >= 0) & (place < node(size))
    found = take(reshape(x, (product(sizes),)), index)
    return where(there, found, cast(fill_value, x.dtype)) if fill_mode == "constant" else found


@op
def perspective_transform(
    images: TensorLike,
    start_points: TensorLike,
    end_points: TensorLike,
    interpolation: str = "bilinear",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Result:
    """Images of the same size, seen so that four points of theirs lie at four other places.

    `images`: (height, width, channels) or a batch of them, or with `data_format` "channels_first"
    (channels, height, width); `start_points`, `end_points`: (4, 2) or one for each image, the
    places (x, y) of the four points before and after; `interpolation`: "bilinear" or "nearest";
    `fill_value`: what is outside. ValueError for others.

    >>> x = np.array([[[1.0], [2.0]], [[3.0], [4.0]]])
    >>> corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
    >>> ops.image.perspective_transform(x, corners, corners[:, ::-1])[..., 0].round(3)
    array([[1., 3.],
           [2., 4.]], dtype=float32)
    """
    check_sampling(interpolation, "constant")
    start, end = reals(start_points, end_points)
    for name, points in (("start_points", start), ("end_points", end)):
        if points.shape[-2:] != (4, 2) or len(points.shape) not in (2, 3):
            raise ValueError(
                f"`{name}` must be four places, (4, 2) or (batch, 4, 2). "
                f"Received: {name}.shape={display(points.shape)}"
            )
    turn = homography(start, end)
    return affine_transform(
        images, turn, interpolation, "constant", fill_value, data_format
    )


def homography(start: Any, end: Any) -> Any:
    """The 8 numbers of `affine_transform` that lead from the places `end` to the places `start`."""
    if len(start.shape) != len(end.shape):
        start, end = (p if len(p.shape) == 3 else expand_dims(p, 0) for p in (start, end))
    rows, wanted = [], []
    x, y = end[..., 0], end[..., 1]
    one, zero = ones_like(x), zeros_like(x)
    for axis in (0, 1):
        to = start[..., axis]
        own, other = [x, y, one], [zero, zero, zero]
        both = own + other if axis == 0 else other + own
        rows.append(stack([*both, -to * x, -to * y], axis=-1))
        wanted.append(to)
    return solve(concatenate(rows, axis=-2), concatenate(wanted, axis=-1))
