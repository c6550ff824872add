"""Random tensors. The bits come from Philox, so compiled code and the interpreter agree.

Every function takes `seed`: an int gives the same values at each call; a `SeedGenerator` moves on
with each call, in compiled models too; None uses one global generator (`set_global_seed`).
Uniform numbers have 24 random bits, 8 in bfloat16, from which no other distribution is made.
"""

from __future__ import annotations

import itertools
import math
import random as python_random
from typing import Any

import numpy as np

from fncompile.config import floatx
from fncompile.flags import flag
from fncompile.graph.naming import auto_name
from fncompile.graph.tensor import Tensor
from fncompile.graph.trace import current_trace
from fncompile.graph.variable import Variable
from fncompile.ir import build
from fncompile.ir.node import Node
from fncompile.ir.types import DTYPES, is_float
from fncompile.missing import explain_missing
from fncompile.ops import erfinv, take
from fncompile.ops.axes import canonical_axis, canonical_shape, display
from fncompile.ops.dispatch import as_float, node, op, standard_dtype, widened
from fncompile.ops.types import Axis, DTypeLike, Result, ShapeLike, TensorLike

# state ----------------------------------------------------------------------------------------


class SeedGenerator:
    """A source of seeds with a state, the variable `seed_generator_state` = (seed, counter).

    `seed=None` draws one, from the switch FNC_SEED or Python's `random` module. Raises ValueError
    on a seed that is not an integer.

    `seed`: a whole number or None; `name`: that of the variable's path.

    >>> seed = random.SeedGenerator(7)
    >>> bool((random.uniform((3,), seed=seed) == random.uniform((3,), seed=seed)).all())
    False
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any):
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments: {kwargs}")
        seed = make_default_seed() if seed is None else seed
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
            raise ValueError(f"Argument `seed` must be an integer. Received: seed={seed}")
        self.name = name or auto_name("seed_generator")
        self._initial_seed = int(seed)
        self.state = Variable(
            _key(self._initial_seed), dtype="uint32", trainable=False,
            name="seed_generator_state", path=f"{self.name}/seed_generator_state",
        )  # fmt: skip

    @property
    def variables(self) -> list[Variable]:
        """The state, as the only one."""
        return [self.state]

    def next(self, ordered: bool = True) -> Any:
        """The present state, as the seed of one draw; the counter moves on."""
        seed = Tensor(node(self.state)) if current_trace() is not None else self.state.numpy()
        self.state.assign(self.state + np.array([0, 1], "uint32"))
        return seed

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON."""
        return {"seed": self._initial_seed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        """A generator from what `get_config` gave, at its beginning."""
        return cls(**config)


_unseeded = itertools.count()


def make_default_seed() -> int:
    """A seed for what was given none: another each time, so that two layers do not start alike."""
    chosen = flag("seed")
    return python_random.randint(1, 10**9) if chosen is None else chosen + next(_unseeded)


def _key(seed: int) -> np.ndarray:
    return np.array([seed & 0xFFFFFFFF, 0], "uint32")


_global: SeedGenerator | None = None


def global_seed_generator() -> SeedGenerator:
    """The generator behind `seed=None`."""
    global _global
    if _global is None:
        _global = SeedGenerator(name="global_seed_generator")
    return _global


def set_global_seed(seed: int) -> None:
    """Start the global generator again from `seed` (part of `utils.set_random_seed`)."""
    global_seed_generator().state.assign(_key(seed))


def draw_seed(seed: Any) -> Node:
    """The node u32[2] that a `seed` argument stands for."""
    if seed is None:
        seed = global_seed_generator()
    if hasattr(seed, "next"):
        return node(seed.next(ordered=False))
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool):
        return build.const(_key(int(seed)), "uint32")
    return node(seed, "uint32")


def _float_dtype(dtype: Any, function: str) -> str:
    dtype = floatx() if dtype is None else standard_dtype(dtype)
    if not is_float(dtype):
        raise ValueError(
            f"`keras.random.{function}` requires a floating point `dtype`. Received: dtype={dtype}"
        )
    return dtype


# distributions --------------------------------------------------------------------------------


def _uniform(seed: Any, shape, dtype: str) -> Node:
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
    u = _uniform(seed, shape, _float_dtype(dtype, "uniform"))
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
    dtype = _float_dtype(dtype, "normal")
    if DTYPES[dtype].widens:
        wide = normal(shape, mean, stddev, DTYPES[dtype].in_register, seed)
        return build.cast(node(wide), dtype)
    u = _uniform(seed, (2, *canonical_shape(shape)), dtype)
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
    dtype = _float_dtype(dtype, "truncated_normal")
    if DTYPES[dtype].widens:
        wide = truncated_normal(shape, mean, stddev, DTYPES[dtype].in_register, seed)
        return build.cast(node(wide), dtype)
    u = _uniform(seed, shape, dtype)
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
    u = _uniform(seed, shape, floatx())
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
    keep = build.ew("le", node(rate, chance), _uniform(seed, shape, chance))
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
    u = _uniform(seed, (rows, num_samples, classes), logits.dtype)
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


__all__ = [
    "SeedGenerator",
    "categorical",
    "dropout",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]

explain_missing(__name__)
