"""Boxes around what is in an image: between formats, moved with their image, compared.

A format says what the four numbers of a box are: `xyxy` two corners, `xywh` a corner and a size,
`center_xywh` the middle and a size; `yxyx` and `center_yxhw` name y first. With `rel_` before it
they are parts of the image's width and height. Everything is made of `ops`, so it is compiled
inside of a layer or loss, and works on arrays elsewhere. Boxes are (..., N, 4).
"""

from __future__ import annotations

from fncompile.layers.preprocessing.boxes.deltas import (
    decode_deltas_to_boxes,
    encode_box_to_deltas,
)
from fncompile.layers.preprocessing.boxes.formats import FORMATS as FORMATS
from fncompile.layers.preprocessing.boxes.formats import convert_format
from fncompile.layers.preprocessing.boxes.moves import (
    affine_transform,
    clip_to_image_size,
    crop,
    pad,
)
from fncompile.layers.preprocessing.boxes.overlap import compute_ciou, compute_iou
from fncompile.missing import explain_missing

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

explain_missing(__name__)
