"""Flips, turns, pieces and products that put the elements of tensors into other places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fncompile.ops.axes import canonical_axis, display
from fncompile.ops.composing import common, extents, known, number, real, tensor
from fncompile.ops.creation import arange
from fncompile.ops.dispatch import op
from fncompile.ops.elementwise import floor_divide, mod, power
from fncompile.ops.joining import concatenate, split, stack
from fncompile.ops.products import diag
from fncompile.ops.reductions import max as max_of
from fncompile.ops.reductions import min as min_of
from fncompile.ops.reductions import sum as sum_of
from fncompile.ops.shaping import expand_dims, flip, moveaxis, ravel, reshape, swapaxes, transpose
from fncompile.ops.types import Axis, Result, TensorLike


@op
def fliplr(x: TensorLike) -> Result:
    """The columns from the last to the first.

    `x`: a tensor of two axes or more, ValueError for less.

    >>> ops.fliplr([[1, 2], [3, 4]])
    array([[2, 1],
           [4, 3]], dtype=int32)
    """
    return flip(_of_rank("fliplr", x, 2), 1)


@op
def flipud(x: TensorLike) -> Result:
    """The rows from the last to the first.

    `x`: a tensor of an axis or more, ValueError for none.

    >>> ops.flipud([[1, 2], [3, 4]])
    array([[3, 4],
           [1, 2]], dtype=int32)
    """
    return flip(_of_rank("flipud", x, 1), 0)


def _of_rank(name: str, x: TensorLike, least: int) -> Any:
    x = tensor(x)
    if len(x.shape) < least:
        raise ValueError(
            f"`{name}` takes a tensor of {least} axes or more. Received: {display(x.shape)}"
        )
    return x


@op
def rot90(array: TensorLike, k: int = 1, axes: Sequence[int] = (0, 1)) -> Result:
    """Turned by `k` right angles, from the first of two axes towards the second.

    `array`: a tensor of two axes or more; `axes`: two different ones; ValueError otherwise.

    >>> ops.rot90([[1, 2], [3, 4]])
    array([[2, 4],
           [1, 3]], dtype=int32)
    """
    x = _of_rank("rot90", array, 2)
    if len(axes) != 2 or axes[0] == axes[1]:
        raise ValueError(f"Invalid axes: {axes}. Axes must be a tuple of two different dimensions.")
    first, second = (canonical_axis(a, len(x.shape)) for a in axes)
    if first == second:
        raise ValueError(f"Invalid axes: {axes}. Axes must be a tuple of two different dimensions.")
    k %= 4
    if k == 2:
        return flip(flip(x, first), second)
    if k == 1:
        return swapaxes(flip(x, second), first, second)
    return flip(swapaxes(x, first, second), second) if k == 3 else x


@op
def dstack(xs: TensorLike) -> Result:
    """Tensors one after the other along the third axis.

    `xs`: a list of tensors, those of less than three axes taken as (1, n, 1) or (rows, columns, 1).

    >>> ops.dstack([[1, 2], [3, 4]])
    array([[[1, 3],
            [2, 4]]], dtype=int32)
    """
    parts: Any = xs if isinstance(xs, (tuple, list)) else list(tensor(xs))
    return concatenate([_deep(tensor(x)) for x in parts], axis=2)


def _deep(x: Any) -> Any:
    missing = {0: (0, 1, 2), 1: (0, 2), 2: (2,)}
    return expand_dims(x, missing[len(x.shape)]) if len(x.shape) < 3 else x


@op
def hsplit(x: TensorLike, indices_or_sections: Any) -> Result:
    """The pieces along the second axis, or the only one.

    `x`: a tensor; `indices_or_sections` as for `split`.

    >>> ops.hsplit([1, 2, 3, 4], 2)
    [array([1, 2], dtype=int32), array([3, 4], dtype=int32)]
    """
    rows = _of_rank("hsplit", x, 1)
    return split(rows, indices_or_sections, axis=min(len(rows.shape) - 1, 1))


@op
def vsplit(x: TensorLike, indices_or_sections: Any) -> Result:
    """The pieces along the first axis.

    `x`: a tensor of two axes or more; `indices_or_sections` as for `split`.

    >>> ops.vsplit([[1, 2], [3, 4]], 2)
    [array([[1, 2]], dtype=int32), array([[3, 4]], dtype=int32)]
    """
    return split(_of_rank("vsplit", x, 2), indices_or_sections, axis=0)


@op
def dsplit(x: TensorLike, indices_or_sections: Any) -> Result:
    """The pieces along the third axis.

    `x`: a tensor of three axes or more; `indices_or_sections` as for `split`.

    >>> ops.dsplit([[[1, 2]]], 2)
    [array([[[1]]], dtype=int32), array([[[2]]], dtype=int32)]
    """
    return split(_of_rank("dsplit", x, 3), indices_or_sections, axis=2)


@op
def diagflat(x: TensorLike, k: int = 0) -> Result:
    """All elements on the diagonal of a matrix of zeros.

    `x`: a tensor of any shape; `k`: how far above the main diagonal, below where negative.

    >>> ops.diagflat([[1], [2]])
    array([[1, 0],
           [0, 2]], dtype=int32)
    """
    return diag(ravel(x), k)


@op
def vander(x: TensorLike, N: int | None = None, increasing: bool = False) -> Result:
    """The powers of `x` from `N` - 1 to 0 as the last axis, or from 0 up if `increasing`.

    `x`: a vector, ValueError otherwise; `N`: how many powers, as many as elements if None.

    >>> ops.vander([1, 2, 3])
    array([[1, 1, 1],
           [4, 2, 1],
           [9, 3, 1]], dtype=int32)
    """
    x = number(x)
    if len(x.shape) != 1:
        raise ValueError(f"`vander` takes a vector. Received: shape={display(x.shape)}")
    powers = arange(extents(x)[0] if N is None else N, dtype=x.dtype)
    return power(expand_dims(x, 1), powers if increasing else flip(powers))


@op
def kron(x1: TensorLike, x2: TensorLike) -> Result:
    """Kronecker's product: `x2` times each element of `x1`, side by side.

    `x1`, `x2`: tensors; leading axes of 1 are added to the one that has fewer.

    >>> ops.kron([1, 10], [1, 2])
    array([ 1,  2, 10, 20], dtype=int32)
    """
    a, b = common(x1, x2)
    ndim = max(len(a.shape), len(b.shape))
    a, b = (reshape(x, (1,) * (ndim - len(x.shape)) + extents(x)) for x in (a, b))
    product = expand_dims(a, tuple(range(1, 2 * ndim, 2))) * expand_dims(
        b, tuple(range(0, 2 * ndim, 2))
    )
    return reshape(product, tuple(m * n for m, n in zip(extents(a), extents(b))))


@op
def cross(
    x1: TensorLike,
    x2: TensorLike,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> Result:
    """The vector product of vectors of 3 numbers, or 2 with a third 0; of 2 and 2 its third number.

    `x1`, `x2`: tensors whose other axes broadcast; ValueError for other vectors. `axisa`, `axisb`,
    `axisc`: the axes of vectors in `x1`, `x2` and the result; `axis` stands for all three.

    >>> ops.cross([1, 0, 0], [0, 1, 0])
    array([0, 0, 1], dtype=int32)
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = common(x1, x2)
    a, b = moveaxis(a, axisa, -1), moveaxis(b, axisb, -1)
    sizes = a.shape[-1], b.shape[-1]
    if not set(sizes) <= {2, 3}:
        raise ValueError(
            "`cross` takes vectors of 2 or 3 numbers. "
            f"Received: shapes {display(a.shape)} and {display(b.shape)}"
        )
    third = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    if sizes == (2, 2):
        return third
    up = [x[..., 2] if x.shape[-1] == 3 else None for x in (a, b)]
    first = _difference((a[..., 1], up[1]), (up[0], b[..., 1]))
    second = _difference((up[0], b[..., 0]), (a[..., 0], up[1]))
    return moveaxis(stack([first, second, third], axis=-1), -1, axisc)


