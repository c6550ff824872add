"""Data sets to try things on, under the names Keras uses."""

from fncompile.datasets import mnist

__all__ = ["mnist"]
