"""Windows that fade a piece of a signal in and out. `x`: how many numbers they have."""

from __future__ import annotations

import math
from typing import Any

from fncompile.config import floatx
from fncompile.graph.eager import known_value
from fncompile.ops.casting import cast
from fncompile.ops.composing import tensor
from fncompile.ops.creation import arange
from fncompile.ops.dispatch import op
from fncompile.ops.elementwise import absolute, clip
from fncompile.ops.functions import cos, sqrt
from fncompile.ops.numbers import i0
from fncompile.ops.types import Result, TensorLike


def _turns(name: str, x: TensorLike) -> Any:
    """From 0 to 1 in as many steps as `x` says; in float64, to be rounded in the end."""
    count = known_value(x)
    if count is None:
        raise ValueError(
            f"`{name}` needs to know how many numbers to give: shapes cannot depend on values."
        )
    n = int(count)
    return arange(n, dtype="float64") / tensor(max(n - 1, 1), "float64")


@op
def bartlett(x: TensorLike) -> Result:
    """A triangle from 0 to 1 to 0.

    `x`: how many numbers, known when the program is made.

    >>> ops.bartlett(5)
    array([0. , 0.5, 1. , 0.5, 0. ], dtype=float32)
    """
    t = _turns("bartlett", x)
    return _one_alone(1.0 - absolute(2.0 * t - 1.0))


@op
def hanning(x: TensorLike) -> Result:
    """`0.5 - 0.5 cos(2 pi t)`.

    `x`: how many numbers, known when the program is made.

    >>> ops.hanning(5)
    array([0. , 0.5, 1. , 0.5, 0. ], dtype=float32)
    """
    return _cosines(_turns("hanning", x), 0.5, 0.5)


@op
def hamming(x: TensorLike) -> Result:
    """`0.54 - 0.46 cos(2 pi t)`.

    `x`: how many numbers, known when the program is made.

    >>> ops.hamming(5).round(2)
    array([0.08, 0.54, 1.  , 0.54, 0.08], dtype=float32)
    """
    return _cosines(_turns("hamming", x), 0.54, 0.46)


@op
def blackman(x: TensorLike) -> Result:
    """`0.42 - 0.5 cos(2 pi t) + 0.08 cos(4 pi t)`.

    `x`: how many numbers, known when the program is made.

    >>> abs(ops.blackman(5).round(2))
    array([0.  , 0.34, 1.  , 0.34, 0.  ], dtype=float32)
    """
    return _cosines(_turns("blackman", x), 0.42, 0.5, -0.08)


def _cosines(t: Any, mean: float, *waves: float) -> Any:
    out = mean
    for k, height in enumerate(waves, 1):
        out = out - height * cos(t * (2 * math.pi * k))
    return _one_alone(out)


def _one_alone(x: Any) -> Any:
    """A window of one number is 1."""
    return cast(x if x.shape[0] != 1 else x * 0.0 + 1.0, floatx())


@op
def kaiser(x: TensorLike, beta: TensorLike) -> Result:
    """`i0(beta sqrt(1 - (2 t - 1)²)) / i0(beta)`.

    `x`: how many numbers, known when the program is made; `beta`: how steep, a number.

    >>> ops.kaiser(3, 5.0).round(4)
    array([0.0367, 1.    , 0.0367], dtype=float32)
    """
    t = 2.0 * _turns("kaiser", x) - 1.0
    beta = cast(tensor(beta), "float64")
    return _one_alone(i0(beta * sqrt(clip(1.0 - t * t, 0.0, 1.0))) / i0(beta))
