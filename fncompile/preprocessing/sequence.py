"""`keras.preprocessing.sequence`: lists of unequal lengths, of `utils`."""

from __future__ import annotations

from fncompile.missing import explain_missing
from fncompile.utils.sequences import pad_sequences

__all__ = ["pad_sequences"]

explain_missing(__name__)