def _difference(positive: tuple[Any, Any], negative: tuple[Any, Any]) -> Any:
    """The one product less the other; a factor None is 0."""
    if positive[0] is None or positive[1] is None:
        return -(negative[0] * negative[1])
    plus = positive[0] * positive[1]
    return plus if negative[0] is None or negative[1] is None else plus - negative[0] * negative[1]


@op
def unravel_index(indices: TensorLike, shape: Sequence[int]) -> Result:
    """The positions along each axis of a tensor of `shape` of elements of the flattened one.

    `indices`: whole numbers of any shape, negative ones from the end. Gives a tuple.

    >>> ops.unravel_index([5, 2], (2, 3))
    (array([1, 0], dtype=int32), array([2, 2], dtype=int32))
    """
    rest = number(indices)
    found = []
    for extent in reversed(tuple(shape)):
        found.append(mod(rest, extent))
        rest = floor_divide(rest, extent)
    return tuple(reversed(found))


@op
def diff(a: TensorLike, n: int = 1, axis: int = -1) -> Result:
    """The differences of neighbours along `axis`, `n` times over; of bools whether they differ.

    `a`: a tensor; ValueError where `n` is negative or there is no axis.

    >>> ops.diff([1, 4, 9, 16])
    array([3, 5, 7], dtype=int32)
    """
    x = _of_rank("diff", a, 1)
    if n < 0:
        raise ValueError(f"`n` must be 0 or more. Received: n={n}")
    axis = canonical_axis(axis, len(x.shape))
    for _ in range(n):
        along = [(slice(None),) * axis + (part,) for part in (slice(1, None), slice(None, -1))]
        later, earlier = (x[key] for key in along)
        x = later ^ earlier if x.dtype == "bool" else later - earlier
    return x


