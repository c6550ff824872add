"""Convolution and pooling: a contraction over windows, and reductions of them.

Inside, channels are the last axis; `data_format="channels_first"` is a permute before and after.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fncompile.config import image_data_format
from fncompile.ir import build
from fncompile.ir.dims import Dim, ceildiv, divide, floordiv, is_static
from fncompile.ir.interp import evaluate_nodes, reduce_identity
from fncompile.ir.node import Node
from fncompile.ir.types import DTYPES, is_float
from fncompile.ir.windows import window_count
from fncompile.ops.axes import display
from fncompile.ops.contraction import contract
from fncompile.ops.dispatch import as_float, node, op, promote_float
from fncompile.ops.types import Result, TensorLike

Pads = Sequence[tuple[Dim, Dim]]  # elements before and after, of each windowed axis
LARGEST_BYTE = 255

# arguments --------------------------------------------------------------------------------------


def per_axis(value: Any, rank: int, name: str, least: int = 1) -> tuple[int, ...]:
    """A number for each windowed axis, from one for all of them or as many as there are."""
    many = tuple(value) if isinstance(value, (tuple, list)) else (value,) * rank
    if len(many) != rank or any(not isinstance(n, (int, np.integer)) or n < least for n in many):
        raise ValueError(
            f"`{name}` must be an integer from {least} on, or {rank} of them. "
            f"Received: {name}={value}"
        )
    return tuple(int(n) for n in many)


def padding_of(
    padding: str, extents: Sequence[Dim], size: Sequence[int], strides: Sequence[int],
    dilation: Sequence[int],
) -> Pads:  # fmt: skip
    """What "valid", "same" or "causal" adds to each axis. "same" gives extent / stride windows,
    rounded up, and adds the odd element behind; "causal" lets none see what comes later."""
    padding = padding.lower() if isinstance(padding, str) else padding
    rows = list(zip(extents, size, strides, dilation))
    if padding == "valid":
        return [(0, 0) for _ in rows]
    if padding == "causal":
        return [((k - 1) * d, 0) for _, k, _, d in rows]
    if padding != "same":
        raise ValueError(f"Invalid padding {padding!r}, must be 'same' or 'valid'.")
    return [_same(*row) for row in rows]


def _same(extent: Dim, size: int, stride: int, dilation: int) -> tuple[Dim, Dim]:
    reach = (size - 1) * dilation + 1
    if reach == 1:
        return 0, 0
    total = (ceildiv(extent, stride) - 1) * stride + reach - extent
    if isinstance(total, int):
        total = max(total, 0)
    elif reach < stride:
        low = _half_of_positive(extent, reach, stride)
        return low, total + (stride - reach) - low  # with what the last stride leaves out
    low = floordiv(total, 2)
    return low, total - low


def _half_of_positive(extent: Dim, reach: int, stride: int) -> Dim:
    """max(0, reach - r) // 2, where r, from 1 to `stride`, is what the last stride has of `extent`.

    It counts the k from 1 on with r <= reach - 2k, and the quotients of extent - 1 and of
    extent - 1 - (reach - 2k) differ by one where that is so."""
    whole = floordiv(extent - 1, stride)
    low: Dim = 0
    for k in range(1, reach // 2 + 1):
        low = low + whole - floordiv(extent - 1 - (reach - 2 * k), stride)
    return low


def check_room(x: Node, size: Sequence[int], strides: Sequence[int], pads: Pads,
               dilation: Sequence[int], received: str) -> None:  # fmt: skip
    """ValueError where the elements along an axis of `x`, channels last, are too few for one
    window. `received`: what the caller was given, for the message."""
    for extent, k, stride, d, (low, high) in zip(x.shape[1:-1], size, strides, dilation, pads):
        count = window_count(extent, k, stride, d, low, high)
        if isinstance(count, int) and count <= 0:
            raise ValueError(
                f"Computed output size would be zero or negative. Received {received}."
            )


def with_channels_last(
    x: Node, data_format: str | None, compute: Callable[[Node], Node]
) -> Node:
    """`compute` of `x` with its channels as the last axis, put back where `data_format` has them.
    """
    found = data_format or image_data_format()
    if found == "channels_last":
        return compute(x)
    if found != "channels_first":
        raise ValueError(
            "`data_format` must be 'channels_last' or 'channels_first'. "
            f"Received: data_format={data_format!r}"
        )
    axes = range(x.ndim)
    last = compute(build.permute(x, [axes[0], *axes[2:], axes[1]]))
    return build.permute(last, [axes[0], axes[-1], *axes[1:-1]])


# convolution ------------------------------------------------------------------------------------


@op
def conv(
    inputs: TensorLike,
    kernel: TensorLike,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Result:
    """Convolution over 1, 2 or 3 axes.

    `inputs`: (batch, *extents, channels), or channels first as `data_format` says; `kernel`:
    (*taps, channels / groups, filters), where the number of groups follows from the channels of
    `inputs`. `padding`: "valid" or "same"; `strides` and `dilation_rate`: one number, or one for
    each axis. Raises ValueError where ranks or channels do not fit.

    >>> ops.conv([[[1.0], [2.0], [4.0]]], [[[1.0]], [[-1.0]]])
    array([[[-1.],
            [-2.]]], dtype=float32)
    """
    x, w = promote_float(inputs, kernel)
    rank = x.ndim - 2
    if rank < 1 or w.ndim != x.ndim:
        raise ValueError(
            "`inputs` must have a batch, extents and channels, and `kernel` as many axes. "
            f"Received: inputs of shape {x.shape} and a kernel of shape {w.shape}"
        )
    steps = per_axis(strides, rank, "strides")
    dilation = per_axis(dilation_rate, rank, "dilation_rate")
    taps, given = per_axis(w.shape[:rank], rank, "kernel"), x.shape

    def compute(x: Node) -> Node:
        pads = padding_of(padding, x.shape[1:-1], taps, steps, dilation)
        if padding != "same":  # which has no windows only where it has no elements
            check_room(
                x, taps, steps, pads, dilation,
                f"`inputs shape={display(given)}`, `kernel shape={w.shape}`, "
                f"`dilation_rate={dilation}`, `strides={steps}`, `padding={padding}`",
            )  # fmt: skip
        return convolved(x, w, steps, pads, dilation)

    return with_channels_last(x, data_format, compute)


def convolved(
    x: Node, kernel: Node, strides: Sequence[int], pads: Pads, dilation: Sequence[int]
) -> Node:
    """The contraction of the windows of `x`, channels last, with `kernel` over taps and channels;
    groups of channels are a batch of contractions."""
    rank = x.ndim - 2
    channels, filters = x.shape[-1], kernel.shape[-1]
    groups = divide(channels, kernel.shape[-2])
    each = None if groups is None else divide(filters, groups)
    if groups is None or each is None:
        raise ValueError(
            "The number of input channels must match the kernel: it must be evenly divisible by "
            "kernel's in_channels, and the filters by as many groups. "
            f"Received input channels {channels} and a kernel of shape {kernel.shape}"
        )
    size, dtype = per_axis(kernel.shape[:rank], rank, "kernel"), x.dtype
    each_channel = groups != 1 and kernel.shape[-2] == 1
    if each_channel:  # its products are added up as they are, like those of a contraction
        x, kernel = (build.cast(n, DTYPES[dtype].in_register) for n in (x, kernel))
    x = build.reshape(x, (*x.shape[:-1], groups, kernel.shape[-2]))
    seen = windows_of(x, size, strides, pads, dilation)
    if each_channel:
        return build.cast(_each_channel(seen, kernel, rank, filters), dtype)
    taps, spatial = [f"tap{i}" for i in range(rank)], [f"at{i}" for i in range(rank)]
    seen = build.permute(seen, [*range(rank + 1), *range(x.ndim, seen.ndim), rank + 1, rank + 2])
    parts = build.reshape(kernel, (*kernel.shape[:-1], groups, each))
    out = contract(
        seen, ["batch", *spatial, *taps, "group", "channel"],
        parts, [*taps, "channel", "group", "filter"],
        ["batch", *spatial, "group", "filter"],
    )  # fmt: skip
    return build.reshape(out, (*out.shape[:-2], filters))


def _each_channel(seen: Node, kernel: Node, rank: int, filters: Dim) -> Node:
    """Sums over taps alone, where every channel has filters of its own."""
    kept, groups = seen.ndim - rank, seen.shape[rank + 1]
    shape = (*kernel.shape[:rank], groups, divide(filters, groups))
    by_channel = build.reshape(kernel, shape)  # type: ignore[arg-type]
    by_channel = build.permute(by_channel, [rank, rank + 1, *range(rank)])
    product = build.ew("mul", seen, by_channel)
    out = build.reduce(product, "sum", range(kept, seen.ndim))
    return build.reshape(out, (*out.shape[:-2], filters))


def windows_of(
    x: Node, size: Sequence[int], strides: Sequence[int], pads: Pads,
    dilation: Sequence[int] | None = None, fill: float = 0,
) -> Node:  # fmt: skip
    """The windows of `x` along as many axes behind the batch; taps are further axes."""
    low, high = zip(*pads)
    axes = range(1, 1 + len(size))
    if not is_static((*low, *high)):  # taps of a window do not depend on sizes
        around = [(0, 0), *pads, *[(0, 0)] * (x.ndim - 1 - len(pads))]
        extents = [a + n + b for n, (a, b) in zip(x.shape, around)]
        x = build.pad(x, [a for a, _ in around], extents, None, fill)
        low = high = (0,) * len(low)
    return build.window(x, axes, size, strides, dilation, low, high, fill)


# pooling ----------------------------------------------------------------------------------------


@op
def max_pool(
    inputs: TensorLike,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Result:
    """The maximum of each window along 1, 2 or 3 axes. The first of equal maxima has the gradient.

    `inputs`: (batch, *extents, channels), or channels first as `data_format` says; `strides`: as
    `pool_size` if None; `padding`: "valid" or "same". Raises ValueError where these do not fit.

    >>> ops.max_pool([[[1.0], [3.0], [2.0], [0.0]]], 2)
    array([[[3.],
            [2.]]], dtype=float32)
    """
    return _pooled(node(inputs), pool_size, strides, padding, data_format, _maximum)


@op
def average_pool(
    inputs: TensorLike,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Result:
    """The mean of each window along 1, 2 or 3 axes, without what `padding` added.

    `inputs`: (batch, *extents, channels), or channels first as `data_format` says; `strides`: as
    `pool_size` if None; `padding`: "valid" or "same". Raises ValueError where these do not fit.

    >>> ops.average_pool([[[1.0], [3.0], [2.0], [0.0]]], 2)
    array([[[2.],
            [1.]]], dtype=float32)
    """
    return _pooled(as_float(inputs), pool_size, strides, padding, data_format, _mean)


def _pooled(x: Node, pool_size, strides, padding: str, data_format, reduce) -> Node:
    rank = x.ndim - 2
    if rank < 1:
        raise ValueError(
            f"`inputs` must have a batch, extents and channels. Received: shape {x.shape}"
        )
    size, given = per_axis(pool_size, rank, "pool_size"), x.shape
    steps = size if strides is None else per_axis(strides, rank, "strides")

    def compute(x: Node) -> Node:
        dense = (1,) * rank
        pads = padding_of(padding, x.shape[1:-1], size, steps, dense)
        if padding != "same":
            check_room(
                x, size, steps, pads, dense,
                f"`inputs.shape={display(given)}`, `pool_size={size}`, `strides={steps}`, "
                f"`padding={padding}`",
            )  # fmt: skip
        return reduce(x, size, steps, pads)

    return with_channels_last(x, data_format, compute)


def _maximum(x: Node, size: Sequence[int], strides: Sequence[int], pads: Pads) -> Node:
    lowest = reduce_identity("max", x.dtype)
    seen = windows_of(x, size, strides, pads, fill=lowest)
    taps = range(x.ndim, seen.ndim)
    best = build.reduce(seen, "max", taps, keepdims=True)
    value = build.reshape(best, best.shape[: x.ndim])
    if not is_float(x.dtype):
        return value
    number = _tap_number(seen, x.ndim)
    less, last = build.ew("lt", seen, best), build.like(number, math.prod(size) - 1)
    first = build.reduce(build.ew("select", less, last, number), "min", taps, keepdims=True)
    picked = build.ew("select", build.ew("eq", number, first), seen, build.like(seen, 0))
    return build.straight_through(value, build.reduce(picked, "sum", taps))


def _tap_number(seen: Node, first: int) -> Node:
    """The row-major number of a tap of the window that it is in, a byte where that is enough."""
    size = seen.shape[first:]
    count = math.prod(d for d in size if isinstance(d, int))
    dtype = "uint8" if count <= LARGEST_BYTE else "int32"
    total = build.full((), 0, dtype)
    for i in range(len(size)):
        at = build.iota(seen.shape, first + i, dtype)
        total = build.ew("add", build.ew("mul", total, build.const(size[i], dtype)), at)
    return total


def _mean(x: Node, size: Sequence[int], strides: Sequence[int], pads: Pads) -> Node:
    seen = windows_of(x, size, strides, pads)
    total = build.reduce(seen, "sum", range(x.ndim, seen.ndim))
    inside = _inside(x, size, strides, pads)
    return build.ew("div", total, inside)


def _inside(x: Node, size: Sequence[int], strides: Sequence[int], pads: Pads) -> Node:
    """How many elements of `x` each window sees: a number, or one for each window."""
    if all(pad == (0, 0) for pad in pads):
        return build.like(x, math.prod(size))
    ones = build.full((1, *x.shape[1:-1], 1), 1, x.dtype)
    seen = windows_of(ones, size, strides, pads)
    counts = build.reduce(seen, "sum", range(x.ndim, seen.ndim))
    if not is_static(counts.shape):
        return counts
    return build.const(evaluate_nodes([counts], {}, {})[counts], x.dtype)
