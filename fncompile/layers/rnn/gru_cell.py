"""One step of a gated recurrent unit."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.layers.rnn.cell import WEIGHT_OPTIONS, RecurrentCell, cell_options, in_float


class GRUCell(RecurrentCell):
    """One step of GRU: gates z and r, a candidate n, then `h = z h + (1 - z) n`.

    `units`: width of state and output; `activation`: of n; `recurrent_activation`: of z and r;
    `use_bias`; for the weights of inputs (kernel), states (recurrent) and the bias,
    `kernel_initializer`, `recurrent_initializer`, `bias_initializer`, `kernel_regularizer`,
    `recurrent_regularizer`, `bias_regularizer`, `kernel_constraint`, `recurrent_constraint`,
    `bias_constraint`: names or objects; `dropout` and `recurrent_dropout`: the share of inputs and
    of states that are 0 in training; `reset_after`: r scales the product with the state (as cuDNN,
    with a bias of its own), else the state before the product; `seed`: that of dropout. Takes
    inputs (batch, features) and a list of one state. ValueError for units that are no positive
    whole number. Formula: Cho et al. 2014.

    >>> cell = layers.GRUCell(4)
    >>> output, states = cell(np.ones((2, 3)), [np.zeros((2, 4))])
    >>> output.shape
    (2, 4)
    """

    gates = 3
    fields = (
        "units", "activation", "recurrent_activation", "use_bias", *WEIGHT_OPTIONS, "dropout",
        "recurrent_dropout", "reset_after", "seed",
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
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(units, cell_options(locals(), "recurrent_activation"), **kwargs)
        self.reset_after = reset_after

    def _bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def call(
        self, inputs: Any, states: Any, training: bool = False, dropout_masks: Any = None
    ) -> Any:
        h = states[0] if isinstance(states, (list, tuple)) else states
        factors, recurrent = self._masks(inputs, training, dropout_masks)
        projected = self._projected(inputs, self.kernel, factors)
        x, before = in_float(projected, h)
        if self.use_bias:
            x = x + ops.cast(self.bias[0] if self.reset_after else self.bias, x.dtype)
        x_z, x_r, x_n = ops.split(x, 3, axis=-1)
        gate, u = self.recurrent_activation, self.units
        if self.reset_after:
            [inner] = in_float(self._projected(h, self.recurrent_kernel, recurrent))
            if self.use_bias:
                inner = inner + ops.cast(self.bias[1], x.dtype)
            h_z, h_r, h_n = ops.split(inner, 3, axis=-1)
            z, n = gate(x_z + h_z), gate(x_r + h_r) * h_n
        else:
            first, last = self.recurrent_kernel[:, : 2 * u], self.recurrent_kernel[:, 2 * u :]
            [inner] = in_float(self._projected(h, first, recurrent[:2]))
            h_z, h_r = ops.split(inner, 2, axis=-1)
            z = gate(x_z + h_z)
            reset = ops.cast(gate(x_r + h_r) * before, projected.dtype)
            [n] = in_float(self._projected(reset, last, recurrent[2:]))
        h = ops.cast(z * before + (1 - z) * self.activation(x_n + n), projected.dtype)
        return h, [h] if isinstance(states, (list, tuple)) else h
