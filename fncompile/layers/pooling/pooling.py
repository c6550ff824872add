"""The maximum or the mean of each window."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.layers.arguments import checked_data_format, checked_padding, int_tuple
from fncompile.layers.input_spec import InputSpec
from fncompile.layers.standard import StandardLayer


class Pooling(StandardLayer):
    """Base of pooling over windows of `rank` axes.

    `pool_size`: the extents of a window, one for all axes or one for each; `strides`: how far apart
    windows lie, as `pool_size` if None; `padding`: "valid" for none, "same" for results of the
    extent of the input over the stride; `data_format`: "channels_last" for
    (batch, *extents, channels), "channels_first" for (batch, channels, *extents), the configured
    one if None. ValueError for other values, and where no window fits.
    """

    fields = ("pool_size", "padding", "strides", "data_format")
    _stateless = True
    rank: int

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.pool_size = int_tuple(pool_size, self.rank, "pool_size")
        strides = self.pool_size if strides is None else strides
        self.strides = int_tuple(strides, self.rank, "strides")
        self.padding = checked_padding(padding)
        self.data_format = checked_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)


class MaxPooling(Pooling):
    """The maximum of each window. What `padding` adds is never the maximum."""

    def __init__(self, pool_size: Any = 2, *args: Any, **kwargs: Any):
        super().__init__(pool_size, *args, **kwargs)

    def call(self, inputs: Any) -> Any:
        return ops.max_pool(inputs, self.pool_size, self.strides, self.padding, self.data_format)


class AveragePooling(Pooling):
    """The mean of each window. What `padding` adds does not count."""

    def call(self, inputs: Any) -> Any:
        return ops.average_pool(
            inputs, self.pool_size, self.strides, self.padding, self.data_format
        )


class MaxPooling1D(MaxPooling):
    """The maximum of each window of steps.

    >>> layers.MaxPooling1D(2)(np.array([[[1.0], [5.0], [2.0], [3.0]]])).ravel()
    array([5., 3.], dtype=float32)
    """

    rank = 1


class MaxPooling2D(MaxPooling):
    """The maximum of each window of an image.

    >>> layers.MaxPooling2D()(np.ones((1, 8, 8, 3))).shape
    (1, 4, 4, 3)
    """

    rank = 2


class MaxPooling3D(MaxPooling):
    """The maximum of each window of a volume.

    >>> layers.MaxPooling3D((1, 2, 2))(np.ones((1, 3, 8, 8, 3))).shape
    (1, 3, 4, 4, 3)
    """

    rank = 3


class AveragePooling1D(AveragePooling):
    """The mean of each window of steps.

    >>> layers.AveragePooling1D(2)(np.array([[[1.0], [5.0], [2.0], [3.0]]])).ravel()
    array([3. , 2.5], dtype=float32)
    """

    rank = 1


class AveragePooling2D(AveragePooling):
    """The mean of each window of an image.

    >>> layers.AveragePooling2D(2)(np.ones((1, 8, 8, 3))).shape
    (1, 4, 4, 3)
    """

    rank = 2


class AveragePooling3D(AveragePooling):
    """The mean of each window of a volume.

    >>> layers.AveragePooling3D((1, 2, 2))(np.ones((1, 3, 8, 8, 3))).shape
    (1, 3, 4, 4, 3)
    """

    rank = 3
