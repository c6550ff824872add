"""Rows of arithmetic, functions, comparisons and logic."""

from __future__ import annotations

import math

import numpy as np

from fncompile import ops
from tests.op_case import Array, OpCase

# Around the widths of vectors of 4, 8 and 16, and the shapes that break loops.
SHAPES = ((), (0,), (1,), (7,), (8,), (9,), (15,), (16,), (17,), (3, 1, 5))
PAIRS = (
    ((), ()),
    ((0,), (1,)),
    ((7,), (7,)),
    ((17,), ()),
    ((5, 1), (1, 9)),
    ((2, 3, 8), (3, 1)),
    ((3, 16), (3, 16)),
)

erf = np.vectorize(math.erf, otypes=[float])

# op, reference, domain; "!" marks functions whose derivative is not asked for
UNARY = {
    "negative": (np.negative, "normal"),
    "absolute": (np.abs, "away"),
    "sign": (np.sign, "away!"),
    "square": (np.square, "normal"),
    "reciprocal": (np.reciprocal, "positive"),
    "floor": (np.floor, "away!"),
    "ceil": (np.ceil, "away!"),
    "trunc": (np.trunc, "away!"),
    "round": (np.round, "away!"),
    "exp": (np.exp, "normal"),
    "exp2": (np.exp2, "normal"),
    "expm1": (np.expm1, "normal"),
    "log": (np.log, "positive"),
    "log1p": (np.log1p, "positive"),
    "log2": (np.log2, "positive"),
    "log10": (np.log10, "positive"),
    "sqrt": (np.sqrt, "positive"),
    "rsqrt": (lambda x: 1 / np.sqrt(x), "positive"),
    "sin": (np.sin, "wide"),
    "cos": (np.cos, "wide"),
    "tan": (np.tan, "unit"),
    "sinh": (np.sinh, "normal"),
    "cosh": (np.cosh, "normal"),
    "tanh": (np.tanh, "normal"),
    "erf": (erf, "normal"),
    "isnan": (np.isnan, "special!"),
    "isinf": (np.isinf, "special!"),
    "isfinite": (np.isfinite, "special!"),
    "logical_not": (np.logical_not, "special!"),
}

BINARY = {
    "add": (np.add, "normal", "normal"),
    "subtract": (np.subtract, "normal", "normal"),
    "multiply": (np.multiply, "normal", "normal"),
    "divide": (np.divide, "normal", "positive"),
    "floor_divide": (np.floor_divide, "away!", "positive"),
    "mod": (np.mod, "normal", "positive"),
    "power": (np.power, "positive", "normal"),
    "maximum": (np.maximum, "normal", "normal"),
    "minimum": (np.minimum, "normal", "normal"),
    "logaddexp": (np.logaddexp, "normal", "normal"),
    "equal": (np.equal, "int!", "int"),
    "not_equal": (np.not_equal, "int!", "int"),
    "less": (np.less, "int!", "int"),
    "less_equal": (np.less_equal, "int!", "int"),
    "greater": (np.greater, "int!", "int"),
    "greater_equal": (np.greater_equal, "int!", "int"),
    "logical_and": (np.logical_and, "bits!", "bits"),
    "logical_or": (np.logical_or, "bits!", "bits"),
    "logical_xor": (np.logical_xor, "bits!", "bits"),
}

INTEGER = (
    "add",
    "subtract",
    "multiply",
    "maximum",
    "minimum",
    "equal",
    "less",
    "greater_equal",
    "divide",
    "logical_and",
)


def _unary() -> list[OpCase]:
    cases = []
    for name, (reference, domain) in UNARY.items():
        for shape in SHAPES:
            smooth = not domain.endswith("!")
            cases.append(
                OpCase(
                    f"{name}{list(shape)}",
                    getattr(ops, name),
                    (Array(shape, domain.rstrip("!")),),
                    reference,
                    differentiable=(0,) if smooth else (),
                    batch=(0,) if shape else (),
                )
            )
    return cases


