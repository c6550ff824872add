"""The maximum or the mean of everything a channel holds."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.layers.arguments import checked_data_format
from fncompile.layers.input_spec import InputSpec
from fncompile.layers.layout import spatial_axes
from fncompile.layers.standard import StandardLayer


class GlobalPooling(StandardLayer):
    """Base of what sums up all `rank` spatial axes."""

    fields = ("data_format", "keepdims")
    _stateless = True
    rank: int

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = checked_data_format(data_format)
        self.keepdims = keepdims
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @property
    def _axes(self) -> tuple[int, ...]:
        return spatial_axes(self.rank + 2, self.data_format)


class GlobalMaxPooling(GlobalPooling):
    """The maximum."""

    def call(self, inputs: Any) -> Any:
        return ops.max(inputs, axis=self._axes, keepdims=self.keepdims)


class GlobalAveragePooling(GlobalPooling):
    """The mean."""

    def call(self, inputs: Any) -> Any:
        return ops.mean(inputs, axis=self._axes, keepdims=self.keepdims)


class GlobalMaxPooling1D(GlobalMaxPooling):
    """The maximum over the steps of a sequence, channel by channel.

    `data_format`: "channels_last" for (batch, steps, channels), "channels_first" for
    (batch, channels, steps), or None for the configured one; ValueError for others. Gives
    (batch, channels); with `keepdims` the axis of steps stays, with extent 1.

    >>> layers.GlobalMaxPooling1D()(np.array([[[1.0, 5.0], [3.0, 2.0]]]))
    array([[3., 5.]], dtype=float32)
    """

    rank = 1


class GlobalMaxPooling2D(GlobalMaxPooling):
    """The maximum over height and width, channel by channel.

    `data_format`: "channels_last" for (batch, height, width, channels), "channels_first" for
    (batch, channels, height, width), or None for the configured one; ValueError for others. Gives
    (batch, channels); with `keepdims` the spatial axes stay, with extent 1.

    >>> layers.GlobalMaxPooling2D()(np.ones((2, 4, 4, 3))).shape
    (2, 3)
    """

    rank = 2


class GlobalMaxPooling3D(GlobalMaxPooling):
    """The maximum over three spatial axes, channel by channel.

    `data_format`: "channels_last" for (batch, a, b, c, channels), "channels_first" for
    (batch, channels, a, b, c), or None for the configured one; ValueError for others. Gives
    (batch, channels); with `keepdims` the spatial axes stay, with extent 1.

    >>> layers.GlobalMaxPooling3D(keepdims=True)(np.ones((2, 4, 4, 4, 3))).shape
    (2, 1, 1, 1, 3)
    """

    rank = 3


class GlobalAveragePooling1D(GlobalAveragePooling):
    """The mean over the steps of a sequence, channel by channel.

    A mask (batch, steps) leaves steps out, and ends here. `data_format`: "channels_last" for
    (batch, steps, channels), "channels_first" for (batch, channels, steps), or None for the
    configured one; ValueError for others. Gives (batch, channels); with `keepdims` the axis of
    steps stays, with extent 1.

    >>> layers.GlobalAveragePooling1D()(np.array([[[1.0, 5.0], [3.0, 2.0]]]))
    array([[2. , 3.5]], dtype=float32)
    """

    rank = 1

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return super().call(inputs)
        (axis,) = self._axes
        weights = ops.expand_dims(ops.cast(mask, inputs.dtype), 3 - axis)
        total = ops.sum(inputs * weights, axis=axis, keepdims=self.keepdims)
        return total / ops.sum(weights, axis=axis, keepdims=self.keepdims)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None


class GlobalAveragePooling2D(GlobalAveragePooling):
    """The mean over height and width, channel by channel.

    `data_format`: "channels_last" for (batch, height, width, channels), "channels_first" for
    (batch, channels, height, width), or None for the configured one; ValueError for others. Gives
    (batch, channels); with `keepdims` the spatial axes stay, with extent 1.

    >>> layers.GlobalAveragePooling2D()(np.ones((2, 4, 4, 3))).shape
    (2, 3)
    """

    rank = 2


class GlobalAveragePooling3D(GlobalAveragePooling):
    """The mean over three spatial axes, channel by channel.

    `data_format`: "channels_last" for (batch, a, b, c, channels), "channels_first" for
    (batch, channels, a, b, c), or None for the configured one; ValueError for others. Gives
    (batch, channels); with `keepdims` the spatial axes stay, with extent 1.

    >>> layers.GlobalAveragePooling3D(keepdims=True)(np.ones((2, 4, 4, 4, 3))).shape
    (2, 1, 1, 1, 3)
    """

    rank = 3
