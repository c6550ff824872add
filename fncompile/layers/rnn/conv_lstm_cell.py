"""One step of long short-term memory whose products are convolutions."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.layers.arguments import checked_data_format, checked_padding, int_tuple
from fncompile.layers.convolution.base import checked_count
from fncompile.layers.layout import channel_axis
from fncompile.layers.rnn.cell import WEIGHT_OPTIONS, RecurrentCell
from fncompile.layers.rnn.lstm_cell import gated


class ConvLSTMCell(RecurrentCell):
    """One step of ConvLSTM: as LSTM, with convolutions over `rank` axes in place of products.

    `options` has all that the layers take, by name; see `ConvLSTM`. States are [h, c], of the
    extents that the convolution of the inputs gives. Formula: Shi et al. 2015, without the weights
    of c in the gates.
    """

    gates = 4
    fields = (
        "filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate",
        "activation", "recurrent_activation", "use_bias", "unit_forget_bias", *WEIGHT_OPTIONS,
        "dropout", "recurrent_dropout", "seed",
    )  # fmt: skip

    def __init__(self, rank: int, options: dict[str, Any], **kwargs: Any):
        self.rank = rank
        self.filters = checked_count("filters", options["filters"])
        super().__init__(self.filters, options, **kwargs)
        self.kernel_size = int_tuple(options["kernel_size"], rank, "kernel_size")
        self.strides = int_tuple(options["strides"], rank, "strides")
        self.dilation_rate = int_tuple(options["dilation_rate"], rank, "dilation_rate")
        self.padding = checked_padding(options["padding"], ("same", "valid"))
        self.data_format = checked_data_format(options["data_format"])
        self.unit_forget_bias = options["unit_forget_bias"]
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                "Specifying `strides > 1` is not compatible with `dilation_rate > 1`. Please "
                "provide `strides=1` or `dilation_rate=1`. Received: "
                f"strides={self.strides} and dilation_rate={self.dilation_rate}"
            )

    @property
    def state_size(self) -> Any:
        """Filters of h and c."""
        return [self.filters, self.filters]

    @property
    def _channels(self) -> int:
        """Their axis."""
        return channel_axis(self.rank + 2, self.data_format)

    def build(self, input_shape: Any) -> None:
        channels = input_shape[self._channels]
        extents = [n for i, n in enumerate(input_shape) if i not in (0, self._channels)]
        if channels is None or None in extents:
            raise ValueError(
                "ConvLSTM layers only support static input shapes for the spatial dimension, and "
                f"the channels have to be known. Received: input_shape={input_shape}"
            )
        self.input_shape = tuple(input_shape[1:])
        width = self.gates * self.filters
        self.kernel = self._weight("kernel", "kernel", (*self.kernel_size, channels, width))
        own = (*self.kernel_size, self.filters, width)
        self.recurrent_kernel = self._weight("recurrent_kernel", "recurrent", own)
        self.bias = self._make_weight("bias", self._bias_shape()) if self.use_bias else None
        if self.bias is not None and self.unit_forget_bias:
            start = self.bias.numpy()
            start[self.filters : 2 * self.filters] = 1
            self.bias.assign(start)
        self.extents = [
            -(-n // s) if self.padding == "same" else (n - (k - 1) * d - 1) // s + 1
            for n, k, s, d in zip(extents, self.kernel_size, self.strides, self.dilation_rate)
        ]

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """Zeros for h and c."""
        shape = self._state_shape(batch_size)
        return [ops.zeros(shape, dtype=self.compute_dtype) for _ in range(2)]

    def _state_shape(self, batch_size: Any) -> tuple:
        first = self.data_format == "channels_first"
        inner = (self.filters, *self.extents) if first else (*self.extents, self.filters)
        return (batch_size, *inner)

    def dropout_masks(self, batch_size: Any, training: bool) -> tuple[list[Any], list[Any]]:
        """Factors of inputs and of h that all steps share, one of each a gate."""
        inputs, state = (batch_size, *self.input_shape), self._state_shape(batch_size)
        return (
            self._factors(self.gates, inputs, self.dropout, training),
            self._factors(self.gates, state, self.recurrent_dropout, training),
        )

    def _convolved(self, x: Any, kernel: Any, factors: list[Any], *options: Any) -> Any:
        """`x` and the kernel, whose gates have a factor each where there are any."""
        if not factors:
            return ops.conv(x, kernel, *options)
        parts = ops.split(kernel, len(factors), axis=-1)
        gates = [ops.conv(x * f, part, *options) for f, part in zip(factors, parts)]
        return ops.concatenate(gates, self._channels)

    def call(
        self, inputs: Any, states: Any, training: bool = False, dropout_masks: Any = None
    ) -> Any:
        h, c = states
        factors, recurrent = self._masks(inputs, training, dropout_masks)
        layout = self.data_format
        projected = self._convolved(
            inputs, self.kernel, factors, self.strides, self.padding, layout, self.dilation_rate
        )
        fed_back = self._convolved(h, self.recurrent_kernel, recurrent, 1, "same", layout)
        bias = self._along_channels(self.bias) if self.use_bias else None
        h, c = gated(self, projected, fed_back, bias, c, self._channels)
        return h, [h, c]

    def _along_channels(self, bias: Any) -> Any:
        if self.data_format == "channels_last":
            return bias
        return ops.reshape(bias, (bias.shape[0], *[1] * self.rank))
