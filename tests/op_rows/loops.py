"""Rows of loops and of choices."""

from __future__ import annotations

import numpy as np

from fncompile import ops
from tests.op_case import Array, OpCase


def _running(x: np.ndarray, h: np.ndarray, turn, reverse: bool = False):
    out = np.zeros((len(x), *np.shape(turn(h, x[0])[1])))
    for t in reversed(range(len(x))) if reverse else range(len(x)):
        h, out[t] = turn(h, x[t])
    return h, out


def _ours(h, e):
    h = ops.tanh(h * 0.5 + e)
    return h, ops.sin(h) * e


def _numpys(h, e):
    h = np.tanh(h * 0.5 + e)
    return h, np.sin(h) * e


def _products(h, e, w):
    return ops.tanh(ops.matmul(h, w) + e)


def _matrix_scan(x, h, w):
    return ops.scan(lambda h, e: (_products(h, e, w), h), h, x)


def _matrix_reference(x, h, w):
    return _running(x, h, lambda h, e: (np.tanh(h @ w + e), h))


def _fibonacci(a, b):
    return ops.while_loop(
        lambda a, b: ops.all(a < 50.0), lambda a, b: (b, a + b), (a, b), maximum_iterations=12
    )


def _fibonacci_reference(a, b):
    for _ in range(12):
        if not np.all(a < 50):
            break
        a, b = b, a + b
    return a, b


def _cumulative(x, axis, reverse):
    if reverse:
        return np.flip(np.cumsum(np.flip(x, axis), axis), axis)
    return np.cumsum(x, axis)


X, H = Array((5, 2, 3)), Array((2, 3))
CASES = [
    OpCase(
        "scan", lambda x, h: ops.scan(_ours, h, x), (X, H),
        lambda x, h: _running(x, h, _numpys), differentiable=(0, 1), batch=(0,),
    ),
    OpCase(
        "scan:reverse", lambda x, h: ops.scan(_ours, h, x, reverse=True), (X, H),
        lambda x, h: _running(x, h, _numpys, True), differentiable=(0, 1), batch=(0,),
    ),
    OpCase(
        "scan:product", _matrix_scan, (X, H, Array((3, 3))), _matrix_reference,
        differentiable=(0, 1, 2), batch=(0,),
    ),
    OpCase(
        "scan:length", lambda h: ops.scan(lambda h, _: (h * h, None), h, length=3)[0], (H,),
        lambda h: h**8, differentiable=(0,),
    ),
    OpCase(
        "map", lambda x, y: ops.map(lambda p: ops.sum(p[0] * p[1], -1), (x, y)), (X, X),
        lambda x, y: (x * y).sum(-1), differentiable=(0, 1), batch=(0, 1),
    ),
    OpCase(
        "vectorized_map", lambda x, w: ops.vectorized_map(lambda e: ops.matmul(e, w), x),
        (X, Array((3, 4))), lambda x, w: x @ w, differentiable=(0, 1), batch=(0,),
    ),
    OpCase(
        "vectorized_map:loop", lambda x: ops.vectorized_map(lambda e: ops.cumsum(e, 0), x), (X,),
        lambda x: np.cumsum(x, 1), differentiable=(0,), batch=(0,),
    ),
    *(
        OpCase(
            f"associative_scan:{axis}{reverse}",
            lambda x, axis=axis, reverse=reverse: ops.associative_scan(
                lambda a, b: a + b, x, reverse=reverse, axis=axis
            ),
            (X,), lambda x, axis=axis, reverse=reverse: _cumulative(x, axis, reverse),
            differentiable=(0,), batch=(0,),
        )
        for axis in (0, -1) for reverse in (False, True)
    ),
    OpCase(
        "fori_loop",
        lambda x: ops.fori_loop(2, 5, lambda i, v: v * ops.cast(i, v.dtype) + 1.0, x), (H,),
        lambda x: ((x * 2 + 1) * 3 + 1) * 4 + 1, differentiable=(0,), batch=(0,),
    ),
    OpCase(
        "while_loop", _fibonacci, (Array((3,), "positive"), Array((3,), "positive")),
        _fibonacci_reference, differentiable=(0, 1),
    ),
    OpCase(
        "cond", lambda x: ops.cond(ops.sum(x) > 0, lambda: x * 2.0, lambda: ops.sin(x)), (H,),
        lambda x: x * 2 if x.sum() > 0 else np.sin(x), differentiable=(0,), batch=(0,),
    ),
    *(
        OpCase(
            f"switch:{number}",
            lambda x, number=number: ops.switch(
                ops.cast(ops.max(x) * 0, "int32") + number,
                [lambda v: v * 2.0, ops.sin, lambda v: v - 1.0], x,
            ),
            (H,), lambda x, number=number: [x * 2, np.sin(x), x - 1][min(max(number, 0), 2)],
            differentiable=(0,), batch=(0,),
        )
        for number in (-1, 1, 5)
    ),
]  # fmt: skip
