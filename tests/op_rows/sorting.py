"""Rows of sort, top_k and what is found by order."""

from __future__ import annotations

import numpy as np

from tests.op_case import Array
from tests.op_rows.shaping import A, row

DISTINCT = Array((3, 4, 5), "distinct")
LONG = Array((2, 37), "distinct")
TIES = Array((4, 70), "int", "int32")

SORTED = np.array([-np.inf, -1.0, 0.0, 0.5, np.inf, np.nan, np.nan])


def argsort(x, axis=-1):
    return np.argsort(x, axis=axis, kind="stable").astype(np.int32)


def top_k(x, k):
    """NaN first, then the largest; the first of equal ones first."""
    keys = np.where(np.isnan(x), np.inf, x.astype(np.float64))
    order = np.lexsort((np.broadcast_to(np.arange(x.shape[-1]), x.shape), -keys, ~np.isnan(x)))
    order = order[..., :k]
    return np.take_along_axis(x, order, -1), order.astype(np.int32)


def partitioned(x, kth, axis=-1):
    return argsort(x, axis)


def found(rows, x, side="left"):
    return np.searchsorted(rows, x, side).astype(np.int32)


CASES = [
    row("argsort", (DISTINCT,), argsort, grad=False, batch=(0,)),
    row("argsort", (DISTINCT, 0), argsort, "first axis", grad=False),
    row("argsort", (DISTINCT, None), argsort, "flat", grad=False),
    row("argsort", (TIES, 1), argsort, "ties", batch=(0,)),
    row("argsort", (Array((3, 20), "special"),), argsort, "special", grad=False),
    row("argsort", (A(3, 0),), argsort, "empty", grad=False),
    row("argsort", (Array((2, 9), "bits", "bool"),), argsort, "bool"),
    row("sort", (DISTINCT,), np.sort, batch=(0,)),
    row("sort", (DISTINCT, 1), np.sort, "axis"),
    row("sort", (DISTINCT, None), np.sort, "flat"),
    row("sort", (LONG,), np.sort, "long"),
    row("sort", (TIES,), np.sort, "whole numbers"),
    row("sort", (Array((3, 20), "special"),), np.sort, "special", grad=False),
    row("top_k", (DISTINCT, 2), top_k, batch=(0,)),
    row("top_k", (LONG, 37), top_k, "all"),
    row("top_k", (TIES, 5), top_k, "ties"),
    row("top_k", (Array((3, 20), "special"), 7), top_k, "special", grad=False),
    row("argpartition", (DISTINCT, 2), partitioned, grad=False, batch=(0,)),
    row("argpartition", (DISTINCT, -1, 1), partitioned, "axis", grad=False),
    row("searchsorted", (np.arange(5.0), A(3, 4)), found, grad=False),
    row("searchsorted", (np.arange(-3, 4), TIES), found, "ties"),
    row("searchsorted", (SORTED, Array((23,), "special")), found, "special", grad=False),
    row("searchsorted", (SORTED, Array((23,), "special"), "right"), found, "special right",
        grad=False),
    row("digitize", (Array((23,), "special"), SORTED), np.digitize, "special", grad=False),
    row("searchsorted", (np.arange(-3, 4), TIES, "right"), found, "right"),
]
