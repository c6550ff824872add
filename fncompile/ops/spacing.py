"""Numbers with equal ratios between them."""

from __future__ import annotations

from typing import Any

from fncompile.ops.casting import cast
from fncompile.ops.composing import reals, tensor
from fncompile.ops.creation import arange, linspace
from fncompile.ops.dispatch import op
from fncompile.ops.elementwise import absolute, power
from fncompile.ops.functions import exp, log
from fncompile.ops.logic import equal, where
from fncompile.ops.shaping import expand_dims, moveaxis
from fncompile.ops.types import DTypeLike, Result, TensorLike


@op
def logspace(
    start: TensorLike,
    stop: TensorLike,
    num: int = 50,
    endpoint: bool = True,
    base: TensorLike = 10,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Result:
    """`base` to the powers that `linspace` gives.

    `start`, `stop`: the first and last exponent, numbers or tensors that broadcast; `num`: how
    many; `endpoint`: whether the last is one of them; `axis`: the new one; `dtype`: of the result.

    >>> ops.logspace(0, 2, num=3)
    array([  1.,  10., 100.], dtype=float32)
    """
    first, last, own = _wide(start, stop)
    exponents = linspace(first, last, num, endpoint=endpoint, axis=axis)
    found = power(cast(tensor(base), "float64"), exponents)
    return cast(found, own if dtype is None else dtype)


@op
def geomspace(
    start: TensorLike,
    stop: TensorLike,
    num: int = 50,
    endpoint: bool = True,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Result:
    """Numbers of which each is the same multiple of the one before.

    `start`, `stop`: the first and last, numbers or tensors that broadcast, of one sign and not 0;
    `num`: how many; `endpoint`: whether the last is one of them; `axis`: the new one; `dtype`: of
    the result.

    >>> ops.geomspace(1.0, 8.0, num=4)
    array([1., 2., 4., 8.], dtype=float32)
    """
    first, last, own = _wide(start, stop)
    logs = linspace(log(absolute(first)), log(absolute(last)), num, endpoint=endpoint, axis=0)
    found = exp(logs)
    found = where(first < 0, -found, found)
    shape = (num,) + (1,) * (len(found.shape) - 1)
    at = expand_dims(arange(num), tuple(range(1, len(shape))))
    found = where(equal(at, 0), first, found)  # the ends are exact
    if endpoint and num > 1:
        found = where(equal(at, num - 1), last, found)
    return cast(moveaxis(found, 0, axis), own if dtype is None else dtype)


def _wide(start: TensorLike, stop: TensorLike) -> tuple[Any, Any, str]:
    """Both in float64, and the floating-point dtype that they have in common."""
    first, last = reals(start, stop)
    return cast(first, "float64"), cast(last, "float64"), first.dtype
