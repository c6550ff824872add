"""Rows of convolution and pooling, with references that look at one window after the other."""

from __future__ import annotations

import functools
import itertools

import numpy as np

from fncompile import ops
from tests.op_case import Array, OpCase


def padded(x, size, strides, padding, dilation, fill):
    """`x` with what `padding` adds, and the number of windows along each of its middle axes."""
    around, counts = [(0, 0)], []
    for n, k, s, d in zip(x.shape[1:-1], size, strides, dilation):
        reach = (k - 1) * d + 1
        count = -(-n // s) if padding == "same" else (n - reach) // s + 1
        total = max((count - 1) * s + reach - n, 0) if padding == "same" else 0
        around.append((total // 2, total - total // 2))
        counts.append(count)
    return np.pad(x, [*around, (0, 0)], constant_values=fill), counts


def seen(x, size, strides, padding, dilation, fill=0.0):
    """(point, what its window sees) for all windows."""
    wide, counts = padded(x, size, strides, padding, dilation, fill)
    for point in itertools.product(*map(range, counts)):
        at = [slice(p * s, p * s + (k - 1) * d + 1, d)
              for p, k, s, d in zip(point, size, strides, dilation)]  # fmt: skip
        yield counts, point, wide[(slice(None), *at)]


def many(value, rank):
    return (value,) * rank if isinstance(value, int) else tuple(value)


def first(x):
    return np.moveaxis(x, 1, -1)


def conv(x, w, strides=1, padding="valid", data_format=None, dilation_rate=1):
    if data_format == "channels_first":
        out = conv(first(x), w, strides, padding, None, dilation_rate)
        return np.moveaxis(out, -1, 1)
    rank = x.ndim - 2
    groups, filters = x.shape[-1] // w.shape[-2], w.shape[-1]
    parts, each = w.shape[-2], w.shape[-1] // groups
    out = None
    for counts, point, window in seen(
        x, w.shape[:rank], many(strides, rank), padding, many(dilation_rate, rank)
    ):
        out = np.zeros((len(x), *counts, filters)) if out is None else out
        for g in range(groups):
            taps = window[..., g * parts : (g + 1) * parts].reshape(len(x), -1)
            kernel = w[..., g * each : (g + 1) * each].reshape(taps.shape[1], each)
            out[(slice(None), *point, slice(g * each, (g + 1) * each))] = taps @ kernel
    return out


def pool(reduce, fill):
    def reference(x, pool_size, strides=None, padding="valid", data_format=None):
        if data_format == "channels_first":
            return np.moveaxis(reference(first(x), pool_size, strides, padding), -1, 1)
        rank = x.ndim - 2
        size, out = many(pool_size, rank), None
        steps = size if strides is None else many(strides, rank)
        for counts, point, window in seen(x, size, steps, padding, (1,) * rank, fill):
            out = np.zeros((len(x), *counts, x.shape[-1])) if out is None else out
            out[(slice(None), *point)] = reduce(window, axis=tuple(range(1, rank + 1)))
        return out

    return reference


REFERENCES = {
    "conv": conv, "max_pool": pool(np.max, -np.inf), "average_pool": pool(np.nanmean, np.nan),
}  # fmt: skip


def row(op: str, args: tuple, note: str, **kwargs) -> OpCase:
    arrays = tuple(i for i, a in enumerate(args) if isinstance(a, Array))
    reference = functools.partial(REFERENCES[op], **kwargs)
    return OpCase(f"{op}:{note}", getattr(ops, op), args, reference, kwargs, arrays, (0,))


def A(*shape: int) -> Array:
    return Array(shape)


def D(*shape: int) -> Array:
    return Array(shape, "distinct")


CONVOLUTIONS = [
    row("conv", (A(2, 7, 3), A(3, 3, 4)), "1d"),
    row("conv", (A(2, 8, 3), A(2, 3, 4)), "even kernel, same", padding="same"),
    row("conv", (A(2, 9, 2), A(3, 2, 4)), "dilated", padding="same", dilation_rate=3),
    row("conv", (A(2, 9, 2), A(3, 2, 5)), "strides 1d", padding="same", strides=2),
    row("conv", (A(2, 5, 6, 3), A(3, 3, 3, 4)), "2d", padding="same"),
    row("conv", (A(2, 5, 6, 3), A(3, 2, 3, 4)), "strides", strides=(2, 3)),
    row("conv", (A(2, 6, 6, 3), A(3, 3, 3, 5)), "strides, same", strides=2, padding="same"),
    row("conv", (A(2, 7, 7, 2), A(3, 3, 2, 4)), "stride above kernel", strides=4, padding="same"),
    row("conv", (A(2, 7, 8, 2), A(3, 2, 2, 4)), "dilation 2d", dilation_rate=(2, 3)),
    row("conv", (A(2, 5, 4, 6), A(3, 3, 2, 9)), "groups", padding="same"),
    row("conv", (A(2, 5, 4, 6), A(3, 3, 1, 6)), "depthwise", padding="same", strides=2),
    row("conv", (A(2, 5, 4, 3), A(1, 1, 3, 4)), "1x1"),
    row("conv", (A(2, 5, 4, 3), A(1, 1, 3, 4)), "1x1, strides", strides=2),
    row("conv", (A(2, 3, 5, 4), A(3, 3, 3, 2)), "channels first", data_format="channels_first"),
    row("conv", (A(2, 4, 3, 5, 2), A(2, 3, 3, 2, 3)), "3d", padding="same", strides=(1, 2, 2)),
    row("conv", (A(2, 2, 2, 3), A(2, 2, 3, 4)), "one window"),
    row("conv", (A(2, 3, 17), A(5, 17, 1)), "kernel above input", padding="same"),
]
POOLS = [
    row(op, (D(2, *shape), *args), note, **kwargs)
    for op in ("max_pool", "average_pool")
    for note, shape, args, kwargs in (
        ("1d", (8, 3), (2,), {}),
        ("2d", (6, 4, 3), (2,), {}),
        ("overlapping", (7, 7, 3), (3, 2), {}),
        ("same", (7, 5, 3), ((3, 2), 2, "same"), {}),
        ("steps of one", (4, 5, 2), ((2, 3), 1, "same"), {}),
        ("steps above size", (9, 9, 2), (2, 3), {}),
        ("channels first", (3, 6, 4), (2,), {"data_format": "channels_first"}),
        ("3d", (4, 5, 4, 2), (2, (2, 1, 2), "same"), {}),
        ("left over", (7, 5, 3), (2,), {}),
        ("all", (4, 5, 3), ((4, 5),), {}),
    )
]
CASES: list[OpCase] = [*CONVOLUTIONS, *POOLS]
