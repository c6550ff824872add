"""Numbers of gamma, beta and binomial distributions."""

from __future__ import annotations

import math
from typing import Any

from fncompile.graph.eager import known_value
from fncompile.graph.tensor import Tensor
from fncompile.ir.types import DTYPES
from fncompile.ops import (
    arange,
    cast,
    cos,
    exp,
    log,
    logical_and,
    reshape,
    sigmoid,
    sqrt,
    stack,
    where,
    zeros,
)
from fncompile.ops import sum as total
from fncompile.ops.axes import canonical_shape
from fncompile.ops.dispatch import op
from fncompile.ops.types import DTypeLike, Result, ShapeLike, TensorLike
from fncompile.random.distributions import evenly, float_dtype

_TRIES = 12  # each is taken with a chance of 95 % or more: one in 10**15 finds none


@op
def gamma(
    shape: ShapeLike,
    alpha: TensorLike,
    dtype: DTypeLike | None = None,
    seed: Any = None,
) -> Result:
    """Distributed by the gamma distribution of the parameter `alpha`, above 0, and scale 1.

    By Marsaglia and Tsang, "A simple method for generating gamma variables", 2000: the first of
    twelve tries that is taken.

    `shape`: extents; `alpha`: a number or a tensor that broadcasts; `dtype`: a floating-point one,
    floatx if None, ValueError otherwise; `seed`: see the module.

    >>> x = random.gamma((20000,), 3.0, seed=1)
    >>> bool(abs(x.mean() - 3.0) < 0.05), bool(abs(x.var() - 3.0) < 0.1)
    (True, True)
    """
    dtype = float_dtype(dtype, "gamma")
    drawn, scale = _drawn(canonical_shape(shape), alpha, DTYPES[dtype].in_register, seed)
    return cast(drawn * exp(scale), dtype)


def _drawn(shape: Any, alpha: Any, dtype: str, seed: Any) -> tuple[Any, Any]:
    """Numbers, and the logarithms of what they are to be multiplied by: with parameters below 1 the
    products may be too small to tell from 0."""
    # One seed for all draws: what is given may be a plain number, and draws must differ.
    u = Tensor(evenly(seed, (3 * _TRIES + 1, *shape), dtype))
    alpha = cast(alpha, dtype)
    d = where(alpha < 1.0, alpha + 1.0, alpha) - 1.0 / 3.0
    c = 1.0 / sqrt(9.0 * d)
    found = d + 0.0 * u[0]
    for i in reversed(range(_TRIES)):
        x = sqrt(-2.0 * log(1.0 - u[3 * i])) * cos(2 * math.pi * u[3 * i + 1])
        v = (1.0 + c * x) ** 3
        limit = 0.5 * x * x + d * (1.0 - v + log(where(v > 0.0, v, 1.0)))
        taken = logical_and(v > 0.0, log(1.0 - u[3 * i + 2]) < limit)
        found = where(taken, d * v, found)
    return found, where(alpha < 1.0, log(1.0 - u[3 * _TRIES]) / alpha, 0.0)


@op
def beta(
    shape: ShapeLike,
    alpha: TensorLike,
    beta: TensorLike,
    dtype: DTypeLike | None = None,
    seed: Any = None,
) -> Result:
    """Distributed by the beta distribution of the parameters `alpha` and `beta`, above 0: the share
    of the first of two numbers of gamma distributions.

    `shape`: extents; `alpha`, `beta`: numbers or tensors that broadcast; `dtype`: a floating-point
    one, floatx if None, ValueError otherwise; `seed`: see the module.

    >>> x = random.beta((20000,), 2.0, 6.0, seed=1)
    >>> bool(abs(x.mean() - 0.25) < 0.01)
    True
    """
    dtype = float_dtype(dtype, "beta")
    wide, shape = DTYPES[dtype].in_register, canonical_shape(shape)
    both = stack([cast(p, wide) + zeros(shape, wide) for p in (alpha, beta)])
    drawn, scale = _drawn((2, *shape), both, wide, seed)
    logs = log(drawn) + scale
    return cast(sigmoid(logs[0] - logs[1]), dtype)


@op
def binomial(
    shape: ShapeLike,
    counts: TensorLike,
    probabilities: TensorLike,
    dtype: DTypeLike | None = None,
    seed: Any = None,
) -> Result:
    """How many of `counts` trials succeed that do so with `probabilities`: each is made.

    `shape`: extents; `counts`: whole numbers at hand, ValueError for those that are computed;
    `probabilities`: numbers or tensors that broadcast; `dtype`: floatx if None, ValueError unless
    floating-point; `seed`: see the module.

    >>> x = random.binomial((20000,), 10, 0.3, seed=1)
    >>> bool(abs(x.mean() - 3.0) < 0.05)
    True
    """
    dtype = float_dtype(dtype, "binomial")
    known = known_value(counts)
    if known is None or known.size == 0:
        raise ValueError("`counts` must be numbers that are known: as many trials are made.")
    trials = int(known.max())
    shape = canonical_shape(shape)
    u = Tensor(evenly(seed, (trials, *shape), "float32"))
    number = reshape(arange(trials), (trials, *(1,) * len(shape)))
    made = logical_and(u < cast(probabilities, "float32"), number < cast(counts, "int32"))
    return cast(total(cast(made, "float32"), axis=0), dtype)
