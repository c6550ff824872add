"""Linear algebra: `fncompile.ops` has them all, as `keras.ops.linalg` has."""

# ruff: noqa: I001
# fmt: off
from fncompile.missing import explain_missing
from fncompile.ops import (
    eig, eigh, lstsq, matrix_rank, norm, pinv, qr, svd,
)

__all__ = [
    "eig", "eigh", "lstsq", "matrix_rank", "norm", "pinv", "qr", "svd",
]

explain_missing(__name__, "Another can be composed of these.")
