"""Equations, inverses and determinants: loops over columns, in graphs, with gradients.

A matrix that has no inverse gives infinities or NaN, and one that is not positive definite NaN, as
nothing can be raised from compiled code; `cholesky` says it of arrays. Leading axes are a batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile.graph.eager import in_eager_call, known_value
from fncompile.graph.tensor import Tensor
from fncompile.ops.axes import display
from fncompile.ops.casting import cast
from fncompile.ops.composing import extents, known, real, reals, tensor
from fncompile.ops.creation import arange, eye
from fncompile.ops.dispatch import op
from fncompile.ops.elementwise import absolute
from fncompile.ops.elementwise import sign as sign_of
from fncompile.ops.functions import log, sqrt
from fncompile.ops.joining import concatenate
from fncompile.ops.logic import equal, where
from fncompile.ops.products import diagonal, matmul
from fncompile.ops.reductions import argmax, prod
from fncompile.ops.reductions import sum as sum_of
from fncompile.ops.scanning import scan
from fncompile.ops.shaping import broadcast_to, expand_dims, flip, moveaxis, swapaxes
from fncompile.ops.types import Result, TensorLike


def _square(name: str, x: TensorLike) -> tuple[Tensor, int]:
    """A matrix, and how many rows it has; ValueError where it is not square."""
    a = real(x)
    if len(a.shape) < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(
            f"`{name}` takes square matrices (..., n, n). Expected a square matrix. "
            f"Received: shape={display(a.shape)}"
        )
    return a, known(f"The size of the matrices that `{name}` takes", a.shape[-1])[0]


def _steps(n: Any) -> Any:
    return arange(n, dtype="int32")


@op
def cholesky(x: TensorLike, upper: bool = False) -> Result:
    """The lower triangular L with L Lᵀ = x, or the upper Lᵀ.

    `x`: symmetric positive definite matrices (..., n, n) of a known n, ValueError otherwise; the
    lower triangle is read. Where it is not positive definite, NaN in compiled code, ValueError in a
    call on arrays.

    >>> ops.cholesky([[4.0, 2.0], [2.0, 5.0]])
    array([[2., 0.],
           [1., 2.]], dtype=float32)
    """
    a, n = _square("cholesky", x)
    rows = _steps(n)

    def turn(rest: Any, k: Any) -> Any:
        here = cast(equal(rows, k), rest.dtype)
        column = sum_of(rest * here, axis=-1)
        pivot = sum_of(column * here, axis=-1, keepdims=True)
        column = where(rows >= k, column / sqrt(pivot), 0.0)
        return rest - expand_dims(column, -1) * expand_dims(column, -2), column

    _, columns = scan(turn, a, rows)
    found = known_value(columns) if in_eager_call() else None  # None inside the turn of a loop
    if found is not None and np.isnan(found).any():
        raise ValueError("`cholesky` takes positive definite matrices. Received others")
    return moveaxis(columns, 0, -2) if upper else moveaxis(columns, 0, -1)


@op
def cholesky_inverse(x: TensorLike, upper: bool = False) -> Result:
    """The inverse of the matrix whose factor `x` is.

    `x`: what `cholesky` gives, (..., n, n); `upper`: whether it is the upper triangle.

    >>> ops.cholesky_inverse([[2.0, 0.0], [1.0, 2.0]])
    array([[ 0.3125, -0.125 ],
           [-0.125 ,  0.25  ]], dtype=float32)
    """
    factor, n = _square("cholesky_inverse", x)
    low = swapaxes(factor, -1, -2) if upper else factor
    inverse = solve_triangular(low, eye(n, dtype=factor.dtype), lower=True)
    return matmul(swapaxes(inverse, -1, -2), inverse)


def _eliminated(m: Any, n: int) -> tuple[Any, Any]:
    """Gauss' elimination of the first n columns, with the largest pivot of each column: below the
    diagonal stand the multipliers. And the row that was exchanged with each."""
    rows, columns = (_steps(extent) for extent in extents(m)[-2:])

    def turn(m: Any, k: Any) -> Any:
        here = cast(equal(columns, k), m.dtype)
        column = sum_of(m * here, axis=-1)
        size = where(rows >= k, absolute(column), -1.0)
        pivot = cast(argmax(size, axis=-1, keepdims=True), "int32")
        this, other = equal(rows, k), equal(rows, pivot)
        first, second = _row(m, this), _row(m, other)
        m = where(expand_dims(other, -1), first, m)
        m = where(expand_dims(this, -1), second, m)
        column = sum_of(m * here, axis=-1)
        top = sum_of(column * cast(this, m.dtype), axis=-1, keepdims=True)
        below = rows > k
        flat = equal(top, 0.0)  # then all below is 0 too
        factor = where(below & ~flat, column / where(flat, 1.0, top), 0.0)
        reduced = m - expand_dims(factor, -1) * where(columns > k, second, 0.0)
        kept = expand_dims(below, -1) & equal(columns, k)
        return where(kept, expand_dims(factor, -1), reduced), pivot[..., 0]

    return scan(turn, m, _steps(n))


def _row(m: Any, which: Any) -> Any:
    """The one row that is marked, as (..., 1, columns)."""
    return sum_of(where(expand_dims(which, -1), m, 0.0), axis=-2, keepdims=True)


@op
def lu_factor(x: TensorLike) -> Result:
    """Lower and upper triangle in one matrix, and which row each was exchanged with.

    `x`: matrices (..., m, n) of known extents, ValueError otherwise. The lower triangle has ones on
    its diagonal. Gives the matrices and int32 (..., k), k the lesser of m and n.

    >>> ops.lu_factor([[1.0, 2.0], [4.0, 4.0]])
    (array([[4.  , 4.  ],
           [0.25, 1.  ]], dtype=float32), array([1, 1], dtype=int32))
    """
    a = real(x)
    if len(a.shape) < 2:
        raise ValueError(
            "`lu_factor` takes matrices (..., rows, columns). Input should have rank >= 2. "
            f"Received: shape={display(a.shape)}"
        )
    sides = known("The extents of the matrices that `lu_factor` takes", *a.shape[-2:])
    found, pivots = _eliminated(a, min(sides))
    return found, moveaxis(pivots, 0, -1)


@op
def solve_triangular(a: TensorLike, b: TensorLike, lower: bool = False) -> Result:
    """The x with a x = b, for a triangular matrix.

    `a`: (..., n, n) of a known n, of which the upper triangle is read, or with `lower` the lower;
    `b`: (..., n) or (..., n, columns); ValueError otherwise.

    >>> ops.solve_triangular([[2.0, 1.0], [0.0, 4.0]], [5.0, 4.0])
    array([2., 1.], dtype=float32)
    """
    m, right, n, vector = _equation("solve_triangular", a, b)
    rows = _steps(n)

    def turn(rest: Any, k: Any) -> Any:
        this, to_come = equal(rows, k), rows > k if lower else rows < k
        column = _row(swapaxes(m, -1, -2), this)  # (..., 1, n)
        found = _row(rest, this) / _row(swapaxes(column, -1, -2), this)
        column = swapaxes(where(to_come, column, 0.0), -1, -2)
        return where(expand_dims(this, -1), found, rest - column * found), None

    out, _ = scan(turn, right, rows if lower else flip(rows))
    return out[..., 0] if vector else out


def _equation(name: str, a: TensorLike, b: TensorLike) -> tuple[Tensor, Any, int, bool]:
    """The matrix, the right side as columns with the batch of both, how many rows there are, and
    whether `b` is a vector."""
    m, right = reals(a, b)
    m, n = _square(name, m)
    vector = len(right.shape) == len(m.shape) - 1
    rows = right.shape[-1] if vector else right.shape[-2] if len(right.shape) > 1 else None
    if rows != m.shape[-1]:
        raise ValueError(
            f"`{name}` takes `b` (..., n) or (..., n, columns) for `a` (..., n, n). Incompatible "
            f"shapes received: a.shape={display(m.shape)} and b.shape={display(right.shape)}"
        )
    columns = expand_dims(right, -1) if vector else right
    front = extents(m if len(m.shape) > len(columns.shape) else columns)[:-2]
    return m, broadcast_to(columns, (*front, *extents(columns)[-2:])), n, vector


@op
def solve(a: TensorLike, b: TensorLike) -> Result:
    """The x with a x = b.

    `a`: (..., n, n) of a known n; `b`: (..., n) or (..., n, columns); ValueError otherwise.

    >>> ops.solve([[2.0, 0.0], [1.0, 4.0]], [2.0, 9.0])
    array([1., 2.], dtype=float32)
    """
    m, right, n, vector = _equation("solve", a, b)
    m = broadcast_to(m, (*extents(right)[:-2], *extents(m)[-2:]))
    both, _ = _eliminated(concatenate([m, right], axis=-1), n)
    out = solve_triangular(both[..., :n], both[..., n:])
    return out[..., 0] if vector else out


@op
def inv(x: TensorLike) -> Result:
    """The inverse matrices.

    `x`: matrices (..., n, n) of a known n, ValueError otherwise.

    >>> ops.inv([[2.0, 0.0], [0.0, 4.0]])
    array([[0.5 , 0.  ],
           [0.  , 0.25]], dtype=float32)
    """
    a, n = _square("inv", x)
    return solve(a, broadcast_to(eye(n, dtype=a.dtype), extents(a)))


@op
def det(x: TensorLike) -> Result:
    """The determinants.

    `x`: matrices (..., n, n) of a known n, ValueError otherwise.

    >>> round(float(ops.det([[1.0, 2.0], [3.0, 4.0]])), 3)
    -2.0
    """
    a, n = _square("det", x)
    found, pivots = _eliminated(a, n)
    return prod(diagonal(found, 0, -2, -1), axis=-1) * _parity(pivots, n, a.dtype)


@op
def slogdet(x: TensorLike) -> Result:
    """The signs of determinants, and the logarithms of their sizes.

    `x`: matrices (..., n, n) of a known n, ValueError otherwise. Gives a pair.

    >>> ops.slogdet([[0.0, 1.0], [2.0, 0.0]])
    (array(-1., dtype=float32), array(0.6931472, dtype=float32))
    """
    a, n = _square("slogdet", x)
    found, pivots = _eliminated(a, n)
    line = diagonal(found, 0, -2, -1)
    sign = prod(sign_of(line), axis=-1) * _parity(pivots, n, a.dtype)
    return sign, sum_of(log(absolute(line)), axis=-1)


@op
def logdet(x: TensorLike) -> Result:
    """The logarithms of determinants; NaN below 0.

    `x`: matrices (..., n, n) of a known n, ValueError otherwise.

    >>> round(float(ops.logdet([[2.0, 0.0], [0.0, 4.0]])), 4)
    2.0794
    """
    sign, size = slogdet(x)
    return where(sign < 0, tensor(float("nan"), size.dtype), size)


def _parity(pivots: Any, n: int, dtype: str) -> Any:
    """1 or -1 for an even or odd number of exchanges, which go along the first axis."""
    own = moveaxis(pivots, 0, -1)
    return prod(where(equal(own, _steps(n)), tensor(1.0, dtype), tensor(-1.0, dtype)), axis=-1)
