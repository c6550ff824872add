"""Boxes as seen from anchors, as detectors learn them."""

from __future__ import annotations

from typing import Any

from fncompile import config, ops

from .formats import convert_format, size_of


def encode_box_to_deltas(
    anchors: Any, boxes: Any, anchor_format: str, box_format: str,
    encoding_format: str = "center_yxhw", variance: Any = None, image_shape: Any = None,
) -> Any:  # fmt: skip
    """Where boxes are, seen from anchors: how far their middles are apart, in sizes of the anchor,
    and the logarithms of how many times as large they are; divided by `variance`, if given.

    `anchors`: (N, 4); `boxes`: (N, 4) or (batch, N, 4); `encoding_format`: center_yxhw or
    center_xywh, the order of the result; `variance`: four numbers; `image_shape`: (height, width,
    channels), for relative formats. ValueError for others. After Ren et al., Faster R-CNN, 2015.

    >>> anchor, box = np.array([[0.0, 0, 10, 10]]), np.array([[5.0, 0, 15, 10]])
    >>> fncompile.utils.bounding_boxes.encode_box_to_deltas(anchor, box, "xyxy", "xyxy")
    array([[0. , 0.5, 0. , 0. ]], dtype=float32)
    """
    variance = _checked_variance(variance)
    _check_encoding(encoding_format, "encoding_format")
    height, width = size_of(image_shape)
    anchors = convert_format(anchors, anchor_format, encoding_format, height, width)
    boxes = convert_format(boxes, box_format, encoding_format, height, width)
    sizes = ops.maximum(anchors[..., 2:], config.epsilon())
    ratios = ops.maximum(boxes[..., 2:], config.epsilon()) / sizes
    moved = (boxes[..., :2] - anchors[..., :2]) / sizes
    lead = ops.shape(moved)[:-1]
    deltas = ops.concatenate([moved, ops.broadcast_to(ops.log(ratios), (*lead, 2))], axis=-1)
    return deltas if variance is None else deltas / variance


def decode_deltas_to_boxes(
    anchors: Any, boxes_delta: Any, anchor_format: str, box_format: str,
    encoded_format: str = "center_yxhw", variance: Any = None, image_shape: Any = None,
) -> Any:  # fmt: skip
    """The boxes, of the format `box_format`, that `encode_box_to_deltas` made deltas of.

    Arguments as there; `anchors` and `boxes_delta` may be dicts with the same keys, as of the
    levels of a feature pyramid, of which the result is one too.

    >>> anchor, delta = np.array([[0.0, 0, 10, 10]]), np.array([[0, 0.5, 0, 0]], "float32")
    >>> fncompile.utils.bounding_boxes.decode_deltas_to_boxes(anchor, delta, "xyxy", "xyxy")
    array([[ 5.,  0., 15., 10.]], dtype=float32)
    """
    variance = _checked_variance(variance)
    _check_encoding(encoded_format, "encoded_format")
    if isinstance(anchors, dict) and isinstance(boxes_delta, dict):
        return {
            level: decode_deltas_to_boxes(anchor, boxes_delta[level], anchor_format, box_format,
                                          encoded_format, variance, image_shape)
            for level, anchor in anchors.items()
        }  # fmt: skip
    height, width = size_of(image_shape)
    anchors = convert_format(anchors, anchor_format, encoded_format, height, width)
    deltas = boxes_delta if variance is None else boxes_delta * variance
    sizes = anchors[..., 2:]
    middles = deltas[..., :2] * sizes + anchors[..., :2]
    boxes = ops.concatenate([middles, ops.exp(deltas[..., 2:]) * sizes], axis=-1)
    return convert_format(boxes, encoded_format, box_format, height, width)


def _checked_variance(variance: Any) -> Any:
    if variance is None:
        return None
    variance = ops.cast(variance, "float32")
    if ops.shape(variance)[-1:] != (4,):
        raise ValueError(f"`variance` must be length 4, got {variance}")
    return variance


def _check_encoding(name: str, argument: str) -> None:
    if name not in ("center_xywh", "center_yxhw"):
        raise ValueError(
            f"`{argument}` should be one of 'center_xywh' or 'center_yxhw', got {name}"
        )
