"""Boxes around what is in an image: between formats, moved with their image, compared.

A format says what the four numbers of a box are: `xyxy` two corners, `xywh` a corner and a size,
`center_xywh` the middle and a size; `yxyx` and `center_yxhw` name y first. With `rel_` before it
they are parts of the image's width and height. Everything is made of `ops`, so it is compiled
inside of a layer or loss, and works on arrays elsewhere. Boxes are (..., N, 4).
"""

from __future__ import annotations

from .deltas import decode_deltas_to_boxes, encode_box_to_deltas
from .formats import FORMATS as FORMATS
from .formats import convert_format
from .moves import affine_transform, clip_to_image_size, crop, pad
from .overlap import compute_ciou, compute_iou

__all__ = [
    "affine_transform",
    "clip_to_image_size",
    "compute_ciou",
    "compute_iou",
    "convert_format",
    "crop",
    "decode_deltas_to_boxes",
    "encode_box_to_deltas",
    "pad",
]
