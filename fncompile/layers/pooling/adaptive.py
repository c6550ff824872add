"""The maximum or the mean of windows as wide as it takes for a given number of results."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.layers.arguments import checked_data_format, int_tuple
from fncompile.layers.input_spec import InputSpec
from fncompile.layers.standard import StandardLayer


class AdaptivePooling(StandardLayer):
    """Base of pooling to a given size over `rank` axes.

    `output_size`: the extents of the result, one for all axes or one for each; `data_format`:
    "channels_last" for (batch, *extents, channels), "channels_first" for
    (batch, channels, *extents), the configured one if None. ValueError for other values, and where
    an extent of the input is not known. Result i of n along an axis of extent e is over the
    elements from i e / n, rounded down, to (i + 1) e / n, rounded up.
    """

    fields = ("output_size", "data_format")
    _stateless = True
    rank: int

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.output_size = int_tuple(output_size, self.rank, "output_size")
        self.data_format = checked_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)


class AdaptiveMaxPooling(AdaptivePooling):
    """The maxima."""

    def call(self, inputs: Any) -> Any:
        return ops.adaptive_max_pool(inputs, self.output_size, self.data_format)


class AdaptiveAveragePooling(AdaptivePooling):
    """The means."""

    def call(self, inputs: Any) -> Any:
        return ops.adaptive_average_pool(inputs, self.output_size, self.data_format)


class AdaptiveMaxPooling1D(AdaptiveMaxPooling):
    """A given number of maxima of a sequence.

    >>> layers.AdaptiveMaxPooling1D(2)(np.array([[[1.0], [5.0], [2.0]]])).ravel()
    array([5., 5.], dtype=float32)
    """

    rank = 1


class AdaptiveMaxPooling2D(AdaptiveMaxPooling):
    """A given number of maxima of an image.

    >>> layers.AdaptiveMaxPooling2D(3)(np.ones((1, 7, 8, 2))).shape
    (1, 3, 3, 2)
    """

    rank = 2


class AdaptiveMaxPooling3D(AdaptiveMaxPooling):
    """A given number of maxima of a volume.

    >>> layers.AdaptiveMaxPooling3D((1, 2, 3))(np.ones((1, 4, 4, 5, 2))).shape
    (1, 1, 2, 3, 2)
    """

    rank = 3


class AdaptiveAveragePooling1D(AdaptiveAveragePooling):
    """A given number of means of a sequence.

    >>> layers.AdaptiveAveragePooling1D(2)(np.array([[[1.0], [5.0], [2.0]]])).ravel()
    array([3. , 3.5], dtype=float32)
    """

    rank = 1


class AdaptiveAveragePooling2D(AdaptiveAveragePooling):
    """A given number of means of an image.

    >>> layers.AdaptiveAveragePooling2D(3)(np.ones((1, 7, 8, 2))).shape
    (1, 3, 3, 2)
    """

    rank = 2


class AdaptiveAveragePooling3D(AdaptiveAveragePooling):
    """A given number of means of a volume.

    >>> layers.AdaptiveAveragePooling3D((1, 2, 3))(np.ones((1, 4, 4, 5, 2))).shape
    (1, 1, 2, 3, 2)
    """

    rank = 3
