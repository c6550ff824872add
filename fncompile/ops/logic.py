"""Comparisons, logic and tests of numbers; all give bools."""

from __future__ import annotations

import math

import numpy as np

from fncompile.graph.eager import known_value
from fncompile.ir import build
from fncompile.ir.node import Node
from fncompile.ir.types import is_float
from fncompile.ops.dispatch import as_number, node, op, promote
from fncompile.ops.types import Result, TensorLike


def truth(x) -> Node:
    """ "Is it not zero?" as a node; NaN is not zero."""
    return build.cast(node(x), "bool")


def _less(x1, x2) -> Node:
    return build.ew("lt", *(as_number(x) for x in promote(x1, x2)))


def _less_equal(x1, x2) -> Node:
    return build.ew("le", *(as_number(x) for x in promote(x1, x2)))


@op
def equal(x1: TensorLike, x2: TensorLike) -> Result:
    """`x1 == x2`; NaN equals nothing.

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise. The result is bool.

    >>> ops.equal([1, 2], [1, 3])
    array([ True, False])
    """
    return build.ew("eq", *promote(x1, x2))


@op
def not_equal(x1: TensorLike, x2: TensorLike) -> Result:
    """`x1 != x2`.

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise. The result is bool. NaN is
    unequal to itself.

    >>> ops.not_equal([1, 2], [1, 3])
    array([False,  True])
    """
    return build.ew("not", build.ew("eq", *promote(x1, x2)))


@op
def less(x1: TensorLike, x2: TensorLike) -> Result:
    """`x1 < x2`.

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise. The result is bool.

    >>> ops.less([1, 2, 3], 2)
    array([ True, False, False])
    """
    return _less(x1, x2)


@op
def less_equal(x1: TensorLike, x2: TensorLike) -> Result:
    """`x1 <= x2`.

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise. The result is bool.

    >>> ops.less_equal([1, 2, 3], 2)
    array([ True,  True, False])
    """
    return _less_equal(x1, x2)


@op
def greater(x1: TensorLike, x2: TensorLike) -> Result:
    """`x1 > x2`.

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise. The result is bool.

    >>> ops.greater([1, 2, 3], 2)
    array([False, False,  True])
    """
    return _less(x2, x1)


@op
def greater_equal(x1: TensorLike, x2: TensorLike) -> Result:
    """`x1 >= x2`.

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise. The result is bool.

    >>> ops.greater_equal([1, 2, 3], 2)
    array([False,  True,  True])
    """
    return _less_equal(x2, x1)


@op
def logical_and(x1: TensorLike, x2: TensorLike) -> Result:
    """Both are not zero.

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise. The result is bool.

    >>> ops.logical_and([True, True], [True, False])
    array([ True, False])
    """
    return build.ew("and", truth(x1), truth(x2))


@op
def logical_or(x1: TensorLike, x2: TensorLike) -> Result:
    """At least one is not zero.

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise. The result is bool.

    >>> ops.logical_or([0, 0], [0, 5])
    array([False,  True])
    """
    return build.ew("or", truth(x1), truth(x2))


@op
def logical_xor(x1: TensorLike, x2: TensorLike) -> Result:
    """Exactly one is not zero.

    `x1`, `x2`: tensors whose shapes broadcast, ValueError otherwise. The result is bool.

    >>> ops.logical_xor([True, True], [True, False])
    array([False,  True])
    """
    return build.ew("not", build.ew("eq", truth(x1), truth(x2)))


@op
def logical_not(x: TensorLike) -> Result:
    """It is zero.

    `x`: a tensor of any shape and dtype. The result is bool, in its shape.

    >>> ops.logical_not([0, 2])
    array([ True, False])
    """
    return build.ew("not", truth(x))


@op
def isnan(x: TensorLike) -> Result:
    """It is NaN.

    `x`: a tensor of any shape. The result is bool, in its shape.

    >>> ops.isnan([1.0, np.nan])
    array([False,  True])
    """
    x = node(x)
    return build.ew("not", build.ew("eq", x, x))


@op
def isfinite(x: TensorLike) -> Result:
    """It is neither NaN nor infinite.

    `x`: a tensor of any shape. The result is bool, in its shape.

    >>> ops.isfinite([1.0, np.nan, np.inf])
    array([ True, False, False])
    """
    x = node(x)
    if not is_float(x.dtype):
        return build.full(x.shape, True, "bool")
    return build.ew("lt", build.ew("abs", x), build.like(x, math.inf))


@op
def isinf(x: TensorLike) -> Result:
    """It is infinite.

    `x`: a tensor of any shape. The result is bool, in its shape.

    >>> ops.isinf([1.0, np.nan, -np.inf])
    array([False, False,  True])
    """
    x = node(x)
    if not is_float(x.dtype):
        return build.full(x.shape, False, "bool")
    return build.ew("eq", build.ew("abs", x), build.like(x, math.inf))


@op
def signbit(x: TensorLike) -> Result:
    """Is it below 0, or a negative zero?

    `x`: a tensor of any shape. The result is bool, in its shape.

    >>> ops.signbit([1.0, -2.0, -0.0])
    array([False,  True,  True])
    """
    x = as_number(x)
    return build.ew("signbit", x) if is_float(x.dtype) else build.ew("lt", x, build.like(x, 0))


@op
def where(
    condition: TensorLike, x1: TensorLike | None = None, x2: TensorLike | None = None
) -> Result:
    """`x1` where the condition holds, else `x2`; all three broadcast.

    With the condition alone, its positions: one array of indices for each axis. ValueError where
    its numbers are not known, as the shape of the result depends on them.

    `condition`: a tensor, true where it is not zero; `x1`, `x2`: tensors that broadcast with it.

    >>> ops.where([True, False], [1, 2], 0)
    array([1, 0], dtype=int32)
    >>> ops.where(np.array([[0, 1], [1, 0]]))
    (array([0, 1], dtype=int32), array([1, 0], dtype=int32))
    """
    if x1 is None and x2 is None:
        return _positions(condition)
    if x1 is None or x2 is None:
        raise ValueError(
            "`x1` and `x2` either both should be `None`, or both be given. "
            f"Received: x1={x1}, x2={x2}"
        )
    return build.ew("select", truth(condition), *promote(x1, x2))


def _positions(condition) -> tuple[Node, ...]:
    value = known_value(condition)
    if value is None:
        raise ValueError(
            "`where(condition)` needs both `x1` and `x2` here: in a compiled program shapes cannot "
            "depend on the values of `condition`."
        )
    return tuple(build.const(index, "int32") for index in np.nonzero(value))
