"""Boxes that are cut, moved and turned with their image."""

from __future__ import annotations

import math
from typing import Any

from fncompile import ops

from .formats import boxes_of, corners_of


def _refuse_but(names: tuple[str, ...], name: str) -> None:
    if name not in names:
        raise NotImplementedError(
            f"Boxes must be of the format {' or '.join(names)}: `convert_format` makes them so. "
            f"Received: bounding_box_format={name!r}"
        )


def clip_to_image_size(
    bounding_boxes: dict[str, Any], height: Any = None, width: Any = None,
    bounding_box_format: str = "xyxy",
) -> dict[str, Any]:  # fmt: skip
    """Boxes cut off at the borders of their image; the label of one that is outside becomes -1.

    `bounding_boxes`: a dict of "boxes" and, where there are, "labels" (..., N), of the format xyxy,
    for which `height` and `width` of the image are needed, or rel_xyxy; NotImplementedError for
    other formats.

    >>> boxes = {"boxes": np.array([[-5.0, 2, 8, 40], [30, 2, 40, 4]]), "labels": np.array([1, 2])}
    >>> clipped = fncompile.utils.bounding_boxes.clip_to_image_size(boxes, height=10, width=20)
    >>> print(clipped["boxes"].tolist(), clipped["labels"])
    [[0.0, 2.0, 8.0, 10.0], [20.0, 2.0, 20.0, 4.0]] [ 1 -1]
    """
    _refuse_but(("xyxy", "rel_xyxy"), bounding_box_format)
    if bounding_box_format == "rel_xyxy":
        height = width = 1.0
    elif height is None or width is None:
        raise ValueError(
            "`height` and `width` must be set if `bounding_box_format='xyxy'`. "
            f"Received: height={height}, width={width}"
        )
    x1, y1, x2, y2 = _cut(corners_of(bounding_boxes["boxes"]), height, width)
    result = {**bounding_boxes, "boxes": boxes_of(x1, y1, x2, y2)}
    if bounding_boxes.get("labels") is not None:
        area = ops.squeeze((x2 - x1) * (y2 - y1), axis=-1)
        result["labels"] = ops.where(area > 0, bounding_boxes["labels"], -1)
    return result


def _cut(corners: Any, height: Any, width: Any) -> tuple[Any, ...]:
    limits = (width, height, width, height)
    return tuple(
        ops.minimum(ops.maximum(at, 0), ops.cast(limit, at.dtype))
        for at, limit in zip(corners, limits, strict=True)
    )


def crop(
    boxes: Any, top: Any, left: Any, height: Any, width: Any, bounding_box_format: str = "xyxy"
) -> Any:
    """Boxes in the part of an image that is `height` by `width` and begins at `top` and `left`;
    what is outside of it is cut off. Of the format xyxy; NotImplementedError for others.

    >>> fncompile.utils.bounding_boxes.crop(np.array([[10, 20, 50, 60]]), 10, 20, 40, 25)
    array([[ 0, 10, 25, 40]])
    """
    _refuse_but(("xyxy",), bounding_box_format)
    moved = pad(boxes, -top, -left)
    return boxes_of(*_cut(corners_of(moved), height, width))


def pad(
    boxes: Any, top: Any, left: Any, height: Any = None, width: Any = None,
    bounding_box_format: str = "xyxy",
) -> Any:  # fmt: skip
    """Boxes of an image that got `top` rows and `left` columns in front of it. Of the format xyxy;
    NotImplementedError for others. `height` and `width` have no effect, as in Keras.

    >>> fncompile.utils.bounding_boxes.pad(np.array([[10, 20, 50, 60]]), top=1, left=2)
    array([[12, 21, 52, 61]])
    """
    _refuse_but(("xyxy",), bounding_box_format)
    x1, y1, x2, y2 = corners_of(boxes)
    return boxes_of(x1 + left, y1 + top, x2 + left, y2 + top)


def affine_transform(
    boxes: Any, angle: Any, translate_x: Any, translate_y: Any, scale: Any, shear_x: Any,
    shear_y: Any, height: Any, width: Any, center_x: Any = None, center_y: Any = None,
    bounding_box_format: str = "xyxy",
) -> Any:  # fmt: skip
    """The upright boxes around boxes that are turned, sheared, scaled and moved with their image.

    `boxes`: (batch, N, 4), with a number of each kind for each image; or (N, 4), with one of each.
    `angle`, `shear_x`, `shear_y`: in degrees; `translate_x`, `translate_y`, `center_x`, `center_y`
    (the middle, if None): as parts of the image's `width` and `height`. Of the format xyxy;
    NotImplementedError for others. Boxes are shifted first, then sheared, turned and scaled about
    the center.

    >>> fncompile.utils.bounding_boxes.affine_transform(
    ...     np.array([[0.0, 0.0, 2.0, 4.0]]), 0.0, 0.1, 0.0, 2.0, 0.0, 0.0, 11, 11)
    array([[-3., -5.,  1.,  3.]], dtype=float32)
    """
    _refuse_but(("xyxy",), bounding_box_format)
    angle, scale = ops.cast(angle, "float32"), ops.cast(scale, "float32")
    turn, shear_x, shear_y = (
        ops.cast(degrees, "float32") * (-math.pi / 180) for degrees in (angle, shear_x, shear_y)
    )
    # [[a, b], [c, d]] has the determinant one, so its inverse is [[d, -b], [-c, a]].
    a = ops.cos(turn - shear_y) / ops.cos(shear_y)
    c = -ops.sin(turn - shear_y) / ops.cos(shear_y)
    b = a * ops.tan(shear_x) + ops.sin(turn)
    d = ops.cos(turn) - c * ops.tan(shear_x)
    cx = (0.5 if center_x is None else center_x) * (width - 1.0)
    cy = (0.5 if center_y is None else center_y) * (height - 1.0)
    x1, y1, x2, y2 = corners_of(ops.cast(boxes, "float32"))
    x = ops.concatenate([x1, x2, x2, x1], axis=-1)
    y = ops.concatenate([y1, y1, y2, y2], axis=-1)
    x = x - _of_each(cx - translate_x * (width - 1.0))
    y = y - _of_each(cy - translate_y * (height - 1.0))
    turned_x = _of_each(d * scale) * x - _of_each(b * scale) * y + _of_each(cx)
    turned_y = _of_each(a * scale) * y - _of_each(c * scale) * x + _of_each(cy)
    ends = [reduce(at, axis=-1, keepdims=True) for reduce in (ops.min, ops.max)
            for at in (turned_x, turned_y)]  # fmt: skip
    return ops.concatenate(ends, axis=-1)


def _of_each(number: Any) -> Any:
    """One number for each image, for all its boxes."""
    return ops.expand_dims(ops.expand_dims(ops.cast(number, "float32"), -1), -1)
