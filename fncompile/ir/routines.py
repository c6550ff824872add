"""What ops of the family "routine" compute, on arrays: for the interpreters of programs and plans.

Requires: arrays as the op's row in ops.py has them. `WORK` says what one costs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fncompile.ir.dims import Dim, product

Arrays = Sequence[np.ndarray]


def attention(arrays: Arrays, scale: float, hidden: float) -> np.ndarray:
    v, factor = arrays[2], arrays[5]
    z = _scores(arrays, scale, hidden)
    top = z.max(axis=-1, initial=-np.inf)
    e = np.exp(z - top[..., None])
    share = 1 / e.sum(axis=-1)
    weights = e * share[..., None] * factor
    out = np.einsum("bkgts,bske->btkge", weights, v)
    return _one_row(out, top, share)


def attention_grad(arrays: Arrays, scale: float, hidden: float) -> np.ndarray:
    q, k, v, _, mask, factor, result, g = arrays
    out, top, share = parted(result, g.shape, mask.shape[:-1])
    weights = np.exp(_scores(arrays, scale, hidden) - top[..., None]) * share[..., None]
    dv = np.einsum("bkgts,btkge->bske", weights * factor, g)
    d = np.einsum("btkge,bske->bkgts", g, v) * factor
    own = (g * out).sum(axis=-1).transpose(0, 2, 3, 1)
    ds = np.where(mask, weights * (d - own[..., None]), 0) * scale
    dq = np.einsum("bkgts,bskh->btkgh", ds, k)
    dk = np.einsum("bkgts,btkgh->bskh", ds, q)
    return _one_row(dq, dk, dv)


def _scores(arrays: Arrays, scale: float, hidden: float) -> np.ndarray:
    q, k, _, bias, mask, _ = arrays[:6]
    z = np.einsum("btkgh,bskh->bkgts", q, k) * q.dtype.type(scale) + bias
    return np.where(mask, z, z.dtype.type(hidden))


def parted(row: np.ndarray, first: Sequence[int], other: Sequence[int]) -> list[np.ndarray]:
    """Three pieces of it, one behind the other: of the shape `first`, then two of `other`."""
    found, start = [], 0
    for shape in (first, other, other):
        size = int(np.prod(shape, dtype=np.int64))
        found.append(row[start : start + size].reshape(shape))
        start += size
    return found


def _one_row(*arrays: np.ndarray) -> np.ndarray:
    return np.concatenate([a.reshape(-1) for a in arrays])


def argsort(arrays: Arrays, descending: bool) -> np.ndarray:
    [x] = arrays
    if not descending:
        return np.argsort(x, axis=-1, kind="stable").astype(np.int32)
    backwards = np.argsort(x[..., ::-1], axis=-1, kind="stable")[..., ::-1]
    return (x.shape[-1] - 1 - backwards).astype(np.int32)


ROUTINES: dict[str, Callable[..., np.ndarray]] = {
    "attention": attention,
    "attention_grad": attention_grad,
    "argsort": argsort,
}


# multiply-adds, by the shapes of the sources ------------------------------------------------------


def _attention_work(shapes: Sequence[tuple[Dim, ...]], times: int = 1) -> Any:
    (b, t, heads, groups, width), (_, s, _, _), (*_, e) = shapes[:3]
    of_keys, of_values = (width, e) if times == 1 else (width * 3, e * 2)
    return b * heads * groups * t * s * (of_keys + of_values)


WORK: dict[str, Callable[[Sequence[tuple[Dim, ...]]], Any]] = {
    "attention": _attention_work,
    "attention_grad": lambda shapes: _attention_work(shapes, 2),
    "argsort": lambda shapes: product(shapes[0]) * 16,  # comparisons of a row of some thousands
}


# what a team shares, by the shapes of the sources: these many are computed one by one ------------


def _batches_and_heads(shapes: Sequence[tuple[Dim, ...]]) -> Any:
    return shapes[0][0] * shapes[0][2]


ITEMS: dict[str, Callable[[Sequence[tuple[Dim, ...]]], Any]] = {
    "attention": _batches_and_heads,
    "attention_grad": _batches_and_heads,
    "argsort": lambda shapes: product(shapes[0][:-1]),
}
