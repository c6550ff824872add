"""Rows of linear algebra, Fourier transforms and quantiles."""

from __future__ import annotations

import numpy as np

from tests.op_rows.arrangement import A, row


def _pair(z):
    return [z.real, z.imag]


def _known(name, reference, *shape):
    """Of arrays alone."""
    return row(name, (np.random.default_rng(5).normal(size=shape),), reference, grad=False)


CASES = [
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
    _known("matrix_rank", np.linalg.matrix_rank, 4, 3),
    row("lstsq", (np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]), np.array([1.0, 2.0, 4.0])),
        lambda a, b: np.linalg.lstsq(a, b)[0]),
]  # fmt: skip
