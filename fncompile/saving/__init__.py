"""Model files: an HDF5 subset of our own, and on it the Keras layouts .h5, .keras, .weights.h5."""

from __future__ import annotations

from .errors import FileFormatError

__all__ = ["FileFormatError"]
