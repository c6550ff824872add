"""What all convolutions share: arguments, the bias, the activation, the layout of channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fncompile import activations
from fncompile.layers.arguments import checked_data_format, checked_padding, int_tuple
from fncompile.layers.input_spec import InputSpec
from fncompile.layers.layout import as_given, channel_axis, channels_last
from fncompile.layers.standard import StandardLayer


class Convolution(StandardLayer):
    """Base of the convolutions over `rank` axes.

    `kernel_size`, `strides`, `dilation_rate`: one whole number for all axes, or one for each;
    `padding`: "valid" for none, "same" for results of the extent of the input over the stride;
    `data_format`: "channels_last" for (batch, *extents, channels), "channels_first" for
    (batch, channels, *extents), the configured one if None; `activation`: a name or a function;
    `use_bias`: whether there is a bias, one number for each filter. Initializers, regularizers and
    constraints (`bias_initializer`, `bias_regularizer`, `bias_constraint` and those of the kernel)
    and `activity_regularizer` are names or objects. ValueError for other values.
    """

    rank: int
    paddings: tuple[str, ...] = ("same", "valid")
    kernel: Any
    bias: Any

    def _shape_options(
        self, kernel_size: Any, strides: Any, padding: str, data_format: Any, dilation_rate: Any
    ) -> None:
        self.kernel_size = int_tuple(kernel_size, self.rank, "kernel_size")
        self.strides = int_tuple(strides, self.rank, "strides")
        self.dilation_rate = int_tuple(dilation_rate, self.rank, "dilation_rate")
        self.padding = checked_padding(padding, self.paddings)
        self.data_format = checked_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=self.rank + 2)

    def _output_options(
        self, activation: Any, use_bias: bool, initializer: Any, regularizer: Any, constraint: Any
    ) -> None:
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self._weight_options("bias", initializer, regularizer, constraint)

    def _check_strides(self) -> None:
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                "`strides > 1` not supported in conjunction with `dilation_rate > 1`. Received: "
                f"strides={self.strides} and dilation_rate={self.dilation_rate}"
            )

    def _channels(self, input_shape: tuple) -> int:
        """The channels of the input, which from now on have to be as many."""
        rank = self.rank + 2
        axis = channel_axis(rank, self.data_format)
        if len(input_shape) != rank:
            raise ValueError(
                f"Layer '{self.name}' takes inputs with {rank} axes: batch, {self.rank} extents "
                f"and channels. Received: input_shape={input_shape}"
            )
        channels = input_shape[axis]
        if channels is None:
            raise ValueError(
                f"The channels of the inputs of layer '{self.name}' should be known. Found `None` "
                f"at axis {axis}. Received: input_shape={input_shape}"
            )
        named = -1 if self.data_format == "channels_last" else 1
        self.input_spec = InputSpec(min_ndim=rank, axes={named: channels})
        return channels

    def _make_bias(self, filters: int) -> None:
        self.bias = self._make_weight("bias", (filters,)) if self.use_bias else None

    def _finished(self, inputs: Any, convolve: Callable[[Any], Any]) -> Any:
        """`convolve`, which takes and gives channels last, with bias and activation."""
        x = convolve(channels_last(inputs, self.data_format))
        x = as_given(x if self.bias is None else x + self.bias, self.data_format)
        return x if self.activation is None else self.activation(x)


def checked_count(name: str, value: Any) -> int:
    """`value`; ValueError unless it is a whole number above 0."""
    whole = not isinstance(value, bool) and hasattr(value, "__index__")
    if not whole or value <= 0:
        raise ValueError(
            f"Invalid value for argument `{name}`. Expected a strictly positive value. Received "
            f"{name}={value}."
        )
    return int(value)
