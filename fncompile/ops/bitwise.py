"""Integers bit by bit; of bools the logical functions."""

from __future__ import annotations

import numpy as np

from fncompile.graph.eager import known_value
from fncompile.ir import build
from fncompile.ir.elements import decode, encode, fit
from fncompile.ir.node import Node
from fncompile.ir.types import DTYPES, is_float
from fncompile.ops.dispatch import as_number, node, op, promote, standard_dtype
from fncompile.ops.types import DTypeLike, Result, TensorLike


def _integers(name: str, *xs: TensorLike) -> list[Node]:
    found = promote(*xs)
    if is_float(found[0].dtype):
        raise ValueError(f"`{name}` takes integers or bools. Received: dtype={found[0].dtype}")
    return found


@op
def bitwise_and(x: TensorLike, y: TensorLike) -> Result:
    """The bits that both have.

    `x`, `y`: integers or bools whose shapes broadcast; ValueError otherwise.

    >>> ops.bitwise_and([12, 5], 6)
    array([4, 4], dtype=int32)
    """
    return build.ew("and", *_integers("bitwise_and", x, y))


@op
def bitwise_or(x: TensorLike, y: TensorLike) -> Result:
    """The bits that one has at least.

    `x`, `y`: integers or bools whose shapes broadcast; ValueError otherwise.

    >>> ops.bitwise_or([12, 5], 6)
    array([14,  7], dtype=int32)
    """
    return build.ew("or", *_integers("bitwise_or", x, y))


@op
def bitwise_xor(x: TensorLike, y: TensorLike) -> Result:
    """The bits that one of them has.

    `x`, `y`: integers or bools whose shapes broadcast; ValueError otherwise.

    >>> ops.bitwise_xor([12, 5], 6)
    array([10,  3], dtype=int32)
    """
    a, b = _integers("bitwise_xor", x, y)
    if a.dtype == "bool":
        return build.ew("not", build.ew("eq", a, b))
    return build.ew("xor", a, b)


@op
def bitwise_not(x: TensorLike) -> Result:
    """All bits turned around: `-1 - x` of signed integers.

    `x`: integers or bools; ValueError otherwise. The result has the shape of `x`.

    >>> ops.bitwise_not([0, 5])
    array([-1, -6], dtype=int32)
    """
    return build.ew("not", *_integers("bitwise_not", x))


bitwise_invert = bitwise_not


@op
def bitwise_left_shift(x: TensorLike, y: TensorLike) -> Result:
    """`x * 2**y`, without the bits that leave; 0 where `y` is not from 0 to the number of bits.

    `x`, `y`: integers whose shapes broadcast; ValueError otherwise.

    >>> ops.bitwise_left_shift([1, 5], [3, 1])
    array([ 8, 10], dtype=int32)
    """
    x, count, inside = _shifted("bitwise_left_shift", x, y)
    return build.ew("select", inside, build.ew("shl", x, count), build.like(x, 0))


@op
def bitwise_right_shift(x: TensorLike, y: TensorLike) -> Result:
    """`x // 2**y`; where `y` is not from 0 to the number of bits 0, and -1 of negative numbers.

    `x`, `y`: integers whose shapes broadcast; ValueError otherwise.

    >>> ops.bitwise_right_shift([16, -5], [3, 1])
    array([ 2, -3], dtype=int32)
    """
    x, count, inside = _shifted("bitwise_right_shift", x, y)
    if DTYPES[x.dtype].kind == "i":  # one bit less than all leaves the sign
        last = build.like(x, 8 * DTYPES[x.dtype].size - 1)
        return build.ew("shr", x, build.ew("select", inside, count, last))
    return build.ew("select", inside, build.ew("shr", x, count), build.like(x, 0))


left_shift, right_shift = bitwise_left_shift, bitwise_right_shift


def _shifted(name: str, x: TensorLike, y: TensorLike) -> tuple[Node, Node, Node]:
    """What to shift, by how many bits, 0 where there are not so many, and are there so many?"""
    x, count = (as_number(n) for n in _integers(name, x, y))
    zero, bits = build.like(x, 0), build.like(x, 8 * DTYPES[x.dtype].size)
    inside = build.ew("and", build.ew("le", zero, count), build.ew("lt", count, bits))
    return x, build.ew("select", inside, count, zero), inside


@op
def view(x: TensorLike, dtype: DTypeLike | None = None) -> Result:
    """The bits of `x` read as numbers of another dtype. On arrays alone: no op of a graph does it.

    `x`: an array; `dtype`: its own if None. The last axis becomes as much longer or shorter as the
    new numbers are narrower or wider; ValueError where that does not come out even, of a scalar
    that would change its size, and in a graph.

    >>> ops.view(np.array([1.0, -2.0], "float32"), "uint32")
    array([1065353216, 3221225472], dtype=uint32)
    """
    own = node(x).dtype
    wanted = own if dtype is None else standard_dtype(dtype)
    value = known_value(x)
    if value is None:
        raise ValueError(
            "`view` works on arrays alone: no op of a graph reads the bits of a number as another "
            "number. `cast` converts its value; or call `view` before the graph, on arrays."
        )
    stored = np.ascontiguousarray(encode(fit(value, own), own)).reshape(value.shape)
    bits = "uint8" if wanted == "bool" else wanted
    try:
        read = stored.view(DTYPES[bits].storage)
    except ValueError as error:
        raise ValueError(
            f"`view` cannot read {own} of shape {value.shape} as {wanted}: {error}"
        ) from None
    return build.const(decode(read, bits) if wanted == bits else read != 0, wanted)
