"""`keras.preprocessing.image`: pictures as arrays, of `utils`."""

from __future__ import annotations

from fncompile.missing import explain_missing
from fncompile.utils.images import array_to_img, img_to_array, load_img, save_img, smart_resize

__all__ = ["array_to_img", "img_to_array", "load_img", "save_img", "smart_resize"]

explain_missing(__name__, "Layers that change images by chance are in `fncompile.layers`.")
