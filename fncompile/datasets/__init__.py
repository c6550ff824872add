"""Data sets to try things on, under the names Keras uses."""

from fncompile.datasets import mnist
from fncompile.missing import explain_missing

__all__ = ["mnist"]

explain_missing(__name__, "Any other is given to `fit` as arrays.")
