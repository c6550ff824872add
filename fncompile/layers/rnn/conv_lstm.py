"""Long short-term memory of images: convolutions in place of products."""

from __future__ import annotations

from typing import Any

from fncompile.layers.input_spec import InputSpec
from fncompile.layers.rnn.cell_layer import CellLayer
from fncompile.layers.rnn.conv_lstm_cell import ConvLSTMCell


class ConvLSTM(CellLayer):
    """Base of ConvLSTM1D, 2D and 3D: LSTM of inputs that have extents and channels.

    `filters`: channels of states and outputs; `kernel_size`: taps of both convolutions; `strides`,
    `padding` ("valid" or "same") and `dilation_rate`: of that of the inputs, one number for all
    axes or one for each; that of the states gives the extents that it takes; `data_format`:
    "channels_last" or "channels_first", the configured one if None; `activation`: of candidate and
    state; `recurrent_activation`: of the gates; `use_bias`; `unit_forget_bias`: the bias begins as
    1 for the forget gate; `kernel_initializer`, `recurrent_initializer`, `bias_initializer`,
    `kernel_regularizer`, `recurrent_regularizer`, `bias_regularizer`, `activity_regularizer`,
    `kernel_constraint`, `recurrent_constraint`, `bias_constraint`: names or objects; `dropout` and
    `recurrent_dropout`: the share of inputs and of states that are 0 in training, the same in all
    steps; `seed`: that of dropout; `return_sequences`, `return_state`, `go_backwards` and
    `stateful` as LSTM has them. Takes (batch, steps, *extents, channels) of known extents, and
    optionally `initial_state`, a list of h and c, and a mask (batch, steps). ValueError for options
    that do not fit.
    """

    cell_type = ConvLSTMCell
    cell_name = "conv_lstm_cell"
    rank: int

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        **kwargs: Any,
    ):
        scope = locals()
        options = {name: scope[name] for name in ConvLSTMCell.fields}
        super().__init__(
            {"rank": self.rank, "options": options},
            activity_regularizer=activity_regularizer,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            **kwargs,
        )
        self.input_spec = InputSpec(ndim=self.rank + 3)


class ConvLSTM1D(ConvLSTM):
    """LSTM of sequences of sequences.

    >>> layers.ConvLSTM1D(4, 3)(np.ones((2, 5, 8, 3))).shape
    (2, 6, 4)
    """

    rank = 1


class ConvLSTM2D(ConvLSTM):
    """LSTM of sequences of images, as of a radar that sees the rain move.

    >>> layer = layers.ConvLSTM2D(4, 3, padding="same", return_sequences=True)
    >>> layer(np.ones((2, 3, 8, 8, 1))).shape
    (2, 3, 8, 8, 4)
    """

    rank = 2


class ConvLSTM3D(ConvLSTM):
    """LSTM of sequences of volumes.

    >>> layers.ConvLSTM3D(2, 2)(np.ones((1, 3, 4, 4, 4, 1))).shape
    (1, 3, 3, 3, 2)
    """

    rank = 3
