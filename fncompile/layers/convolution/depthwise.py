"""Convolutions of each channel by itself, and such followed by a product over channels."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.layers.convolution.base import Convolution, checked_count
from fncompile.layers.standard import weight_fields


class DepthwiseConv(Convolution):
    """Each channel convolved by itself with `depth_multiplier` kernels.

    The kernel (*kernel_size, channels, depth_multiplier) has `depthwise_initializer`,
    `depthwise_regularizer` and `depthwise_constraint`; results have channels * depth_multiplier
    channels, those of one channel together.
    """

    fields = (
        "depth_multiplier", "kernel_size", "strides", "padding", "data_format", "dilation_rate",
        "activation", "use_bias", *weight_fields("depthwise", "bias"),
    )  # fmt: skip

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.depth_multiplier = checked_count("depth_multiplier", depth_multiplier)
        self._shape_options(kernel_size, strides, padding, data_format, dilation_rate)
        self._output_options(
            activation, use_bias, bias_initializer, bias_regularizer, bias_constraint
        )
        self._weight_options(
            "depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint
        )

    def build(self, input_shape: tuple) -> None:
        channels = self._channels(input_shape)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = self._make_weight("kernel", shape, options="depthwise")
        self._make_bias(channels * self.depth_multiplier)

    def call(self, inputs: Any) -> Any:
        return self._finished(inputs, self._convolved)

    def _convolved(self, x: Any) -> Any:
        return ops.depthwise_conv(
            x, self.kernel, self.strides, self.padding, "channels_last", self.dilation_rate
        )


class DepthwiseConv1D(DepthwiseConv):
    """Convolution of each channel of a sequence by itself.

    >>> layers.DepthwiseConv1D(3, depth_multiplier=2)(np.ones((1, 8, 4))).shape
    (1, 6, 8)
    """

    rank = 1


class DepthwiseConv2D(DepthwiseConv):
    """Convolution of each channel of an image by itself.

    >>> layers.DepthwiseConv2D(3, padding="same")(np.ones((1, 8, 8, 4))).shape
    (1, 8, 8, 4)
    """

    rank = 2


class SeparableConv(Convolution):
    """Each channel convolved by itself with `depth_multiplier` kernels, then at each place
    `filters` sums over all of them.

    The kernels (*kernel_size, channels, depth_multiplier) and
    (1, ..., channels * depth_multiplier, filters) have `depthwise_initializer`,
    `depthwise_regularizer`, `depthwise_constraint`, and `pointwise_initializer`,
    `pointwise_regularizer`, `pointwise_constraint`.
    """

    fields = (
        "depth_multiplier", "filters", "kernel_size", "strides", "padding", "data_format",
        "dilation_rate", "activation", "use_bias",
        *weight_fields("depthwise", "pointwise", "bias"),
    )  # fmt: skip

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.filters = checked_count("filters", filters)
        self.depth_multiplier = checked_count("depth_multiplier", depth_multiplier)
        self._shape_options(kernel_size, strides, padding, data_format, dilation_rate)
        self._output_options(
            activation, use_bias, bias_initializer, bias_regularizer, bias_constraint
        )
        self._weight_options(
            "depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint
        )
        self._weight_options(
            "pointwise", pointwise_initializer, pointwise_regularizer, pointwise_constraint
        )

    def build(self, input_shape: tuple) -> None:
        channels = self._channels(input_shape)
        deep = (*self.kernel_size, channels, self.depth_multiplier)
        across = (*(1,) * self.rank, channels * self.depth_multiplier, self.filters)
        self.depthwise_kernel = self._make_weight("depthwise_kernel", deep, options="depthwise")
        self.pointwise_kernel = self._make_weight("pointwise_kernel", across, options="pointwise")
        self._make_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        return self._finished(inputs, self._convolved)

    def _convolved(self, x: Any) -> Any:
        return ops.separable_conv(
            x, self.depthwise_kernel, self.pointwise_kernel, self.strides, self.padding,
            "channels_last", self.dilation_rate,
        )  # fmt: skip


class SeparableConv1D(SeparableConv):
    """Separable convolution along the steps of a sequence.

    >>> layers.SeparableConv1D(5, 3)(np.ones((1, 8, 4))).shape
    (1, 6, 5)
    """

    rank = 1


class SeparableConv2D(SeparableConv):
    """Separable convolution of images.

    >>> layers.SeparableConv2D(5, 3, padding="same")(np.ones((1, 8, 8, 4))).shape
    (1, 8, 8, 5)
    """

    rank = 2
