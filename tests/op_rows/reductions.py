"""Rows of reductions and cumulative sums."""

from __future__ import annotations

import numpy as np

from fncompile import ops
from tests.op_case import Array, OpCase

LAYOUTS = (
    ((), None),
    ((0,), 0),
    ((1,), 0),
    ((17,), None),
    ((3, 16), 1),
    ((9, 7), 0),
    ((2, 15, 3), (0, 2)),
    ((5, 1, 8), -1),
    ((4, 0), 1),
)

# op: reference, domain, does it take extents of 0?, is it differentiable?
REDUCTIONS = {
    "sum": (np.sum, "normal", True, True),
    "mean": (np.mean, "normal", False, True),
    "prod": (np.prod, "positive", True, True),
    "max": (np.max, "distinct", False, True),
    "min": (np.min, "distinct", False, True),
    "var": (np.var, "normal", False, True),
    "std": (np.std, "normal", False, False),
    "any": (np.any, "bits", True, False),
    "all": (np.all, "bits", True, False),
    "logsumexp": (lambda x, axis, keepdims: _logsumexp(x, axis, keepdims), "wide", False, True),
}


def _logsumexp(x, axis, keepdims):
    peak = np.max(x, axis=axis, keepdims=True)
    out = np.log(np.sum(np.exp(x - peak), axis=axis, keepdims=True)) + peak
    return out if keepdims else np.squeeze(out, axis if axis is not None else tuple(range(x.ndim)))


def _reductions() -> list[OpCase]:
    cases = []
    for name, (reference, domain, empty, smooth) in REDUCTIONS.items():
        for i, (shape, axis) in enumerate(LAYOUTS):
            if 0 in shape and not empty:
                continue
            keep = bool(i % 2)
            cases.append(
                OpCase(
                    f"{name}{list(shape)}{axis}",
                    getattr(ops, name),
                    (Array(shape, domain),),
                    lambda x, f=reference, a=axis, k=keep: f(x, axis=a, keepdims=k),
                    {"axis": axis, "keepdims": keep},
                    (0,) if smooth else (),
                    (0,) if shape else (),
                    1e-11,
                )
            )
    return cases


def _positions() -> list[OpCase]:
    layouts = (((1,), 0), ((17,), None), ((3, 16), 1), ((9, 7), 0), ((2, 15, 3), 1), ((4, 5), None))
    return [
        OpCase(
            f"{name}{list(shape)}{axis}",
            getattr(ops, name),
            (Array(shape, "distinct"),),
            lambda x, f=reference, a=axis: f(x, axis=a),
            {"axis": axis},
            batch=(0,),
        )
        for name, reference in (("argmax", np.argmax), ("argmin", np.argmin))
        for shape, axis in layouts
    ]


def _cumulative() -> list[OpCase]:
    layouts = (((0,), 0), ((1,), None), ((17,), 0), ((3, 8), 1), ((9, 2), 0), ((2, 3), None))
    return [
        OpCase(
            f"{name}{list(shape)}{axis}",
            getattr(ops, name),
            (Array(shape, domain),),
            lambda x, f=reference, a=axis: f(x, axis=a),
            {"axis": axis},
            (0,),
            (0,),
        )
        for name, reference, domain in (
            ("cumsum", np.cumsum, "normal"),
            ("cumprod", np.cumprod, "positive"),
        )
        for shape, axis in layouts
    ]


CASES = [
    *_reductions(),
    *_positions(),
    *_cumulative(),
    OpCase("std:away", ops.std, (Array((3, 7)),), lambda x: np.std(x, 1), {"axis": 1}, (0,)),
    OpCase(
        "sum:int32",
        ops.sum,
        (Array((3, 5), "int", "int32"),),
        lambda x: x.sum(1, dtype="int32"),
        {"axis": 1},
    ),
    OpCase("sum:bool", ops.sum, (Array((17,), "bits", "bool"),), lambda x: x.sum(dtype="int32")),
    OpCase("sum:uint8", ops.sum, (Array((17,), "bits", "uint8"),), lambda x: x.sum(dtype="uint32")),
    OpCase(
        "mean:int32", ops.mean, (Array((3, 5), "int", "int32"),), lambda x: x.mean(0), {"axis": 0}
    ),
    OpCase("mean:bool", ops.mean, (Array((17,), "bits", "bool"),), lambda x: x.mean()),
    OpCase("max:int64", ops.max, (Array((3, 5), "int", "int64"),), lambda x: x.max(1), {"axis": 1}),
    OpCase("max:bool", ops.max, (Array((3, 5), "bits", "bool"),), lambda x: x.max(1), {"axis": 1}),
    OpCase(
        "max:initial",
        ops.max,
        (Array((3, 0)),),
        lambda x: np.full(3, -1.5),
        {"axis": 1, "initial": -1.5},
    ),
    OpCase("max:special", ops.max, (Array((11, 3), "special"),), lambda x: x.max(1), {"axis": 1}),
    OpCase("min:special", ops.min, (Array((3, 11), "special"),), lambda x: x.min(0), {"axis": 0}),
    OpCase("argmax:special", ops.argmax, (Array((11,), "special"),), np.argmax),
    OpCase("argmin:special", ops.argmin, (Array((11,), "special"),), np.argmin),
    OpCase(
        "argmax:ties",
        ops.argmax,
        (Array((4, 9), "bits", "int32"),),
        lambda x: x.argmax(1),
        {"axis": 1},
    ),
    OpCase(
        "argmin:ties",
        ops.argmin,
        (Array((4, 9), "bits", "bool"),),
        lambda x: x.argmin(1),
        {"axis": 1},
    ),
    OpCase(
        "argmax:keepdims",
        ops.argmax,
        (Array((4, 9), "distinct"),),
        lambda x: x.argmax(0, keepdims=True),
        {"axis": 0, "keepdims": True},
    ),
    OpCase(
        "count_nonzero",
        ops.count_nonzero,
        (Array((4, 9), "bits"),),
        lambda x: np.count_nonzero(x, axis=1),
        {"axis": 1},
    ),
    OpCase("average", ops.average, (Array((4, 9)),), lambda x: x.mean(1), {"axis": 1}, (0,)),
    OpCase(
        "average:weights",
        ops.average,
        (Array((4, 9)), 1, Array((9,), "positive")),
        lambda x, a, w: np.average(x, a, w),
        {},
        (0, 1),
    ),
    OpCase(
        "average:full",
        ops.average,
        (Array((4, 9)), None, Array((4, 9), "positive")),
        lambda x, a, w: np.average(x, a, w),
        {},
        (0, 1),
    ),
    OpCase(
        "logsumexp:infinite",
        ops.logsumexp,
        (Array((3,), "special"),),
        lambda x: np.log(np.exp(x).sum()),
    ),
    OpCase(
        "cumsum:int", ops.cumsum, (Array((9,), "int", "int32"),), lambda x: x.cumsum(dtype="int32")
    ),
]
