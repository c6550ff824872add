"""One step of long short-term memory."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.layers.rnn.cell import WEIGHT_OPTIONS, RecurrentCell, cell_options, in_float


class LSTMCell(RecurrentCell):
    """One step of LSTM: gates `i, f, g, o` of `x W + h U + b`, then `c = f c + i g` and
    `h = o activation(c)`.

    `units`: width of states and output; `activation`: of g and c; `recurrent_activation`: of the
    gates i, f and o; `use_bias`; for W (kernel), U (recurrent) and b (bias), `kernel_initializer`,
    `recurrent_initializer`, `bias_initializer`, `kernel_regularizer`, `recurrent_regularizer`,
    `bias_regularizer`, `kernel_constraint`, `recurrent_constraint`, `bias_constraint`: names or
    objects; `unit_forget_bias`: b begins as 1 for f; `dropout` and `recurrent_dropout`: the share
    of inputs and of states that are 0 in training; `seed`: that of dropout. Takes inputs (batch,
    features) and the states [h, c]. ValueError for units that are no positive whole number.
    Formula: Hochreiter and Schmidhuber 1997, with a forget gate.

    >>> cell = layers.LSTMCell(4)
    >>> output, states = cell(np.ones((2, 3)), [np.zeros((2, 4)), np.zeros((2, 4))])
    >>> len(states)
    2
    """

    gates = 4
    fields = (
        "units", "activation", "recurrent_activation", "use_bias", "unit_forget_bias",
        *WEIGHT_OPTIONS, "dropout", "recurrent_dropout", "seed",
    )  # fmt: skip

    def __init__(
        self,
        units: int,
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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(units, cell_options(locals(), "recurrent_activation"), **kwargs)
        self.unit_forget_bias = unit_forget_bias

    @property
    def state_size(self) -> Any:
        """Units of h and c."""
        return [self.units, self.units]

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        if self.use_bias and self.unit_forget_bias:
            start = self.bias.numpy()
            start[self.units : 2 * self.units] = 1
            self.bias.assign(start)

    def call(
        self, inputs: Any, states: Any, training: bool = False, dropout_masks: Any = None
    ) -> Any:
        h, c = states
        factors, recurrent = self._masks(inputs, training, dropout_masks)
        projected = self._projected(inputs, self.kernel, factors)
        fed_back = self._projected(h, self.recurrent_kernel, recurrent)
        h, c = gated(self, projected, fed_back, self.bias, c)
        return h, [h, c]


def gated(cell: Any, projected: Any, fed_back: Any, bias: Any, c: Any, axis: int = -1) -> Any:
    """The next h and c, from the products of input and h, and the bias if there is one; the gates
    lie side by side along `axis`. Both are rounded to the dtype of the products at the end alone.
    """
    total, more, c = in_float(projected, fed_back, c)
    total = total + more
    if bias is not None:
        total = total + ops.cast(bias, total.dtype)
    i, f, g, o = ops.split(total, 4, axis=axis)
    gate = cell.recurrent_activation
    c = gate(f) * c + gate(i) * cell.activation(g)
    h = gate(o) * cell.activation(c)
    return ops.cast(h, projected.dtype), ops.cast(c, projected.dtype)
