"""Samples made larger by a whole factor."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.layers.arguments import checked_data_format, int_tuple
from fncompile.layers.input_spec import InputSpec
from fncompile.layers.layout import as_given, channels_last, spatial_axes
from fncompile.layers.standard import StandardLayer
from fncompile.ops.image.resize import check_interpolation


class UpSampling1D(StandardLayer):
    """Each step of a sequence `size` times.

    TypeError or ValueError where `size` is no positive whole number. Takes
    (batch, steps, channels).

    >>> layers.UpSampling1D(2)(np.array([[[1.0], [2.0]]])).ravel()
    array([1., 1., 2., 2.], dtype=float32)
    """

    fields = ("size",)

    def __init__(self, size: int = 2, **kwargs: Any):
        super().__init__(**kwargs)
        if isinstance(size, bool) or not isinstance(size, int):
            raise TypeError(f"Expected an integer value for `size`, got {type(size)}.")
        if size <= 0:
            raise ValueError(f"Argument `size` should be a positive integer. Received: size={size}")
        self.size = size
        self.input_spec = InputSpec(ndim=3)

    def call(self, inputs: Any) -> Any:
        return ops.repeat(inputs, self.size, 1)


class UpSampling2D(StandardLayer):
    """Images made `size` times as large, by repeated pixels or by ones in between.

    `size`: one factor, or one for the height and one for the width; `data_format`: "channels_last"
    for (batch, height, width, channels) or "channels_first" for (batch, channels, height, width),
    the configured one if None; `interpolation`: "nearest" repeats pixels, "bilinear", "bicubic",
    "lanczos3" and "lanczos5" are those of `ops.image.resize`. ValueError for other values.

    >>> layers.UpSampling2D(2)(np.array([[[[1.0], [2.0]]]]))[0, :, :, 0]
    array([[1., 1., 2., 2.],
           [1., 1., 2., 2.]], dtype=float32)
    """

    fields = ("size", "data_format", "interpolation")

    def __init__(
        self,
        size: Any = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.data_format = checked_data_format(data_format)
        self.size = int_tuple(size, 2, "size")
        self.interpolation = str(interpolation).lower()
        check_interpolation(self.interpolation)
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs: Any) -> Any:
        if self.interpolation == "nearest":
            return _repeated(inputs, self.size, self.data_format)
        x = channels_last(inputs, self.data_format)
        _, height, width, _ = ops.shape(x)
        size = (height * self.size[0], width * self.size[1])
        x = ops.image.resize(x, size, self.interpolation, data_format="channels_last")
        return as_given(x, self.data_format)


class UpSampling3D(StandardLayer):
    """Volumes made `size` times as large by repeating their elements.

    `size`: one factor, or one for each of the three axes; `data_format`: "channels_last" for
    (batch, a, b, c, channels) or "channels_first" for (batch, channels, a, b, c), the configured
    one if None. ValueError for other values.

    >>> layers.UpSampling3D((1, 2, 3))(np.ones((1, 2, 2, 2, 1))).shape
    (1, 2, 4, 6, 1)
    """

    fields = ("size", "data_format")

    def __init__(self, size: Any = (2, 2, 2), data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = checked_data_format(data_format)
        self.size = int_tuple(size, 3, "size")
        self.input_spec = InputSpec(ndim=5)

    def call(self, inputs: Any) -> Any:
        return _repeated(inputs, self.size, self.data_format)


def _repeated(x: Any, size: tuple[int, ...], data_format: str) -> Any:
    for axis, count in zip(spatial_axes(len(x.shape), data_format), size):
        x = ops.repeat(x, count, axis)
    return x
