"""Decompositions of matrices, by NumPy, of numbers that are known: in eager calls.

A loop with a fixed number of turns does not find them, so that a graph cannot hold them; there they
raise ValueError.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile.graph.eager import known_value
from fncompile.ir import build
from fncompile.ir.node import Node
from fncompile.ops.dispatch import as_float, node, op
from fncompile.ops.types import Result, TensorLike


def _numbers(name: str, x: TensorLike, square: bool = False) -> tuple[np.ndarray, str]:
    value, dtype = known_value(x), as_float(x).dtype
    if value is None:
        raise ValueError(
            f"`{name}` works on arrays alone: what it needs cannot be compiled, as the number of "
            "its steps depends on the values. Call it before the graph, on arrays."
        )
    if value.ndim < 2 or (square and value.shape[-1] != value.shape[-2]):
        kind = "square matrices (..., n, n)" if square else "matrices (..., rows, columns)"
        raise ValueError(f"`{name}` takes {kind}. Received: shape={value.shape}")
    return value.astype("float64"), dtype


def _nodes(found: Any, dtype: str) -> tuple[Node, ...]:
    return tuple(build.const(part, dtype) for part in found)


@op
def qr(x: TensorLike, mode: str = "reduced") -> Result:
    """Orthonormal columns and an upper triangle whose product is `x`. On arrays alone.

    `x`: matrices (..., rows, columns); `mode`: "reduced", or "complete" for as many columns as
    rows; ValueError otherwise.

    >>> q, r = ops.qr(np.array([[3.0, 1.0], [4.0, 2.0]]))
    >>> (q @ r).round(4)
    array([[3., 1.],
           [4., 2.]], dtype=float32)
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(
            "`mode` argument value not supported. Expected one of {'reduced', 'complete'}. "
            f"Received: mode={mode}"
        )
    value, dtype = _numbers("qr", x)
    complete = mode == "complete"
    found = np.linalg.qr(value, "complete") if complete else np.linalg.qr(value)
    return _nodes(found, dtype)


@op
def svd(x: TensorLike, full_matrices: bool = True, compute_uv: bool = True) -> Result:
    """U, the singular values s in falling order, and Vᵀ, with U diag(s) Vᵀ = x. On arrays alone.

    `x`: matrices (..., rows, columns); `full_matrices`: U and V are square; `compute_uv`: else s
    alone.

    >>> ops.svd(np.array([[3.0, 0.0], [0.0, 4.0]]), compute_uv=False)
    array([4., 3.], dtype=float32)
    """
    value, dtype = _numbers("svd", x)
    if not compute_uv:
        return build.const(np.linalg.svd(value, compute_uv=False), dtype)
    return _nodes(np.linalg.svd(value, full_matrices), dtype)


@op
def eigh(x: TensorLike) -> Result:
    """The eigenvalues of symmetric matrices in rising order, and the vectors as columns. On arrays
    alone.

    `x`: matrices (..., n, n), ValueError otherwise.

    >>> ops.eigh(np.array([[2.0, 0.0], [0.0, 1.0]]))[0]
    array([1., 2.], dtype=float32)
    """
    value, dtype = _numbers("eigh", x, square=True)
    return _nodes(np.linalg.eigh(value), dtype)


@op
def eig(x: TensorLike) -> Result:
    """Eigenvalues, and the vectors as columns, where they are real. On arrays alone.

    `x`: matrices (..., n, n), ValueError otherwise, and where an eigenvalue is complex.

    >>> ops.eig(np.array([[2.0, 1.0], [0.0, 1.0]]))[0]
    array([2., 1.], dtype=float32)
    """
    value, dtype = _numbers("eig", x, square=True)
    values, vectors = np.linalg.eig(value)
    if np.iscomplexobj(values) and np.any(values.imag):
        raise ValueError("`eig` found complex eigenvalues, and there are no complex tensors.")
    return _nodes((np.real(values), np.real(vectors)), dtype)


@op
def lstsq(a: TensorLike, b: TensorLike, rcond: float | None = None) -> Result:
    """The x that makes |a x - b| least, of several the shortest. On arrays alone.

    `a`: a matrix (rows, columns); `b`: (rows,) or (rows, several); `rcond`: singular values below
    this share of the largest count as 0.

    >>> ops.lstsq(np.array([[1.0], [1.0]]), np.array([1.0, 3.0]))
    array([2.], dtype=float32)
    """
    value, dtype = _numbers("lstsq", a)
    right = known_value(b)
    if right is None or right.ndim not in (1, 2) or right.shape[0] != value.shape[0]:
        raise ValueError(
            "`lstsq` takes arrays `a` (rows, columns) and `b` (rows,) or (rows, several). "
            f"Received: shapes {value.shape} and {node(b).shape}"
        )
    found = np.linalg.lstsq(value, right.astype("float64"), rcond)[0]
    return build.const(found, dtype)


@op
def pinv(x: TensorLike, rcond: float | None = None) -> Result:
    """The Moore-Penrose inverse. On arrays alone.

    `x`: matrices (..., rows, columns); `rcond`: singular values below this share of the largest
    count as 0, by default 10 max(rows, columns) times the rounding of the dtype.

    >>> ops.pinv(np.array([[2.0, 0.0]]))
    array([[0.5],
           [0. ]], dtype=float32)
    """
    value, dtype = _numbers("pinv", x)
    least = 10 * max(value.shape[-2:]) * _eps(dtype) if rcond is None else rcond
    return build.const(np.linalg.pinv(value, least), dtype)


@op
def matrix_rank(x: TensorLike, tol: float | None = None) -> Result:
    """How many singular values are not 0. On arrays alone.

    `x`: matrices (..., rows, columns); `tol`: what counts as 0, by default max(rows, columns) times
    the rounding of the dtype times the largest.

    >>> ops.matrix_rank(np.array([[1.0, 2.0], [2.0, 4.0]]))
    array(1, dtype=int32)
    """
    value, dtype = _numbers("matrix_rank", x)
    sizes = np.linalg.svd(value, compute_uv=False)
    rounding = max(value.shape[-2:]) * _eps(dtype)
    least = sizes.max(-1, keepdims=True) * rounding if tol is None else tol
    return build.const((sizes > least).sum(-1), "int32")


def _eps(dtype: str) -> float:
    """How far numbers are apart at 1."""
    return float(np.finfo("float64" if dtype == "float64" else "float32").eps)
