"""Boxes that come with images, and go where the pixels of their images go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fncompile import ops
from fncompile.layers.preprocessing.boxes.formats import convert_format, format_of
from fncompile.layers.preprocessing.boxes.moves import clip_to_image_size
from fncompile.layers.standard import StandardLayer

Size = tuple[Any, Any]  # height and width


class TakesBoxes(StandardLayer):
    """Base of layers of images that take a dict of `images` and others that belong to them.

    `bounding_box_format`: what the numbers of `bounding_boxes` in such a dict are, one of
    `utils.bounding_boxes.convert_format`; they are needed only where there are boxes.
    """

    def __init__(self, bounding_box_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        if bounding_box_format is not None:
            format_of(bounding_box_format)
        self.bounding_box_format = bounding_box_format

    def get_config(self) -> dict[str, Any]:
        given = {} if self.bounding_box_format is None else {
            "bounding_box_format": self.bounding_box_format
        }  # fmt: skip
        return {**super().get_config(), **given}

    def _moved_boxes(
        self, found: Any, size: Size, new_size: Size, move: Callable[[Any], Any]
    ) -> Any:
        """The dict `found` of "boxes" and "labels" after `move`, from boxes (batch, N, 4) of the
        format xyxy to such boxes, cut at the borders; the labels of those outside become -1.

        `size`, `new_size`: of the images before and after.
        """
        form = self._check_boxes(found)
        boxes = convert_format(found["boxes"], form, "xyxy", *size)
        single = len(boxes.shape) == 2
        boxes = move(ops.expand_dims(boxes, 0) if single else boxes)
        boxes = ops.squeeze(boxes, 0) if single and boxes.shape[0] == 1 else boxes
        cut = clip_to_image_size({**found, "boxes": boxes}, *new_size)
        return convert_format(cut, "xyxy", form, *new_size)

    def _check_boxes(self, found: Any) -> str:
        """The format of the dict `found` of "boxes" and "labels"."""
        if self.bounding_box_format is None:
            raise ValueError(
                f"Layer '{self.name}' got `bounding_boxes` and does not know what their numbers "
                "are. Give it a `bounding_box_format`, for instance 'xyxy'."
            )
        if not isinstance(found, dict) or not {"boxes", "labels"} <= set(found):
            raise ValueError(
                f"Layer '{self.name}' takes `bounding_boxes` as a dict of `boxes` and `labels`. "
                f"Received: {found}"
            )
        return self.bounding_box_format


def along(boxes: Any, scales: Size, offsets: Size) -> Any:
    """Boxes whose image is stretched by `scales` and then moved by `offsets`, both down and to the
    right."""
    x1, y1, x2, y2 = ops.split(boxes, 4, axis=-1)
    (tall, broad), (down, right) = scales, offsets
    moved = x1 * broad + right, y1 * tall + down, x2 * broad + right, y2 * tall + down
    return ops.concatenate(moved, axis=-1)


def resized(boxes: Any, size: Size, target: Size, crop: bool, pad: bool) -> Any:
    """Boxes whose image is resized from `size` to `target` as `ops.image.resize` does it."""
    fitted: list[Any] = list(size)
    if crop or pad:
        choose = max if pad else min
        fitted = [
            choose(have, int(other * want / over))
            for have, other, want, over in zip(size, size[::-1], target, target[::-1])
        ]
    begins = [
        (new - have) // 2 if pad else -((have - new) // 2) if crop else 0
        for new, have in zip(fitted, size)
    ]
    scales = [want / ops.cast(new, boxes.dtype) for want, new in zip(target, fitted)]
    tall, broad = scales
    return along(boxes, (tall, broad), (begins[0] * tall, begins[1] * broad))


def through(boxes: Any, reads: tuple[Any, ...]) -> Any:
    """The upright boxes around boxes whose image is read anew: the pixel at (x, y, 1) is the old
    one's at the product with the 3 by 3 matrix `reads`, nine numbers or (batch,) of them.

    A pixel's number is that of its middle, half a pixel from its edges, which boxes are about.
    """
    a, b, c, d, e, f, g, h, i = (
        ops.expand_dims(ops.cast(ops.reshape(n, (-1,)), boxes.dtype), -1) for n in reads
    )
    inverse = (  # but for a factor, which the division takes out
        (e * i - f * h, c * h - b * i, b * f - c * e),
        (f * g - d * i, a * i - c * g, c * d - a * f),
        (d * h - e * g, b * g - a * h, a * e - b * d),
    )
    x1, y1, x2, y2 = (boxes[..., k] - 0.5 for k in range(4))
    places = []
    for x, y in ((x1, y1), (x2, y1), (x2, y2), (x1, y2)):
        across, down, k = (row[0] * x + row[1] * y + row[2] for row in inverse)
        places.append((across / k + 0.5, down / k + 0.5))
    xs, ys = (ops.stack(numbers, axis=-1) for numbers in zip(*places))
    ends = [reduce(at, axis=-1) for reduce in (ops.min, ops.max) for at in (xs, ys)]
    return ops.stack(ends, axis=-1)
