"""Transposed convolutions: what the gradient of a convolution does, as a layer."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.layers.arguments import int_tuple
from fncompile.layers.convolution.base import Convolution, checked_count
from fncompile.layers.standard import weight_fields


class ConvTranspose(Convolution):
    """Each input adds the kernel times itself to a neighbourhood of the result; with strides the
    result is larger than the input.

    `filters`: how many results at each place; `output_padding`: how much longer each axis of the
    result is than it needs to be, less than the stride; None for what Keras takes then. The kernel
    (*kernel_size, filters, channels) has `kernel_initializer`, `kernel_regularizer` and
    `kernel_constraint`.
    """

    fields = (
        "filters", "kernel_size", "strides", "padding", "output_padding", "data_format",
        "dilation_rate", "activation", "use_bias", *weight_fields("kernel", "bias"),
    )  # fmt: skip

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.filters = checked_count("filters", filters)
        self._shape_options(kernel_size, strides, padding, data_format, dilation_rate)
        self._check_strides()
        self.output_padding = self._checked_output_padding(output_padding)
        self._output_options(
            activation, use_bias, bias_initializer, bias_regularizer, bias_constraint
        )
        self._weight_options("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)

    def _checked_output_padding(self, value: Any) -> tuple[int, ...] | None:
        if value is None:
            return None
        found = int_tuple(value, self.rank, "output_padding", allow_zero=True)
        for axis, (more, stride) in enumerate(zip(found, self.strides)):
            if more >= stride:
                raise ValueError(
                    "`output_padding` must be strictly less than `strides` for all dimensions. At "
                    f"dimension {axis}, `output_padding` is {more} but `strides` is {stride}. "
                    f"Received: output_padding={found}, strides={self.strides}"
                )
        return found

    def build(self, input_shape: tuple) -> None:
        channels = self._channels(input_shape)
        self.kernel = self._make_weight("kernel", (*self.kernel_size, self.filters, channels))
        self._make_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        return self._finished(inputs, self._convolved)

    def _convolved(self, x: Any) -> Any:
        return ops.conv_transpose(
            x, self.kernel, self.strides, self.padding, self.output_padding, "channels_last",
            self.dilation_rate,
        )  # fmt: skip


class Conv1DTranspose(ConvTranspose):
    """Transposed convolution along the steps of a sequence.

    >>> layer = layers.Conv1DTranspose(1, 2, strides=2, kernel_initializer="ones")
    >>> layer(np.array([[[1.0], [2.0]]])).ravel()
    array([1., 1., 2., 2.], dtype=float32)
    """

    rank = 1


class Conv2DTranspose(ConvTranspose):
    """Transposed convolution of images.

    >>> layers.Conv2DTranspose(8, 3, strides=2, padding="same")(np.ones((1, 7, 7, 4))).shape
    (1, 14, 14, 8)
    """

    rank = 2


class Conv3DTranspose(ConvTranspose):
    """Transposed convolution of volumes. Unlike in 1 and 2 dimensions, `data_format` comes before
    `output_padding`.

    >>> layers.Conv3DTranspose(2, 3)(np.ones((1, 2, 3, 4, 1))).shape
    (1, 4, 5, 6, 2)
    """

    rank = 3

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Any = None,
        *args: Any,
        **kwargs: Any,
    ):
        super().__init__(
            filters, kernel_size, strides, padding, output_padding, data_format, *args, **kwargs
        )
