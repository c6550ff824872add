"""Numbers of even and of normal distributions, whole numbers, choices."""

from __future__ import annotations

import math
from typing import Any

from fncompile.config import floatx
from fncompile.ir import build
from fncompile.ir.node import Node
from fncompile.ir.types import DTYPES, is_float
from fncompile.ops import erfinv, take
from fncompile.ops.axes import canonical_axis, canonical_shape, display
from fncompile.ops.dispatch import as_float, node, op, standard_dtype, widened
from fncompile.ops.types import Axis, DTypeLike, Result, ShapeLike, TensorLike
from fncompile.random.seeds import draw_seed


def float_dtype(dtype: Any, function: str) -> str:
    dtype = floatx() if dtype is None else standard_dtype(dtype)
    if not is_float(dtype):
        raise ValueError(
            f"`keras.random.{function}` requires a floating point `dtype`. Received: dtype={dtype}"
        )
    return dtype


def evenly(seed: Any, shape, dtype: str) -> Node:
    return build.uniform(draw_seed(seed), canonical_shape(shape), dtype)


def _affine(x: Node, scale, offset) -> Node:
    return build.ew("add", build.ew("mul", x, node(scale, x.dtype)), node(offset, x.dtype))


@op
def uniform(
    shape: ShapeLike,
    minval: TensorLike = 0.0,
    maxval: TensorLike = 1.0,
    dtype: DTypeLike | None = None,
    seed: Any = None,
) -> Result:
    """Evenly distributed in [minval, maxval).

    `shape`: extents; `minval`, `maxval`: numbers or tensors that broadcast; `dtype`: a floating-
    point one, floatx if None, ValueError otherwise; `seed`: see the module.

    >>> x = random.uniform((1000,), 2.0, 3.0, seed=1)
    >>> x.shape, bool(x.min() >= 2), bool(x.max() < 3)
    ((1000,), True, True)
    """
    u = evenly(seed, shape, float_dtype(dtype, "uniform"))
    low, high = node(minval, u.dtype), node(maxval, u.dtype)
    return _affine(u, build.ew("sub", high, low), low)


@op
def normal(
    shape: ShapeLike,
    mean: TensorLike = 0.0,
    stddev: TensorLike = 1.0,
    dtype: DTypeLike | None = None,
    seed: Any = None,
) -> Result:
    """Normally distributed, by Box and Muller from two uniform numbers each.

    None lies further out than √(-2 log 2**-24) = 5.77 standard deviations (one in 10**8 would).

    `shape`: extents; `mean`, `stddev`: numbers or tensors that broadcast; `dtype`: a floating-point
    one, floatx if None, ValueError otherwise; `seed`: see the module.

    >>> random.normal((2, 3), seed=1).shape
    (2, 3)
    """
    dtype = float_dtype(dtype, "normal")
    if DTYPES[dtype].widens:
        wide = normal(shape, mean, stddev, DTYPES[dtype].in_register, seed)
        return build.cast(node(wide), dtype)
    u = evenly(seed, (2, *canonical_shape(shape)), dtype)
    first, angle = (build.reshape(build.slice_axis(u, 0, i, 1), u.shape[1:]) for i in (0, 1))
    above_zero = build.ew("sub", build.like(u, 1), first)
    radius = build.ew("sqrt", build.ew("mul", build.ew("log", above_zero), build.like(u, -2)))
    turn = build.ew("cos", build.ew("mul", angle, build.like(u, 2 * math.pi)))
    return _affine(build.ew("mul", radius, turn), stddev, mean)


@op
def truncated_normal(
    shape: ShapeLike,
    mean: TensorLike = 0.0,
    stddev: TensorLike = 1.0,
    dtype: DTypeLike | None = None,
    seed: Any = None,
) -> Result:
    """Normally distributed, given that it lies within two standard deviations of the mean.

    By the inverse of the distribution function: √2 erfinv(u) for u even in ±erf(√2).

    `shape`: extents; `mean`, `stddev`: numbers or tensors that broadcast; `dtype`: a floating-point
    one, floatx if None, ValueError otherwise; `seed`: see the module.

    >>> bool((abs(random.truncated_normal((1000,), seed=1)) <= 2).all())
    True
    """
    dtype = float_dtype(dtype, "truncated_normal")
    if DTYPES[dtype].widens:
        wide = truncated_normal(shape, mean, stddev, DTYPES[dtype].in_register, seed)
        return build.cast(node(wide), dtype)
    u = evenly(seed, shape, dtype)
    limit = math.erf(math.sqrt(2))
    z = erfinv(_affine(u, 2 * limit, -limit)).node
    z = build.ew("mul", z, build.like(u, math.sqrt(2)))
    z = build.ew("max", build.ew("min", z, build.like(u, 2)), build.like(u, -2))
    return _affine(z, stddev, mean)


