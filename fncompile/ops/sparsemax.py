"""Sparsemax: probabilities of which many are 0."""

from __future__ import annotations

from typing import Any

from fncompile.ops.casting import cast, stop_gradient
from fncompile.ops.composing import extents, real, tensor
from fncompile.ops.creation import arange
from fncompile.ops.dispatch import op
from fncompile.ops.elementwise import maximum
from fncompile.ops.logic import where
from fncompile.ops.reductions import cumsum
from fncompile.ops.reductions import max as max_of
from fncompile.ops.reductions import sum as sum_of
from fncompile.ops.shaping import moveaxis
from fncompile.ops.sorting import sort
from fncompile.ops.types import Result, TensorLike


@op
def sparsemax(x: TensorLike, axis: int = -1) -> Result:
    """`max(x - tau, 0)`, where tau makes the sum along the axis 1 (Martins and Astudillo 2016): the
    nearest probabilities to `x`.

    `x`: a tensor of at least one axis; whole numbers are taken as floatx. The result has its shape.

    >>> ops.sparsemax([1.0, 0.5, -1.0])
    array([0.75, 0.25, 0.  ], dtype=float32)
    """
    given: Any = moveaxis(real(x), axis, -1)
    z = given - stop_gradient(max_of(given, axis=-1, keepdims=True))  # only for the rounding
    falling = -sort(-stop_gradient(z))
    ranks: Any = cast(arange(1, extents(z)[-1] + 1), z.dtype)
    inside = 1.0 + ranks * falling > cumsum(falling, axis=-1)
    least = where(inside, falling, 0.0)  # the largest is 0, and inside
    support = z >= -max_of(-least, axis=-1, keepdims=True)
    count = sum_of(cast(support, z.dtype), axis=-1, keepdims=True)
    total = sum_of(where(support, z, tensor(0.0, z.dtype)), axis=-1, keepdims=True)
    return moveaxis(maximum(z - (total - 1.0) / count, 0.0), -1, axis)
