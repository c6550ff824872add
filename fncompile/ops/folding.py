"""Windows written out, and put together again."""

from __future__ import annotations

from collections.abc import Sequence

from fncompile.ir import build
from fncompile.ir.dims import divide, product
from fncompile.ir.windows import window_count
from fncompile.ops.axes import display
from fncompile.ops.dispatch import node, op
from fncompile.ops.types import Result, TensorLike
from fncompile.ops.windows import per_axis


@op
def unfold(
    x: TensorLike,
    kernel_size: int | Sequence[int],
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
) -> Result:
    """What windows of images see, as columns: (batch, channels * taps, windows).

    `x`: (batch, channels, height, width); `kernel_size`, `dilation`, `padding` (zeros at both ends)
    and `stride`: one number, or one for height and one for width. ValueError where these do not
    fit.

    >>> ops.unfold(np.arange(4.0).reshape(1, 1, 2, 2), (1, 2))
    array([[[0., 2.],
            [1., 3.]]], dtype=float32)
    """
    x = node(x)
    _check_rank(x, 4, "x", "(batch, channels, height, width)")
    size, apart, around, steps = _options(kernel_size, dilation, padding, stride)
    seen = build.window(x, (2, 3), size, steps, apart, around, around)
    batch, channels, height, width, *taps = seen.shape
    seen = build.permute(seen, (0, 1, 4, 5, 2, 3))
    return build.reshape(seen, (batch, channels * product(taps), height * width))


@op
def fold(
    x: TensorLike,
    output_size: int | Sequence[int],
    kernel_size: int | Sequence[int],
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
) -> Result:
    """The adjoint of `unfold`: columns added up where their windows lie.

    `x`: (batch, channels * taps, windows); `output_size`: (height, width) of the result
    (batch, channels, height, width); `kernel_size`, `dilation`, `padding` and `stride` as for
    `unfold`. ValueError where these do not fit.

    >>> ops.fold(np.ones((1, 2, 2)), (1, 3), (1, 2))
    array([[[[1., 2., 1.]]]], dtype=float32)
    """
    x = node(x)
    _check_rank(x, 3, "x", "(batch, channels * taps, windows)")
    size, apart, around, steps = _options(kernel_size, dilation, padding, stride)
    extents = per_axis(output_size, 2, "output_size")
    rows = zip(extents, size, steps, apart, around, around)
    counts = tuple(window_count(*row) for row in rows)
    channels = divide(x.shape[1], product(size))
    if channels is None or product(counts) != x.shape[2]:
        raise ValueError(
            f"For windows of {size} in {extents}, `x` must have a multiple of {product(size)} rows "
            f"and {product(counts)} columns. Received: x of shape {display(x.shape)}"
        )
    apart_again = build.reshape(x, (x.shape[0], channels, *size, *counts))
    seen = build.permute(apart_again, (0, 1, 4, 5, 2, 3))
    return build.unwindow(seen, (2, 3), extents, steps, apart, around)


def _options(kernel_size, dilation, padding, stride):
    return (
        per_axis(kernel_size, 2, "kernel_size"),
        per_axis(dilation, 2, "dilation"),
        per_axis(padding, 2, "padding", least=0),
        per_axis(stride, 2, "stride"),
    )


def _check_rank(x, rank: int, name: str, axes: str) -> None:
    if x.ndim != rank:
        raise ValueError(f"`{name}` must be {rank}D, {axes}. Received: shape {display(x.shape)}")


@op
def extract_sequences(x: TensorLike, sequence_length: int, sequence_stride: int) -> Result:
    """All runs of `sequence_length` elements of the last axis, `sequence_stride` apart: from
    (..., elements) to (..., runs, sequence_length).

    `x`: a tensor of at least one axis. ValueError for lengths and strides below 1, and where no run
    fits.

    >>> ops.extract_sequences([1, 2, 3, 4, 5], 3, 2)
    array([[1, 2, 3],
           [3, 4, 5]], dtype=int32)
    """
    x = node(x)
    (length,) = per_axis(sequence_length, 1, "sequence_length")
    (stride,) = per_axis(sequence_stride, 1, "sequence_stride")
    return build.window(x, (x.ndim - 1,), (length,), (stride,))
