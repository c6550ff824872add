"""Linear algebra: `fncompile.ops` has them all, as `keras.ops.linalg` has."""

# ruff: noqa: I001
# fmt: off
from fncompile.missing import explain_missing
from fncompile.ops import (
    cholesky, cholesky_inverse, det, eig, eigh, inv, jvp, lstsq, lu_factor, matrix_rank, norm, pinv,
    qr, solve, solve_triangular, svd,
)

__all__ = [
    "cholesky", "cholesky_inverse", "det", "eig", "eigh", "inv", "jvp", "lstsq", "lu_factor",
    "matrix_rank", "norm", "pinv", "qr", "solve", "solve_triangular", "svd",
]

explain_missing(__name__, "Another can be composed of these.")
