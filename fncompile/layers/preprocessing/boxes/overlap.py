"""How much boxes have in common."""

from __future__ import annotations

import math
from typing import Any

from fncompile import config, ops

from .formats import convert_format, corners_of, format_of, size_of


def compute_iou(
    boxes1: Any, boxes2: Any, bounding_box_format: str, use_masking: bool = False,
    mask_val: float = -1, image_shape: Any = None,
) -> Any:  # fmt: skip
    """How much each two boxes have in common: the area of both over that of either.

    `boxes1`: (M, 4) or (batch, M, 4); `boxes2`: (N, 4) or (batch, N, 4); `image_shape`: (height,
    width, channels), for relative formats. With `use_masking` the result is `mask_val` where a box
    has no number that is not negative. ValueError for other ranks.

    Returns (M, N), or (batch, M, N) where either is of a batch.

    >>> one, two = np.array([[0.0, 0, 2, 2]]), np.array([[1.0, 0, 3, 2], [5, 5, 6, 6]])
    >>> fncompile.utils.bounding_boxes.compute_iou(one, two, "xyxy").round(3)
    array([[0.333, 0.   ]], dtype=float32)
    """
    for name, boxes in (("boxes1", boxes1), ("boxes2", boxes2)):
        if len(ops.shape(boxes)) not in (2, 3):
            raise ValueError(
                f"compute_iou() expects {name} to be batched, or to be unbatched: "
                f"len({name}.shape) has to be 2 or 3. Received: {name}.shape={ops.shape(boxes)}"
            )
    height, width = size_of(image_shape)
    if format_of(bounding_box_format).relative and height is None:
        raise ValueError(
            f"With the relative format {bounding_box_format!r} the `image_shape` argument must be "
            "provided."
        )
    boxes1 = convert_format(boxes1, bounding_box_format, "xyxy", height, width)
    boxes2 = convert_format(boxes2, bounding_box_format, "xyxy", height, width)
    one = [ops.expand_dims(at[..., 0], -1) for at in corners_of(boxes1)]  # (..., M, 1)
    two = [ops.expand_dims(at[..., 0], -2) for at in corners_of(boxes2)]  # (..., 1, N)
    iou = _common(one, two) / (_union(one, two) + config.epsilon())
    if not use_masking:
        return iou
    none1 = ops.expand_dims(ops.max(boxes1, axis=-1) < 0, -1)
    none2 = ops.expand_dims(ops.max(boxes2, axis=-1) < 0, -2)
    return ops.where(ops.logical_or(none1, none2), ops.cast(mask_val, iou.dtype), iou)


def _common(one: Any, two: Any) -> Any:
    """The areas that boxes have in common."""
    width = ops.minimum(one[2], two[2]) - ops.maximum(one[0], two[0])
    height = ops.minimum(one[3], two[3]) - ops.maximum(one[1], two[1])
    return ops.maximum(width, 0) * ops.maximum(height, 0)


def _union(one: Any, two: Any) -> Any:
    """The areas that either of two boxes covers."""
    areas = [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in (one, two)]
    return areas[0] + areas[1] - _common(one, two)


def compute_ciou(
    boxes1: Any, boxes2: Any, bounding_box_format: str, image_shape: Any = None
) -> Any:
    """How well boxes agree, one by one: the intersection over the union, less the distance of their
    middles and the difference of their shapes (CIoU, Zheng et al. 2020).

    `boxes1`, `boxes2`: (..., 4), of one shape after broadcasting; `image_shape`: (height, width,
    channels), for relative formats. Returns (...).

    >>> box, other = np.array([[0.0, 0, 2, 2]]), np.array([[1.0, 0, 3, 2]])
    >>> fncompile.utils.bounding_boxes.compute_ciou(box, other, "xyxy").round(3)
    array([0.256], dtype=float32)
    """
    height, width = size_of(image_shape)
    epsilon = config.epsilon()
    converted = (convert_format(x, bounding_box_format, "xyxy", height, width)
                 for x in (boxes1, boxes2))  # fmt: skip
    one, two = ([at[..., 0] for at in corners_of(boxes)] for boxes in converted)
    iou = _common(one, two) / (_union(one, two) + 2 * epsilon)
    around = (ops.maximum(one[2], two[2]) - ops.minimum(one[0], two[0]),
              ops.maximum(one[3], two[3]) - ops.minimum(one[1], two[1]))  # fmt: skip
    diagonal = ops.square(around[0]) + ops.square(around[1]) + epsilon
    apart = [(one[i] + one[i + 2] - two[i] - two[i + 2]) / 2 for i in (0, 1)]
    distance = ops.square(apart[0]) + ops.square(apart[1])
    slopes = [ops.arctan((b[2] - b[0]) / (b[3] - b[1] + epsilon)) for b in (two, one)]
    shape = (4 / math.pi**2) * ops.square(slopes[0] - slopes[1])
    weight = shape / (shape - iou + (1 + epsilon))
    return iou - (distance / diagonal + shape * weight)
