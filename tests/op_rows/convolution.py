"""Rows of the kinds of convolution that are made of others, of folding, and of adaptive pooling."""

from __future__ import annotations

import functools
import itertools

import numpy as np

from fncompile import ops
from tests.op_case import Array, OpCase
from tests.op_rows.windows import A, D, conv, first, many


def transposed(
    x, w, strides=1, padding="valid", output_padding=None, data_format=None, dilation_rate=1
):
    """Zeros between and around the inputs, then a convolution with the kernel turned around."""
    if data_format == "channels_first":
        out = transposed(first(x), w, strides, padding, output_padding, None, dilation_rate)
        return np.moveaxis(out, -1, 1)
    rank = x.ndim - 2
    dilation = many(dilation_rate, rank)
    for axis, s, k, d, more in zip(range(1, rank + 1), many(strides, rank), w.shape, dilation,
                                   many(output_padding, rank) if output_padding else [None] * rank):
        n, reach = x.shape[axis], (k - 1) * d + 1
        apart = list(x.shape)
        apart[axis] = (n - 1) * s + 1
        stuffed = np.zeros(apart, x.dtype)
        stuffed[(*[slice(None)] * axis, slice(None, None, s))] = x
        if padding == "valid":
            before = reach - 1
            behind = before + (max(s - reach, 0) if more is None else more)
        else:
            around = s + reach - 2 if more is None else reach + reach % 2 - 2 + more
            before = min(-(-around // 2), reach - 1)
            behind = around - before
        edges = [(0, 0)] * x.ndim
        edges[axis] = (before, behind)
        x = np.pad(stuffed, edges)
    turned = np.flip(w, range(rank)).swapaxes(-1, -2)
    return conv(x, turned, 1, "valid", None, dilation)


def depthwise_conv(x, w, strides=1, padding="valid", data_format=None, dilation_rate=1):
    if data_format == "channels_first":
        return np.moveaxis(
            depthwise_conv(first(x), w, strides, padding, None, dilation_rate), -1, 1
        )
    parts = [conv(x[..., c : c + 1], w[..., c : c + 1, :], strides, padding, None, dilation_rate)
             for c in range(x.shape[-1])]  # fmt: skip
    return np.concatenate(parts, -1)


def separable_conv(x, deep, across, strides=1, padding="valid", data_format=None, dilation_rate=1):
    if data_format == "channels_first":
        out = separable_conv(first(x), deep, across, strides, padding, None, dilation_rate)
        return np.moveaxis(out, -1, 1)
    out = depthwise_conv(x, deep, strides, padding, None, dilation_rate)
    return out @ across.reshape(across.shape[-2:])


def adaptive(reduce):
    def reference(x, output_size, data_format=None):
        first_axis = 2 if data_format == "channels_first" else 1
        for axis, n in enumerate(many(output_size, x.ndim - 2), first_axis):
            e = x.shape[axis]
            parts = [np.arange(i * e // n, -(-(i + 1) * e // n)) for i in range(n)]
            x = np.concatenate([reduce(x.take(p, axis), axis, keepdims=True) for p in parts], axis)
        return x

    return reference


def unfold(x, kernel_size, dilation=1, padding=0, stride=1):
    (kh, kw), (dh, dw), p, (sh, sw) = (
        many(v, 2) for v in (kernel_size, dilation, padding, stride)
    )
    wide = np.pad(x, [(0, 0), (0, 0), (p[0], p[0]), (p[1], p[1])])
    rows = range(0, wide.shape[2] - (kh - 1) * dh, sh)
    columns = range(0, wide.shape[3] - (kw - 1) * dw, sw)
    seen = [wide[:, :, r : r + (kh - 1) * dh + 1 : dh, c : c + (kw - 1) * dw + 1 : dw]
            for r, c in itertools.product(rows, columns)]  # fmt: skip
    return np.stack([s.reshape(len(x), -1) for s in seen], -1)


def fold(x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Each column is where `unfold` finds it: the transpose of its matrix."""
    height, width = many(output_size, 2)
    channels = x.shape[1] // int(np.prod(many(kernel_size, 2)))
    out = np.zeros((len(x), channels, height, width))
    for index in range(out[0].size):
        unit = np.zeros(out[0].size)
        unit[index] = 1
        column = unfold(unit.reshape(1, *out.shape[1:]), kernel_size, dilation, padding, stride)
        out.reshape(len(x), -1)[:, index] = (x * column).sum((1, 2))
    return out


def extract_sequences(x, sequence_length, sequence_stride):
    starts = range(0, x.shape[-1] - sequence_length + 1, sequence_stride)
    return np.stack([x[..., s : s + sequence_length] for s in starts], -2)


REFERENCES = {
    "conv_transpose": transposed,
    "depthwise_conv": depthwise_conv,
    "separable_conv": separable_conv,
    "adaptive_max_pool": adaptive(np.max),
    "adaptive_average_pool": adaptive(np.mean),
    "unfold": unfold,
    "fold": fold,
    "extract_sequences": extract_sequences,
}


def row(op: str, args: tuple, note: str, **kwargs) -> OpCase:
    arrays = tuple(i for i, a in enumerate(args) if isinstance(a, Array))
    reference = functools.partial(REFERENCES[op], **kwargs)
    return OpCase(f"{op}:{note}", getattr(ops, op), args, reference, kwargs, arrays, (0,))


FIRST = dict(data_format="channels_first")
CASES = [
    row("conv_transpose", (A(2, 4, 3), A(3, 2, 3)), "1d"),
    row("conv_transpose", (A(2, 4, 3), A(2, 2, 3)), "strides above kernel", strides=3),
    row("conv_transpose", (A(2, 4, 3), A(4, 2, 3)), "same, strides", strides=2, padding="same"),
    row("conv_transpose", (A(2, 4, 3), A(3, 2, 3)), "same, dilated", padding="same",
        dilation_rate=2),
    row("conv_transpose", (A(2, 3, 1, 2), A(3, 2, 2, 2)), "2d", strides=(2, 1)),
    row("conv_transpose", (A(2, 3, 2, 2), A(3, 3, 2, 2)), "output padding", strides=2,
        padding="same", output_padding=1),
    row("conv_transpose", (A(2, 2, 3, 2), A(2, 3, 3, 2)), "channels first", **FIRST),
    row("conv_transpose", (A(2, 2, 1, 2, 2), A(2, 1, 2, 1, 2)), "3d", strides=(1, 1, 2)),
    row("depthwise_conv", (A(2, 5, 4, 3), A(3, 3, 3, 2)), "2d", padding="same", strides=2),
    row("depthwise_conv", (A(2, 3, 6), A(2, 3, 1)), "channels first", dilation_rate=2, **FIRST),
    row("separable_conv", (A(2, 5, 4, 2), A(2, 2, 2, 2), A(1, 1, 4, 3)), "2d", padding="same"),
    row("separable_conv", (A(2, 2, 5), A(3, 2, 1), A(1, 2, 3)), "channels first", **FIRST),
    row("adaptive_max_pool", (D(2, 5, 7, 2), (2, 3)), "uneven"),
    row("adaptive_max_pool", (D(2, 2, 6), 3), "even", **FIRST),
    row("adaptive_max_pool", (D(2, 2, 3), 4), "more than there are"),
    row("adaptive_average_pool", (A(2, 5, 2, 4, 1), (2, 2, 3)), "uneven"),
    row("adaptive_average_pool", (A(2, 4, 6, 1), 2), "even"),
    row("unfold", (A(2, 3, 4, 5), (2, 3)), "plain"),
    row("unfold", (A(2, 1, 5, 6), (2, 3), 2, 1, (1, 2)), "all"),
    row("fold", (A(2, 8, 4), (3, 3), 2), "plain"),
    row("fold", (A(2, 4, 18), (5, 6), 2, 2, 1, (2, 1)), "all"),
    row("extract_sequences", (A(3, 8), 3, 2), "rows"),
    row("extract_sequences", (A(2, 3, 7), 7, 1), "one run"),
]