def _binary() -> list[OpCase]:
    cases = []
    for name, (reference, first, second) in BINARY.items():
        for a, b in PAIRS:
            cases.append(
                OpCase(
                    f"{name}{list(a)}{list(b)}",
                    getattr(ops, name),
                    (Array(a, first.rstrip("!")), Array(b, second)),
                    reference,
                    differentiable=() if first.endswith("!") else (0, 1),
                    batch=(0, 1) if a and a == b else (),
                )
            )
    return cases


def _integer() -> list[OpCase]:
    divisor = {"divide": "positive"}
    return [
        OpCase(
            f"{name}:{dtype}",
            getattr(ops, name),
            (Array((9,), "int", dtype), Array((9,), divisor.get(name, "int"), dtype)),
            BINARY[name][0],
        )
        for name in INTEGER
        for dtype in ("int32", "int64")
        if name != "divide"
    ]


def _where(c, a, b):
    return np.where(c != 0, a, b)


def _no_nan(a, b):
    return np.where(b == 0, 0, a / np.where(b == 0, 1, b))


CASES = [
    *_unary(),
    *_binary(),
    *_integer(),
    OpCase(
        "clip",
        ops.clip,
        (Array((17,), "away"), -1.0, 1.0),
        lambda x, a, b: np.clip(x, a, b),
        differentiable=(0,),
        batch=(0,),
    ),
    OpCase(
        "clip:tensors",
        ops.clip,
        (Array((3, 5), "away"), Array((5,), "unit"), Array((3, 1), "positive")),
        lambda x, a, b: np.minimum(np.maximum(x, a), b),
    ),
    OpCase("round:2", ops.round, (Array((17,), "normal"), 2), np.round),
    OpCase("round:-1", ops.round, (Array((17,), "wide"), -1), np.round),
    OpCase("round:int", ops.round, (Array((9,), "int", "int32"), -1), np.round),
    OpCase("floor:int", ops.floor, (Array((9,), "int", "int32"),), lambda x: np.floor(x * 1.0)),
    OpCase("abs:int", ops.abs, (Array((9,), "int", "int32"),), np.abs),
    OpCase("sign:int", ops.sign, (Array((9,), "int", "int64"),), np.sign),
    OpCase("sign:special", ops.sign, (Array((11,), "special"),), np.sign),
    OpCase(
        "maximum:special",
        ops.maximum,
        (Array((11,), "special"), Array((11, 1), "special")),
        np.maximum,
    ),
    OpCase(
        "minimum:special",
        ops.minimum,
        (Array((11,), "special"), Array((11, 1), "special")),
        np.minimum,
    ),
    OpCase(
        "floor_divide:int", ops.floor_divide, (Array((9,), "int", "int32"), -4), np.floor_divide
    ),
    OpCase("mod:int", ops.mod, (Array((9,), "int", "int32"), -4), np.mod),
    OpCase("power:int", ops.power, (Array((9,), "int", "int32"), 3), np.power),
    OpCase("power:square", ops.power, (Array((9,), "normal"), 2), np.power, differentiable=(0,)),
    OpCase(
        "divide_no_nan",
        ops.divide_no_nan,
        (Array((9,), "normal"), Array((9,), "int")),
        _no_nan,
        differentiable=(0,),
    ),
    OpCase(
        "nan_to_num",
        ops.nan_to_num,
        (Array((11,), "special"), 2.0, 3.0, -3.0),
        lambda x, a, b, c: np.nan_to_num(x, True, a, b, c),
    ),
    OpCase(
        "erfinv",
        ops.erfinv,
        (Array((17,), "unit"),),
        lambda y: _erfinv(y),
        differentiable=(0,),
        rtol=1e-9,
    ),
    OpCase(
        "where",
        ops.where,
        (Array((17,), "bits", "bool"), Array((17,)), Array((17,))),
        _where,
        differentiable=(1, 2),
        batch=(0, 1, 2),
    ),
    OpCase(
        "where:broadcast",
        ops.where,
        (Array((3, 1), "bits"), Array((5,)), 0.0),
        _where,
        differentiable=(1,),
    ),
]


def _erfinv(y):
    """By bisection, which shares nothing with the op."""
    low, high = np.full(np.shape(y), -6.0), np.full(np.shape(y), 6.0)
    for _ in range(80):
        middle = (low + high) / 2
        low, high = np.where(erf(middle) < y, middle, low), np.where(erf(middle) < y, high, middle)
    return low
