"""Images whose numbers are spread evenly, as a whole or tile by tile."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.layers.preprocessing.random_color import RandomColor


class Equalization(RandomColor):
    """Each channel's numbers spread so that as many lie in each part of `value_range`; over all
    images of a call together. A channel that is all the same stays.

    `bins`: how many parts are told apart.

    >>> layers.Equalization()(np.array([[[10.0], [11.0], [200.0], [200.0]]])).ravel()
    array([  0.,  85., 255., 255.], dtype=float32)
    """

    fields = ("bins", "value_range", "data_format")

    def __init__(
        self,
        value_range: Any = (0, 255),
        bins: int = 256,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._values(value_range)
        self.bins = bins
        self._start(0, data_format)

    def _changed(self, images: Any) -> Any:
        low, high = sorted(self.value_range)
        x = (images - low) * (255.0 / (high - low))
        channels = [self._spread(x[..., i]) for i in range(images.shape[-1])]
        return ops.stack(channels, axis=-1) * ((high - low) / 255.0) + low

    def _spread(self, x: Any) -> Any:
        place = ops.cast(ops.clip(x * ((self.bins - 1) / 255.0), 0, self.bins - 1), "int32")
        flat = ops.reshape(place, (-1,))
        counts = ops.segment_sum(ops.ones_like(flat), flat, self.bins)
        below = ops.cumsum(counts)
        first = ops.take(below, ops.argmax(below > 0))
        rest = ops.maximum(below[-1] - first, 1)
        table = ops.clip(ops.round(ops.cast(below - first, x.dtype) * 255.0 / rest), 0, 255)
        several = ops.sum(ops.cast(counts > 0, "int32")) > 1
        return ops.where(several, ops.take(ops.cast(table, x.dtype), place), x)


class ContrastLimitedAdaptiveHistogramEqualization(RandomColor):
    """Each channel's numbers spread evenly within tiles of the image, between whose middles is
    interpolated.

    `clip_limit`: how many times the mean of a part a part may count, what is above being shared
    out; `tile_grid_size`: how many tiles there are, (down, across). `value_range`: what the numbers
    of images are between. The size of images has to be known. It is done in training or not.

    >>> even = layers.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(1, 1))
    >>> even(np.full((2, 2, 1), 7.0)).shape
    (2, 2, 1)
    """

    fields = ("value_range", "clip_limit", "tile_grid_size", "data_format")

    def __init__(
        self,
        value_range: Any = (0, 255),
        clip_limit: float = 4.0,
        tile_grid_size: Any = (8, 8),
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._values(value_range)
        self.clip_limit = clip_limit
        self.tile_grid_size = tuple(tile_grid_size)
        self._start(0, data_format)

    def _unchanged(self, images: Any) -> Any:
        return self._changed(images)

    def _changed(self, images: Any) -> Any:
        _, height, width, _ = images.shape
        if height is None or width is None:
            raise ValueError(f"Layer '{self.name}' has to know the height and width of images.")
        down, across = self.tile_grid_size
        tall, broad = -(-height // down), -(-width // across)
        pads = ((0, 0), (0, tall * down - height), (0, broad * across - width), (0, 0))
        x = ops.pad(self._as_bytes(images), pads, "symmetric")
        x = ops.transpose(x, (0, 3, 1, 2))  # (batch, channels, height, width)
        spread = self._interpolated(x, self._tables(x, tall, broad), tall, broad)
        spread = ops.transpose(spread, (0, 2, 3, 1))[:, :height, :width]
        return self._from_bytes(spread)

    def _tables(self, x: Any, tall: int, broad: int) -> Any:
        """What each of 256 numbers becomes in each tile: (batch, channels, down, across, 256)."""
        down, across = self.tile_grid_size
        tiles = ops.reshape(x, (-1, x.shape[1], down, tall, across, broad))
        tiles = ops.transpose(tiles, (0, 1, 2, 4, 3, 5))
        tiles = ops.reshape(tiles, (-1, x.shape[1], down, across, tall * broad))
        places = ops.cast(ops.clip(tiles, 0, 255), "int32")
        counts = ops.sum(ops.one_hot(places, 256), axis=-2)
        if self.clip_limit > 0:
            kept = ops.minimum(counts, self.clip_limit * tall * broad / 256.0)
            counts = kept + ops.sum(counts - kept, axis=-1, keepdims=True) / 256.0
        below = ops.cumsum(counts, axis=-1)
        least = ops.min(below, axis=-1, keepdims=True)
        rest = tall * broad - least
        return ops.clip((below - least) * 255.0 / ops.where(rest == 0, 1.0, rest), 0, 255)

    def _interpolated(self, x: Any, tables: Any, tall: int, broad: int) -> Any:
        """Between the tables of the four tiles whose middles are around each pixel."""
        down, across = self.tile_grid_size
        (top, bottom, low), (left, right, beside) = (
            _neighbours(x.shape[2], tall, down), _neighbours(x.shape[3], broad, across)
        )  # fmt: skip
        low, beside = low[:, None], beside[None, :]
        pixels = ops.cast(ops.clip(x, 0, 255), "int32")
        flat = ops.reshape(tables, (-1, x.shape[1], down * across * 256))

        def at(row: Any, column: Any) -> Any:
            tile = row[:, None] * across + column[None, :]
            place = ops.reshape(tile * 256 + pixels, (-1, x.shape[1], x.shape[2] * x.shape[3]))
            return ops.reshape(ops.take_along_axis(flat, place, axis=2), ops.shape(x))

        above = at(top, left) * (1.0 - beside) + at(top, right) * beside
        below = at(bottom, left) * (1.0 - beside) + at(bottom, right) * beside
        return above * (1.0 - low) + below * low


def _neighbours(size: int, length: int, count: int) -> tuple[Any, Any, Any]:
    """For each place of `size`: the tile of `length` whose middle is before it and the one behind,
    of `count`, and how far it is from one to the other."""
    where = (ops.arange(size, dtype="float32") - length / 2.0) / length
    before = ops.floor(where)
    first, second = (ops.cast(ops.clip(t, 0, count - 1), "int32") for t in (before, before + 1.0))
    return first, second, where - before
