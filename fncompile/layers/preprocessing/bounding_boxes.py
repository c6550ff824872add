"""A fixed number of boxes for each image."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.layers.preprocessing.boxes_beside import TakesBoxes


class MaxNumBoundingBoxes(TakesBoxes):
    """The first `max_number` boxes of each image; fewer are followed by boxes, and labels, of
    `fill_value`.

    Takes a dict with "bounding_boxes", itself a dict of "boxes" (batch, boxes, 4) and "labels"
    (batch, boxes), or those of one image; its other parts come back as they are.

    >>> boxes = {"boxes": np.ones((1, 2, 4)), "labels": np.ones((1, 2))}
    >>> layers.MaxNumBoundingBoxes(3)({"bounding_boxes": boxes})["bounding_boxes"]["labels"]
    array([[ 1.,  1., -1.]], dtype=float32)
    """

    fields = ("max_number", "fill_value")
    _stateless = True

    def __init__(self, max_number: int, fill_value: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.max_number = int(max_number)
        self.fill_value = int(fill_value)

    def call(self, data: Any) -> Any:
        found = data.get("bounding_boxes") if isinstance(data, dict) else None
        if not isinstance(found, dict) or set(found) != {"boxes", "labels"}:
            raise ValueError(
                f"Layer '{self.name}' takes a dict with `bounding_boxes`, a dict of `boxes` and "
                f"`labels`. Received: {data}"
            )
        axis = len(found["boxes"].shape) - 2
        fitted = {name: self._fitted(x, axis) for name, x in found.items()}
        return {**data, "bounding_boxes": fitted}

    def _fitted(self, x: Any, axis: int) -> Any:
        x = x[(slice(None),) * axis + (slice(self.max_number),)]
        missing = max(self.max_number - ops.shape(x)[axis], 0)
        pads = [(0, missing if k == axis else 0) for k in range(len(x.shape))]
        return ops.pad(x, pads, constant_values=self.fill_value)
