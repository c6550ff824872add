"""Functions on images: one (height, width, channels), or a batch of them."""

from __future__ import annotations

from fncompile.missing import explain_missing
from fncompile.ops.image.resize import resize

__all__ = [
    "resize",
]

explain_missing(__name__)
