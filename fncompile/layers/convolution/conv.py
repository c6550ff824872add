"""Convolutions."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.layers.convolution.base import Convolution, checked_count
from fncompile.layers.standard import weight_fields


class Conv(Convolution):
    """Each result is the sum of a neighbourhood times a kernel, over the channels of its group.

    `filters`: how many results at each place; `groups`: into how many groups channels and filters
    fall, each convolved by itself. The kernel (*kernel_size, channels / groups, filters) has
    `kernel_initializer`, `kernel_regularizer` and `kernel_constraint`.
    """

    fields = (
        "filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate", "groups",
        "activation", "use_bias", *weight_fields("kernel", "bias"),
    )  # fmt: skip

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
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
        self.groups = groups
        self._check_groups()
        self._shape_options(kernel_size, strides, padding, data_format, dilation_rate)
        self._check_strides()
        self._output_options(
            activation, use_bias, bias_initializer, bias_regularizer, bias_constraint
        )
        self._weight_options("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)

    def _check_groups(self) -> None:
        if not isinstance(self.groups, int) or self.groups <= 0:
            raise ValueError(
                "The number of groups must be a positive integer. "
                f"Received: groups={self.groups}."
            )
        if self.filters % self.groups:
            raise ValueError(
                "The number of filters must be evenly divisible by the number of groups. "
                f"Received: groups={self.groups}, filters={self.filters}."
            )

    def build(self, input_shape: tuple) -> None:
        channels = self._channels(input_shape)
        if channels % self.groups:
            raise ValueError(
                "The number of input channels must be evenly divisible by the number of groups. "
                f"Received groups={self.groups}, but the input has {channels} channels (full input "
                f"shape is {input_shape})."
            )
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self.kernel = self._make_weight("kernel", shape)
        self._make_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        return self._finished(inputs, self._convolved)

    def _convolved(self, x: Any) -> Any:
        return ops.conv(
            x, self.kernel, self.strides, self.padding, "channels_last", self.dilation_rate
        )


class Conv1D(Conv):
    """Convolution along the steps of a sequence.

    With `padding="causal"` no result depends on later steps.

    >>> layer = layers.Conv1D(1, 2, kernel_initializer="ones")
    >>> layer(np.array([[[1.0], [2.0], [4.0]]])).ravel()
    array([3., 6.], dtype=float32)
    """

    rank = 1
    paddings = ("causal", "same", "valid")


class Conv2D(Conv):
    """Convolution of images.

    >>> layers.Conv2D(8, 3, activation="relu")(np.ones((1, 28, 28, 1))).shape
    (1, 26, 26, 8)
    """

    rank = 2


class Conv3D(Conv):
    """Convolution of volumes.

    >>> layers.Conv3D(4, (1, 3, 3), padding="same")(np.ones((1, 5, 6, 7, 2))).shape
    (1, 5, 6, 7, 4)
    """

    rank = 3