@op
def ptp(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Result:
    """The largest element less the smallest.

    `x`: a tensor; `axis`: one axis, several, or None for all; `keepdims` leaves extents of 1.

    >>> ops.ptp([[1, 5], [2, 2]], axis=1)
    array([4, 0], dtype=int32)
    """
    return max_of(x, axis, keepdims) - min_of(x, axis, keepdims)


@op
def trapezoid(
    y: TensorLike, x: TensorLike | None = None, dx: float = 1.0, axis: int = -1
) -> Result:
    """The integral along `axis` by the rule of trapezoids.

    `y`: a tensor; `x`: where its values are, a vector or of the shape of `y`; `dx`: the distance of
    values, where there is no `x`.

    >>> ops.trapezoid([1.0, 2.0, 3.0], dx=2.0)
    array(8., dtype=float32)
    """
    heights = moveaxis(real(y), axis, -1)
    step: Any = dx
    if x is not None:
        places = real(x)
        step = diff(places if len(places.shape) == 1 else moveaxis(places, axis, -1))
    return sum_of((heights[..., 1:] + heights[..., :-1]) * step, axis=-1) * 0.5


@op
def depth_to_space(x: TensorLike, block_size: int, data_format: str = "channels_last") -> Result:
    """Channels as squares of `block_size` by `block_size` pixels.

    `x`: (batch, height, width, channels), or channels second by `data_format`; ValueError where
    the square of `block_size` does not divide the channels.

    >>> ops.depth_to_space(np.arange(4).reshape(1, 1, 1, 4), 2)[0, :, :, 0]
    array([[0, 1],
           [2, 3]])
    """
    x, n = _last(_of_rank("depth_to_space", x, 4), data_format), block_size
    batch, height, width, channels = extents(x)
    known("The number of channels", channels)
    if n < 2 or channels % n**2:
        raise ValueError(
            f"`block_size` must be at least 2, and its square divide the {channels} channels. "
            f"Received: block_size={n}"
        )
    x = reshape(x, (batch, height, width, n, n, channels // n**2))
    x = transpose(x, (0, 1, 3, 2, 4, 5))
    return _last(reshape(x, (batch, height * n, width * n, channels // n**2)), data_format, True)


@op
def space_to_depth(x: TensorLike, block_size: int, data_format: str = "channels_last") -> Result:
    """Squares of `block_size` by `block_size` pixels as channels.

    `x`: (batch, height, width, channels), or channels second by `data_format`; ValueError where
    `block_size` does not divide height and width.

    >>> ops.space_to_depth(np.arange(4).reshape(1, 2, 2, 1), 2)
    array([[[[0, 1, 2, 3]]]])
    """
    images: Any = _last(_of_rank("space_to_depth", x, 4), data_format)
    n = block_size
    batch, height, width, channels = extents(images)
    known("Height and width", height, width)
    if n < 2 or height % n or width % n:
        raise ValueError(
            f"`block_size` must be at least 2, and divide height and width. Received: "
            f"block_size={n}, shape={display(images.shape)}"
        )
    x = reshape(images, (batch, height // n, n, width // n, n, channels))
    x = transpose(x, (0, 1, 3, 2, 4, 5))
    return _last(reshape(x, (batch, height // n, width // n, channels * n**2)), data_format, True)


def _last(x: Any, data_format: str, back: bool = False) -> Any:
    """With channels last; `back` turns it round."""
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(
            "`data_format` must be 'channels_last' or 'channels_first'. "
            f"Received: data_format={data_format}"
        )
    if data_format == "channels_last":
        return x
    return transpose(x, (0, 3, 1, 2) if back else (0, 2, 3, 1))