@op
def randint(
    shape: ShapeLike,
    minval: TensorLike,
    maxval: TensorLike,
    dtype: DTypeLike | None = "int32",
    seed: Any = None,
) -> Result:
    """Integers in [minval, maxval): 32 random bits modulo the range (bias at most range/2**32).

    `shape`: extents; `minval`, `maxval`: whole numbers; `dtype`: one of whole numbers, ValueError
    otherwise; `seed`: see the module.

    >>> random.randint((4,), 0, 2, seed=1).dtype
    dtype('int32')
    """
    dtype = standard_dtype(dtype)
    if is_float(dtype) or dtype == "bool":
        raise ValueError(
            f"`keras.random.randint` requires an integer `dtype`. Received: dtype={dtype} "
        )
    low, high = node(minval, "int64"), node(maxval, "int64")
    bits = build.cast(build.bits(draw_seed(seed), canonical_shape(shape)), "int64")
    offset = build.ew("mod", bits, build.ew("sub", high, low))
    return build.cast(build.ew("add", offset, low), dtype)


@op
def bernoulli(shape, probability=0.5, dtype=None, seed=None):
    """1 with the given probability, else 0."""
    u = evenly(seed, shape, floatx())
    return build.cast(
        build.ew("lt", u, node(probability, u.dtype)), standard_dtype(dtype or floatx())
    )


@op
def dropout(inputs: TensorLike, rate: float, noise_shape: Any = None, seed: Any = None) -> Result:
    """Each element 0 with probability `rate`, else divided by `1 - rate`.

    `noise_shape` has 1 where a decision is shared by a whole axis, None for the input's extent.

    `inputs`: a tensor; `rate`: the share of zeros; `noise_shape`: extents of 1 where one number
    serves all; `seed`: see the module.

    >>> sorted(set(random.dropout(np.ones(100), 0.5, seed=1).tolist()))
    [0.0, 2.0]
    """
    x = as_float(inputs)
    given = x.shape if noise_shape is None else tuple(noise_shape)
    if len(given) != x.ndim:
        raise ValueError(
            f"`noise_shape` must have the rank of the inputs, {x.ndim}. "
            f"Received: noise_shape={noise_shape}"
        )
    shape = tuple(n if d is None else d for n, d in zip(x.shape, given))
    chance = widened(x).dtype  # 8 random bits are too few for most rates
    keep = build.ew("le", node(rate, chance), evenly(seed, shape, chance))
    kept = build.ew("div", x, build.ew("sub", build.like(x, 1), node(rate, x.dtype)))
    return build.ew("select", keep, kept, build.like(x, 0))


@op
def categorical(
    logits: TensorLike, num_samples: int, dtype: DTypeLike | None = "int32", seed: Any = None
) -> Result:
    """Classes drawn from each row of `logits`, (rows, num_samples): argmax of logits + Gumbel.

    `logits`: (rows, classes); `num_samples`: how many from each; `dtype`: one of whole numbers;
    `seed`: see the module.

    >>> random.categorical([[0.0, -1e9]], 3, seed=1)
    array([[0, 0, 0]], dtype=int32)
    """
    logits = widened(as_float(logits))
    if logits.ndim != 2:
        raise ValueError(
            "`logits` should be a 2-D tensor with shape [batch_size, num_classes]. "
            f"Received: logits.shape={display(logits.shape)}"
        )
    rows, classes = logits.shape
    u = evenly(seed, (rows, num_samples, classes), logits.dtype)
    above_zero = build.ew("sub", build.like(u, 1), u)
    exponential = build.ew("neg", build.ew("log", above_zero))
    gumbel = build.ew("neg", build.ew("log", exponential))
    scores = build.ew("add", build.expand_dims(logits, (1,)), gumbel)
    return build.cast(build.argmax(scores, 2), standard_dtype(dtype))


@op
def shuffle(x: TensorLike, axis: Axis = 0, seed: Any = None) -> Result:
    """`x` with the positions along `axis` in random order.

    The place of a row is the rank of its random key, found by comparing all pairs: for some
    thousands of rows, not for whole data sets.

    `x`: a tensor; `axis`: one axis; `seed`: see the module.

    >>> sorted(random.shuffle(np.arange(4), seed=1).tolist())
    [0, 1, 2, 3]
    """
    x = node(x)
    axis = canonical_axis(axis, x.ndim)
    n = x.shape[axis]
    keys = build.bits(draw_seed(seed), (n,))
    mine, other = build.expand_dims(keys, (1,)), build.expand_dims(keys, (0,))
    earlier = build.ew("lt", build.iota((n, n), 1), build.iota((n, n), 0))
    before = build.ew(
        "or", build.ew("lt", other, mine), build.ew("and", build.ew("eq", other, mine), earlier)
    )
    rank = build.reduce(build.cast(before, "int32"), "sum", (1,))
    return take(x, rank, axis)
