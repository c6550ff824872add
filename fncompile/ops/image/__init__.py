"""Functions on images: one (height, width, channels), or a batch of them."""

from __future__ import annotations

from fncompile.missing import explain_missing
from fncompile.ops.image.affine import affine_transform
from fncompile.ops.image.colors import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
from fncompile.ops.image.coordinates import map_coordinates, perspective_transform
from fncompile.ops.image.crop import crop_images, pad_images
from fncompile.ops.image.elastic import elastic_transform
from fncompile.ops.image.filters import gaussian_blur, sobel_edges, ssim
from fncompile.ops.image.patches import extract_patches, extract_patches_3d
from fncompile.ops.image.resize import resize, scale_and_translate

__all__ = [
    "affine_transform",
    "crop_images",
    "elastic_transform",
    "extract_patches",
    "extract_patches_3d",
    "gaussian_blur",
    "hsv_to_rgb",
    "map_coordinates",
    "pad_images",
    "perspective_transform",
    "resize",
    "rgb_to_grayscale",
    "rgb_to_hsv",
    "scale_and_translate",
    "sobel_edges",
    "ssim",
]

explain_missing(__name__)
