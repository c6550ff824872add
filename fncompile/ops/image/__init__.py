"""Functions on images: one (height, width, channels), or a batch of them."""

from __future__ import annotations

from fncompile.missing import explain_missing
from fncompile.ops.image.affine import affine_transform
from fncompile.ops.image.crop import crop_images, pad_images
from fncompile.ops.image.patches import extract_patches
from fncompile.ops.image.resize import resize

__all__ = [
    "affine_transform",
    "crop_images",
    "extract_patches",
    "pad_images",
    "resize",
]

explain_missing(__name__)
