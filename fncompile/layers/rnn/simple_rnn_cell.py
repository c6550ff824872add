"""One step of a plain recurrence."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.layers.rnn.cell import WEIGHT_OPTIONS, RecurrentCell, cell_options, in_float


class SimpleRNNCell(RecurrentCell):
    """One step of SimpleRNN: `activation(x W + b + h U)`.

    `units`: width of state and output; `activation`: a name or function; `use_bias`; for W
    (kernel), U (recurrent) and b (bias), `kernel_initializer`, `recurrent_initializer`,
    `bias_initializer`, `kernel_regularizer`, `recurrent_regularizer`, `bias_regularizer`,
    `kernel_constraint`, `recurrent_constraint`, `bias_constraint`: names or objects; `dropout` and
    `recurrent_dropout`: the share of inputs and of states that are 0 in training; `seed`: that of
    dropout. Takes inputs (batch, features) and a list of one state. ValueError for units that are
    no positive whole number.

    >>> cell = layers.SimpleRNNCell(4)
    >>> output, states = cell(np.ones((2, 3)), [np.zeros((2, 4))])
    >>> output.shape
    (2, 4)
    """

    fields = ("units", "activation", "use_bias", *WEIGHT_OPTIONS, "dropout", "recurrent_dropout",
              "seed")  # fmt: skip

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(units, cell_options(locals()), **kwargs)

    def call(
        self, sequence: Any, states: Any, training: bool = False, dropout_masks: Any = None
    ) -> Any:
        state = states[0] if isinstance(states, (list, tuple)) else states
        inputs, recurrent = self._masks(sequence, training, dropout_masks)
        projected = self._projected(sequence, self.kernel, inputs)
        fed_back = self._projected(state, self.recurrent_kernel, recurrent)
        total, more = in_float(projected, fed_back)
        if self.use_bias:
            total = total + ops.cast(self.bias, total.dtype)
        output = ops.cast(self.activation(total + more), projected.dtype)
        return output, [output] if isinstance(states, (list, tuple)) else output
