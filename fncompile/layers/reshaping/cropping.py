"""A sample without its edges."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.layers.arguments import checked_data_format, edge_pairs
from fncompile.layers.input_spec import InputSpec
from fncompile.layers.layout import spatial_axes
from fncompile.layers.standard import StandardLayer
from fncompile.ops.axes import display


class Cropping(StandardLayer):
    """The first and the last of each of the `rank` spatial axes are left out."""

    fields: tuple[str, ...] = ("cropping", "data_format")
    rank: int

    def __init__(self, cropping: Any, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = checked_data_format(data_format)
        self._edges = edge_pairs(cropping, self.rank, "cropping")
        self.cropping = self._edges[0] if self.rank == 1 else self._edges
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        start, shape = [0] * (self.rank + 2), list(ops.shape(inputs))
        for axis, edges in zip(spatial_axes(self.rank + 2, self.data_format), self._edges):
            if isinstance(shape[axis], int) and sum(edges) >= shape[axis]:
                raise ValueError(self._nothing_left(display(ops.shape(inputs))))
            start[axis] = edges[0]
            shape[axis] -= sum(edges)
        return ops.slice(inputs, start, shape)

    def _nothing_left(self, shape: tuple) -> str:
        received = f"Received: inputs.shape={shape}, cropping={self.cropping}"
        if self.rank == 1:
            return (
                "`cropping` parameter of `Cropping1D` layer must be smaller than the input length. "
                + received
            )
        return (
            "Values in `cropping` argument should be smaller than the corresponding spatial "
            f"dimension of the input. {received}"
        )


class Cropping1D(Cropping):
    """Sequences without their first and last steps.

    `cropping`: how many at each end, one number or a pair. Takes (batch, steps, channels).
    ValueError where no step is left.

    >>> layers.Cropping1D((1, 0))(np.array([[[1.0], [2.0], [3.0]]])).ravel()
    array([2., 3.], dtype=float32)
    """

    fields = ("cropping",)
    rank = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any):
        super().__init__(cropping, "channels_last", **kwargs)


class Cropping2D(Cropping):
    """Images without their edges.

    `cropping`: one number, one for the height and one for the width, or a pair for each:
    ((top, bottom), (left, right)); `data_format`: "channels_last" for
    (batch, height, width, channels) or "channels_first" for (batch, channels, height, width), the
    configured one if None. ValueError for other values, and where nothing is left.

    >>> layers.Cropping2D((1, 2))(np.ones((1, 5, 5, 3))).shape
    (1, 3, 1, 3)
    """

    rank = 2

    def __init__(self, cropping: Any = 0, data_format: str | None = None, **kwargs: Any):
        super().__init__(cropping, data_format, **kwargs)


class Cropping3D(Cropping):
    """Volumes without their edges.

    `cropping`: one number, one for each of the three axes, or a pair for each; `data_format`:
    "channels_last" for (batch, a, b, c, channels) or "channels_first" for
    (batch, channels, a, b, c), the configured one if None. ValueError for other values, and where
    nothing is left.

    >>> layers.Cropping3D(1)(np.ones((1, 4, 4, 4, 1))).shape
    (1, 2, 2, 2, 1)
    """

    rank = 3

    def __init__(self, cropping: Any = 1, data_format: str | None = None, **kwargs: Any):
        super().__init__(cropping, data_format, **kwargs)
