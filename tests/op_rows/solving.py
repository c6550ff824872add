"""Rows of linear algebra, Fourier transforms and quantiles."""

from __future__ import annotations

import numpy as np
from scipy import linalg as scipy_linalg

from fncompile import ops
from tests.op_rows.arrangement import A, row


def _definite(x):
    return x @ np.swapaxes(x, -1, -2) + np.eye(x.shape[-1])


def _ours(x):
    return ops.matmul(x, ops.swapaxes(x, -1, -2)) + ops.eye(x.shape[-1], dtype=x.dtype)


def _on_definite(name, reference, *shape, label=""):
    """With a step that makes it positive definite, so that differences stay symmetric."""
    case = row(name, (A(*shape),), lambda x: reference(_definite(x)), label, batch=_batch(shape))
    function = getattr(ops, name)
    return type(case)(**{**vars(case), "fn": lambda x: function(_ours(x))})


def _batch(shape):
    return (0,) if len(shape) > 2 else ()


def _pair(z):
    return [z.real, z.imag]


def _triangular(a, b, lower=False):
    return scipy_linalg.solve_triangular(a, b, lower=lower)


def _known(name, reference, *shape):
    """Of arrays alone."""
    return row(name, (np.random.default_rng(5).normal(size=shape),), reference, grad=False)


CASES = [
    _on_definite("cholesky", np.linalg.cholesky, 4, 4, label="one"),
    _on_definite("cholesky", np.linalg.cholesky, 2, 3, 3, label="batch"),
    _on_definite("logdet", lambda x: np.linalg.slogdet(x)[1], 3, 3),
    _on_definite("cholesky_inverse", lambda x: np.linalg.inv(np.tril(x) @ np.tril(x).T), 3, 3),
    row("solve", (A(4, 4), A(4, 2)), np.linalg.solve, "columns", batch=()),
    row("solve", (A(4, 4), A(4)), np.linalg.solve, "vector", batch=()),
    row("solve", (A(2, 3, 3), A(2, 3, 1)), np.linalg.solve, "batch", batch=(0, 1)),
    row("solve_triangular", (A(4, 4), A(4)), _triangular, "upper", batch=()),
    row("solve_triangular", (A(4, 4), A(4, 2), True), _triangular, "lower", batch=()),
    row("inv", (A(4, 4),), np.linalg.inv, "one", batch=()),
    row("inv", (A(2, 3, 3),), np.linalg.inv, "batch"),
    row("det", (A(4, 4),), np.linalg.det, "one", batch=()),
    row("det", (A(2, 3, 3),), np.linalg.det, "batch"),
    row("slogdet", (A(4, 4),), lambda x: list(np.linalg.slogdet(x)), batch=()),
    row("lu_factor", (A(4, 4),), lambda x: list(scipy_linalg.lu_factor(x)), batch=()),
    row("fft", ([A(3, 8), A(3, 8)],), lambda x: _pair(np.fft.fft(x[0] + 1j * x[1])), "table",
        batch=(0, 1)),
    row("fft", ([A(2, 60), A(2, 60)],), lambda x: _pair(np.fft.fft(x[0] + 1j * x[1])), "factors",
        batch=(0, 1)),
    row("fft2", ([A(2, 4, 5), A(2, 4, 5)],), lambda x: _pair(np.fft.fft2(x[0] + 1j * x[1])),
        batch=(0, 1)),
    row("ifft2", ([A(2, 4, 5), A(2, 4, 5)],), lambda x: _pair(np.fft.ifft2(x[0] + 1j * x[1])),
        batch=(0, 1)),
    row("rfft", (A(3, 9),), lambda x: _pair(np.fft.rfft(x)), "all"),
    row("rfft", (A(3, 9), 14), lambda x, n: _pair(np.fft.rfft(x, n)), "longer"),
    row("irfft", ([A(3, 5), A(3, 5)],), lambda x: np.fft.irfft(x[0] + 1j * x[1]), "even",
        batch=(0, 1)),
    row("irfft", ([A(3, 5), A(3, 5)], 7), lambda x, n: np.fft.irfft(x[0] + 1j * x[1], n), "odd",
        batch=(0, 1)),
    *(row("quantile", (A(5, 4, domain="distinct"), 0.3, axis, method),
          lambda x, q, a, m: np.quantile(x, q, a, method=m), f"{method}{axis}",
          batch=() if axis is None else (0,), grad=axis == 1)
      for axis, method in ((1, "linear"), (1, "lower"), (1, "midpoint"), (None, "nearest"))),
    row("quantile", (A(5, 4, domain="distinct"), [0.1, 0.6], 1),
        lambda x, q, a: np.quantile(x, q, a), "several"),
    row("percentile", (A(5, 4, domain="distinct"), 40, 1), np.percentile),
    row("median", (A(5, 4, domain="distinct"), 1), np.median, "even"),
    row("nanquantile", (A(5, 4, domain="distinct"), 0.3, 1), np.nanquantile),
    row("nanpercentile", (A(5, 4, domain="distinct"), 40, 1), np.nanpercentile),
    row("nanmedian", (A(5, 4, domain="distinct"), 1), np.nanmedian),
    row("isin", (A(5, 4, domain="int"), A(3, domain="int")), np.isin, grad=False),
    _known("svd", lambda x: list(np.linalg.svd(x)), 4, 3),
    _known("qr", lambda x: list(np.linalg.qr(x)), 4, 3),
    row("eigh", (np.array([[2.0, 1.0], [1.0, 3.0]]),), lambda x: list(np.linalg.eigh(x))),
    row("eig", (np.array([[2.0, 1.0], [0.0, 3.0]]),), lambda x: list(np.linalg.eig(x))),
    _known("pinv", np.linalg.pinv, 4, 3),
    row("pinv", (np.diag([1.0, 1e-9]),), np.linalg.pinv, "small in float64", grad=False),
    _known("matrix_rank", np.linalg.matrix_rank, 4, 3),
    row("view", (np.array([[1.0, -2.0]], "float32"), "int16"), np.ndarray.view, "narrower",
        grad=False),
    row("view", (np.array([[1, -2, 3, 4]], "int16"), "int32"), np.ndarray.view, "wider",
        grad=False),
    row("lstsq", (np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]), np.array([1.0, 2.0, 4.0])),
        lambda a, b: np.linalg.lstsq(a, b)[0]),
]  # fmt: skip
