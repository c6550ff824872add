"""Rows of `x[...]`, take, one_hot and blocks."""

from __future__ import annotations

import numpy as np

from fncompile import ops
from tests.op_case import Array, OpCase
from tests.op_rows.shaping import A, row


def ints(*shape: int, domain: str) -> Array:
    return Array(shape, domain, "int32")


class _Key:
    """`KEY[1:, ::-2]` is the key that Python makes."""

    def __getitem__(self, key):
        return key


KEY = _Key()
BASIC = (
    KEY[1],
    KEY[-1],
    KEY[:, 2],
    KEY[..., -1],
    KEY[1:],
    KEY[:-1],
    KEY[::-1],
    KEY[:, ::2],
    KEY[:, -2::-2],
    KEY[None],
    KEY[:, None, ..., None],
    KEY[1, 2, 3],
    KEY[1:1],
    KEY[5:],
    KEY[:, 3:1:-1],
    KEY[:, 1:3, ::-1],
)
TENSOR_KEYS = (
    ("first", lambda i: i, (3, 2), "index:3"),
    ("axis", lambda i: KEY[:, i], (2,), "index:4"),
    ("scalar", lambda i: KEY[..., i], (), "index:5"),
    ("with int", lambda i: KEY[0, :, i], (2, 2), "index:5"),
    ("with slice", lambda i: KEY[1:, i, ::-1], (7,), "index:4"),
    ("new axis", lambda i: KEY[None, i], (2,), "index:3"),
)
SYMBOLIC = KEY[-1], KEY[:, 2], KEY[1:], KEY[:-1], KEY[::-1], KEY[None]


def _basic() -> list[OpCase]:
    return [
        OpCase(
            f"get_item[{key}]",
            ops.get_item,
            (A(3, 4, 5), key),
            lambda x, k: x[k],
            {},
            (0,),
            (0,) if key in SYMBOLIC else (),
        )
        for key in BASIC
    ]


def _by_tensor() -> list[OpCase]:
    return [
        OpCase(
            f"get_item:{note}",
            lambda x, i, k=key: ops.get_item(x, k(i)),
            (A(3, 4, 5), ints(*shape, domain=domain)),
            lambda x, i, k=key: x[k(i)],
            {},
            (0,),
            keras=False,
        )
        for note, key, shape, domain in TENSOR_KEYS
    ]


def _two_tensors() -> list[OpCase]:
    keys = {"together": lambda i, j: KEY[:, i, j], "apart": lambda i, j: KEY[i, :, j]}
    return [
        OpCase(
            f"get_item:{note}",
            lambda x, i, j, k=key: ops.get_item(x, k(i, j)),
            (A(3, 4, 5), ints(2, 1, domain="index:3"), ints(3, domain="index:4")),
            lambda x, i, j, k=key: x[k(i, j)],
            {},
            (0,),
            keras=False,
        )
        for note, key in keys.items()
    ]


def _take_beyond(x, i):
    inside = (i >= -x.shape[0]) & (i < x.shape[0])
    return np.where(inside, x[np.where(inside, i, 0)], np.nan)


def _one_hot(x, n):
    return (x[..., None] == np.arange(n)).astype(float)


def _in_top_k(t, p, k):
    return (p > p[np.arange(len(t)), t][:, None]).sum(1) < k


def _update(x, start, new):
    out = x.copy()
    out[tuple(slice(s, s + n) for s, n in zip(start, new.shape))] = new
    return out


def _segments(x, ids, n):
    out = np.zeros((n, *x.shape[1:]))
    np.add.at(out, ids, x)
    return out


def _scatter(i, v, shape):
    out = np.zeros(shape)
    np.add.at(out, tuple(np.moveaxis(i, -1, 0)), v)
    return out


CASES = [
    *_basic(),
    *_by_tensor(),
    *_two_tensors(),
    row("take", (A(7, 3), ints(2, 5, domain="index:7")), np.take, "flat"),
    row("take", (A(7, 3), ints(2, 5, domain="index:7"), 0), np.take, "rows", batch=(1,)),
    row("take", (A(2, 7, 3), ints(4, domain="index:7"), 1), np.take, "axis", batch=(0,)),
    row("take", (A(7, 3), 2, -1), np.take, "one"),
    row("take", (A(7), [0, -1, 3], 0), np.take, "list"),
    row(
        "take", (A(7), ints(9, domain="beyond:7"), 0), lambda x, i, a: _take_beyond(x, i), "beyond"
    ),
    row(
        "take_along_axis",
        (A(4, 7), ints(4, 3, domain="index:7"), 1),
        np.take_along_axis,
        batch=(0, 1),
    ),
    row(
        "take_along_axis",
        (A(7, 4), ints(2, 1, domain="index:7"), 0),
        np.take_along_axis,
        "broadcast",
    ),
    row(
        "take_along_axis",
        (Array((4, 7), "bits", "bool"), ints(4, 7, domain="below:7"), -1),
        np.take_along_axis,
        "bool",
    ),
    row("one_hot", (ints(9, domain="below:5"), 5), _one_hot, batch=(0,)),
    row("one_hot", (ints(3, 3, domain="beyond:5"), 5), _one_hot, "beyond"),
    row(
        "one_hot",
        (ints(3, 3, domain="below:5"), 5, 1),
        lambda x, n, a: np.moveaxis(_one_hot(x, n), -1, a),
        "axis",
    ),
    row("in_top_k", (ints(9, domain="below:7"), A(9, 7), 3), _in_top_k, grad=False, batch=(0, 1)),
    row("slice", (A(5, 6), (1, 2), (3, 4)), lambda x, s, n: x[1:4, 2:6]),
    row(
        "slice",
        (A(5, 6), ints(2, domain="below:3"), (3, 4)),
        lambda x, s, n: x[s[0] : s[0] + 3, s[1] : s[1] + 4],
        "at",
    ),
    row("slice", (A(5, 6), (1, 2), (-1, 3)), lambda x, s, n: x[1:, 2:5], "to the end", batch=(0,)),
    row("slice_update", (A(5, 6), (1, 2), A(3, 4)), _update),
    row("slice_update", (A(5, 6), [Array((), "below:2", "int32"), 2], A(3, 4)), _update, "tensor"),
    row(
        "slice_update",
        (A(5, 6), Array((2,), "below:2", "int32"), A(3, 4)),
        _update,
        "index tensor",
    ),
    row("segment_sum", (A(9, 2), ints(9, domain="below:4"), 4), _segments, batch=(0, 1)),
    row("scatter", (ints(6, 2, domain="below:3"), A(6), (3, 4)), _scatter, batch=(0, 1)),
]
