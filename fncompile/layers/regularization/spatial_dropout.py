"""Channels that are left out by chance, in training."""

from __future__ import annotations

from typing import Any

from fncompile.layers.arguments import checked_data_format
from fncompile.layers.input_spec import InputSpec
from fncompile.layers.layout import spatial_axes
from fncompile.layers.regularization.dropout import Dropout


class SpatialDropout(Dropout):
    """A Dropout with one decision for all places of a channel of a sample."""

    fields: tuple[str, ...] = ("rate", "seed", "data_format")
    rank: int

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        self.data_format = checked_data_format(data_format)
        spatial = spatial_axes(self.rank + 2, self.data_format)
        noise_shape = [1 if axis in spatial else None for axis in range(self.rank + 2)]
        super().__init__(rate, noise_shape, seed, name=name, dtype=dtype)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, which are fewer than those of other layers."""
        config = super().get_config()
        return {key: config[key] for key in (*self.fields, "name", "dtype")}


class SpatialDropout1D(SpatialDropout):
    """In training, each channel of a sequence is 0 with probability `rate`, else divided by
    `1 - rate`.

    ValueError unless 0 <= rate <= 1. `seed`: a whole number, None for another at each run, or a
    SeedGenerator; `name` and `dtype` as for `Layer`. Takes and gives (batch, steps, channels).

    >>> x = layers.SpatialDropout1D(0.5, seed=1)(np.ones((1, 3, 8)), training=True)
    >>> bool((x == x[:, :1]).all())
    True
    """

    fields = ("rate", "seed")
    rank = 1

    def __init__(
        self, rate: float, seed: int | None = None, name: str | None = None, dtype: Any = None
    ):
        super().__init__(rate, "channels_last", seed, name, dtype)


class SpatialDropout2D(SpatialDropout):
    """In training, each channel of an image is 0 with probability `rate`, else divided by
    `1 - rate`.

    ValueError unless 0 <= rate <= 1. `data_format`: "channels_last" for
    (batch, height, width, channels), "channels_first" for (batch, channels, height, width), or None
    for the configured one; `seed`: a whole number, None for another at each run, or a
    SeedGenerator; `name` and `dtype` as for `Layer`. The result has the shape of the input.

    >>> x = layers.SpatialDropout2D(0.5, seed=1)(np.ones((1, 3, 3, 8)), training=True)
    >>> bool((x == x[:, :1, :1]).all())
    True
    """

    rank = 2


class SpatialDropout3D(SpatialDropout):
    """In training, each channel of a volume is 0 with probability `rate`, else divided by
    `1 - rate`.

    ValueError unless 0 <= rate <= 1. `data_format`: "channels_last" for
    (batch, a, b, c, channels), "channels_first" for (batch, channels, a, b, c), or None for the
    configured one; `seed`: a whole number, None for another at each run, or a SeedGenerator;
    `name` and `dtype` as for `Layer`. The result has the shape of the input.

    >>> x = layers.SpatialDropout3D(0.5, seed=1)(np.ones((1, 2, 2, 2, 8)), training=True)
    >>> bool((x == x[:, :1, :1, :1]).all())
    True
    """

    rank = 3
