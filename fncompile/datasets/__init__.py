"""Data sets to try things on, under the names Keras uses. All but mnist are read from Keras' own
archives, fetched by hand."""

from fncompile.datasets import (
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    fashion_mnist,
    imdb,
    mnist,
    reuters,
)
from fncompile.missing import explain_missing

__all__ = [
    "boston_housing",
    "california_housing",
    "cifar10",
    "cifar100",
    "fashion_mnist",
    "imdb",
    "mnist",
    "reuters",
]

explain_missing(__name__, "Any other is given to `fit` as arrays.")
