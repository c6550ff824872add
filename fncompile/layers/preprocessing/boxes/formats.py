"""What the four numbers of a box are, and how boxes of one format become those of another."""

from __future__ import annotations

from typing import Any, NamedTuple

from fncompile import ops


class Format(NamedTuple):
    kind: str  # of the four numbers: "corners", "size" or "center"
    y_first: bool = False
    relative: bool = False


_ABSOLUTE = {
    "xyxy": Format("corners"),
    "yxyx": Format("corners", y_first=True),
    "xywh": Format("size"),
    "center_xywh": Format("center"),
    "center_yxhw": Format("center", y_first=True),
}
FORMATS = {
    **_ABSOLUTE,
    **{f"rel_{name}": row._replace(relative=True) for name, row in _ABSOLUTE.items()
       if name != "center_yxhw"},
}  # fmt: skip


def convert_format(
    boxes: Any, source: str, target: str, height: Any = None, width: Any = None,
    dtype: Any = "float32",
) -> Any:  # fmt: skip
    """Boxes of the format `source` in the format `target`, as `dtype`.

    `boxes`: (..., 4), or a dict with such "boxes", whose other parts come back as they are;
    `height`, `width`: of the image, needed where one format is relative and the other is not.
    ValueError for other formats and shapes.

    >>> boxes = np.array([[10, 20, 30, 40]])
    >>> fncompile.utils.bounding_boxes.convert_format(boxes, "xyxy", "center_xywh")
    array([[20., 30., 20., 20.]], dtype=float32)
    """
    if isinstance(boxes, dict):
        converted = convert_format(boxes["boxes"], source, target, height, width, dtype)
        return {**boxes, "boxes": converted}
    one, other = format_of(source), format_of(target)
    if ops.shape(boxes)[-1] != 4:
        raise ValueError(
            "`boxes` must be a tensor with the last dimension of 4. "
            f"Received: boxes.shape={ops.shape(boxes)}"
        )
    if one.relative != other.relative and (height is None or width is None):
        raise ValueError(
            "convert_format() must receive `height` and `width` for transforming between relative "
            f"and absolute formats. Received: source={source!r}, target={target!r}, "
            f"height={height}, width={width}"
        )
    boxes = ops.cast(boxes, dtype)
    if one == other:
        return boxes
    x1, y1, x2, y2 = corners_of(boxes, one)
    if one.relative != other.relative:
        width, height = ops.cast(width, dtype), ops.cast(height, dtype)
        if one.relative:
            x1, y1, x2, y2 = x1 * width, y1 * height, x2 * width, y2 * height
        else:
            x1, y1, x2, y2 = x1 / width, y1 / height, x2 / width, y2 / height
    return boxes_of(x1, y1, x2, y2, other)


def format_of(name: str) -> Format:
    found = FORMATS.get(name.lower())
    if found is None:
        raise ValueError(
            f"Invalid source or target format {name!r}. Supported formats: {tuple(FORMATS)}"
        )
    return found


def corners_of(boxes: Any, row: Format = _ABSOLUTE["xyxy"]) -> tuple[Any, Any, Any, Any]:
    """x1, y1, x2, y2 of boxes, each (..., 1)."""
    a, b, c, d = ops.split(boxes, 4, axis=-1)
    x, y, right, bottom = (b, a, d, c) if row.y_first else (a, b, c, d)
    if row.kind == "size":
        return x, y, x + right, y + bottom
    if row.kind == "center":
        return x - right / 2, y - bottom / 2, x + right / 2, y + bottom / 2
    return x, y, right, bottom


def boxes_of(x1: Any, y1: Any, x2: Any, y2: Any, row: Format = _ABSOLUTE["xyxy"]) -> Any:
    """The opposite of `corners_of`."""
    x, y, right, bottom = x1, y1, x2, y2
    if row.kind != "corners":
        right, bottom = x2 - x1, y2 - y1
    if row.kind == "center":
        x, y = x1 + right / 2, y1 + bottom / 2
    parts = (y, x, bottom, right) if row.y_first else (x, y, right, bottom)
    return ops.concatenate(parts, axis=-1)


def size_of(image_shape: Any) -> tuple[Any, Any]:
    return (None, None) if image_shape is None else tuple(image_shape)[:2]
