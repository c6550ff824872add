"""The kinds of convolution that are made of others: transposed, depthwise and separable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fncompile.ir import build
from fncompile.ir.dims import Dim
from fncompile.ir.node import Node
from fncompile.ops.contraction import contract
from fncompile.ops.dispatch import op, promote_float
from fncompile.ops.types import Result, TensorLike
from fncompile.ops.windows import conv, per_axis, with_channels_last

# transposed -------------------------------------------------------------------------------------


@op
def conv_transpose(
    inputs: TensorLike,
    kernel: TensorLike,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    output_padding: int | Sequence[int] | None = None,
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Result:
    """The adjoint of a convolution over 1, 2 or 3 axes: what its gradient is to its input.

    `inputs`: (batch, *extents, channels), or channels first as `data_format` says; `kernel`:
    (*taps, filters, channels); `padding`: "valid" or "same"; `strides` and `dilation_rate`: one
    number, or one for each axis; `output_padding`: how many elements an axis of the result has more
    than it needs; None for extent * stride with "same", and at least a stride for each input with
    "valid". Raises ValueError where these do not fit.

    >>> ops.conv_transpose([[[1.0], [2.0]]], [[[1.0]], [[-1.0]]], strides=2)[0, :, 0]
    array([ 1., -1.,  2., -2.], dtype=float32)
    """
    x, w = promote_float(inputs, kernel)
    rank = x.ndim - 2
    if rank < 1 or w.ndim != x.ndim:
        raise ValueError(
            "`inputs` must have a batch, extents and channels, and `kernel` as many axes. "
            f"Received: inputs of shape {x.shape} and a kernel of shape {w.shape}"
        )
    padding = padding.lower() if isinstance(padding, str) else padding
    if padding not in ("valid", "same"):
        raise ValueError(f"Invalid padding {padding!r}, must be 'same' or 'valid'.")
    steps = per_axis(strides, rank, "strides")
    dilation = per_axis(dilation_rate, rank, "dilation_rate")
    taps = per_axis(w.shape[:rank], rank, "kernel")
    more = _more(output_padding, rank)

    def compute(x: Node) -> Node:
        rows = zip(x.shape[1:-1], taps, steps, dilation, more)
        extents, low = zip(*(_transposed(padding, *row) for row in rows))
        spread = _spread(x, w)
        axes = range(1, rank + 1)
        return build.unwindow(spread, axes, extents, steps, dilation, low)

    return with_channels_last(x, data_format, compute)


def _more(value: Any, rank: int) -> tuple[int | None, ...]:
    """`output_padding` for each axis."""
    many = tuple(value) if isinstance(value, (tuple, list)) else (value,) * rank
    if len(many) != rank:
        raise ValueError(
            f"`output_padding` must be None, a whole number, or {rank} of them. "
            f"Received: output_padding={value}"
        )
    return many


def _transposed(
    padding: str, extent: Dim, taps: int, stride: int, dilation: int, more: int | None
) -> tuple[Dim, int]:
    """(extent of the result, elements that a window of the forward convolution sees before it)."""
    reach = (taps - 1) * dilation + 1
    if padding == "valid":
        over = max(reach, stride) if more is None else reach + more
        return (extent - 1) * stride + over, 0
    around = stride + reach - 2 if more is None else reach + reach % 2 - 2 + more
    before = min(-(-around // 2), reach - 1)
    return extent * stride + around - stride - reach + 2, reach - 1 - before


def _spread(x: Node, kernel: Node) -> Node:
    """(batch, *extents, filters, *taps): what each input adds to each place that it reaches."""
    rank = x.ndim - 2
    at, taps = [f"at{i}" for i in range(rank)], [f"tap{i}" for i in range(rank)]
    return contract(
        x, ["batch", *at, "channel"],
        kernel, [*taps, "filter", "channel"],
        ["batch", *at, "filter", *taps],
    )  # fmt: skip


# channel by channel -----------------------------------------------------------------------------


@op
def depthwise_conv(
    inputs: TensorLike,
    kernel: TensorLike,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Result:
    """Convolution of each channel by itself, with as many kernels as the last axis of `kernel`.

    `inputs`: (batch, *extents, channels), or channels first as `data_format` says; `kernel`:
    (*taps, channels, multiplier). The result has channels * multiplier channels, those of one
    channel together. `strides`, `padding` and `dilation_rate` as for `conv`. Raises ValueError
    where ranks or channels do not fit.

    >>> ops.depthwise_conv([[[1.0, 2.0], [3.0, 5.0]]], [[[1.0], [1.0]], [[1.0], [1.0]]])
    array([[[4., 7.]]], dtype=float32)
    """
    x, w = promote_float(inputs, kernel)
    channels = x.shape[1 if data_format == "channels_first" else -1]
    if w.ndim != x.ndim or w.shape[-2] != channels:
        raise ValueError(
            "The kernel of a depthwise convolution is (*taps, channels, multiplier). Received: "
            f"inputs of shape {x.shape} and a kernel of shape {w.shape}"
        )
    *taps, channels, multiplier = w.shape
    wide = build.reshape(w, (*taps, 1, channels * multiplier))
    return conv(x, wide, strides, padding, data_format, dilation_rate).node


@op
def separable_conv(
    inputs: TensorLike,
    depthwise_kernel: TensorLike,
    pointwise_kernel: TensorLike,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Result:
    """`depthwise_conv` with `depthwise_kernel`, then at each place a product with
    `pointwise_kernel`, whose taps are 1.

    `inputs`: (batch, *extents, channels), or channels first as `data_format` says; `strides`,
    `padding` and `dilation_rate` as for `conv`. Raises ValueError where ranks or channels do not
    fit.

    >>> deep, across = np.ones((2, 3, 1), "float32"), np.ones((1, 3, 4), "float32")
    >>> ops.separable_conv(np.ones((1, 5, 3), "float32"), deep, across).shape
    (1, 4, 4)
    """
    deep = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(deep, pointwise_kernel, 1, "valid", data_format).node
