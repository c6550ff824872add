"""Zeros around a sample."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.layers.arguments import checked_data_format, edge_pairs
from fncompile.layers.input_spec import InputSpec
from fncompile.layers.layout import spatial_axes
from fncompile.layers.standard import StandardLayer


class ZeroPadding(StandardLayer):
    """`padding` zeros before and after each of the `rank` spatial axes."""

    fields = ("padding", "data_format")
    rank: int

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = checked_data_format(data_format)
        self._edges = edge_pairs(padding, self.rank, "padding")
        self.padding = self._edges[0] if self.rank == 1 else self._edges
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        edges = dict(zip(spatial_axes(self.rank + 2, self.data_format), self._edges))
        return ops.pad(inputs, [edges.get(axis, (0, 0)) for axis in range(self.rank + 2)])


class ZeroPadding1D(ZeroPadding):
    """Zeros before and after the steps of a sequence.

    `padding`: how many, one number or a pair; `data_format`: "channels_last" for
    (batch, steps, channels) or "channels_first" for (batch, channels, steps), the configured one if
    None. ValueError for other values.

    >>> layers.ZeroPadding1D((1, 0))(np.ones((1, 2, 1))).ravel()
    array([0., 1., 1.], dtype=float32)
    """

    rank = 1


class ZeroPadding2D(ZeroPadding):
    """Zeros around images.

    `padding`: one number, one for the height and one for the width, or a pair for each:
    ((top, bottom), (left, right)); `data_format`: "channels_last" for
    (batch, height, width, channels) or "channels_first" for (batch, channels, height, width), the
    configured one if None. ValueError for other values.

    >>> layers.ZeroPadding2D((1, 2))(np.ones((1, 3, 3, 1))).shape
    (1, 5, 7, 1)
    """

    rank = 2


class ZeroPadding3D(ZeroPadding):
    """Zeros around volumes.

    `padding`: one number, one for each of the three axes, or a pair for each; `data_format`:
    "channels_last" for (batch, a, b, c, channels) or "channels_first" for
    (batch, channels, a, b, c), the configured one if None. ValueError for other values.

    >>> layers.ZeroPadding3D(1)(np.ones((1, 2, 2, 2, 1))).shape
    (1, 4, 4, 4, 1)
    """

    rank = 3
