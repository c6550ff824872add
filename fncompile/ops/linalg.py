"""Linear algebra: `fncompile.ops` has them all, as `keras.ops.linalg` has."""

# fmt: off
from fncompile.missing import explain_missing
from fncompile.ops import (
    norm,
)

__all__ = [
    "norm",
]

explain_missing(__name__, "Another can be composed of these.")
