"""A gated recurrent unit along time."""

from __future__ import annotations

from typing import Any

from fncompile.layers.rnn.cell import cell_options
from fncompile.layers.rnn.cell_layer import CellLayer
from fncompile.layers.rnn.gru_cell import GRUCell


class GRU(CellLayer):
    """A gated recurrent unit along time.

    `units`: width of output and state; `activation`: of the candidate; `recurrent_activation`: of
    the gates; `use_bias`; `reset_after`: the reset gate scales the product with the state, else the
    state before the product; `return_sequences`: gives the outputs of all steps, else the last;
    `return_state`: gives the last states behind the output; `go_backwards`: from the last step to
    the first; `stateful`: begins with the states that the call before left; `unroll`: steps one by
    one in C in place of a loop; `use_cudnn` changes nothing here; `activity_regularizer`: a penalty
    on outputs; the other options are those of GRUCell: `kernel_initializer`,
    `recurrent_initializer`, `bias_initializer`, `kernel_regularizer`, `recurrent_regularizer`,
    `bias_regularizer`, `kernel_constraint`, `recurrent_constraint`, `bias_constraint`: names or
    objects; `dropout`, `recurrent_dropout` and `seed`. Takes (batch, steps, features), optionally
    `initial_state`, a list, and a mask (batch, steps) that is False where a step is left out.
    ValueError for units that are no positive whole number.

    >>> layers.GRU(4)(np.ones((2, 5, 3))).shape
    (2, 4)
    """

    cell_type = GRUCell
    cell_name = "gru_cell"

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
        unroll: bool = False,
        reset_after: bool = True,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ):
        super().__init__(
            cell_options(locals(), "units", "recurrent_activation", "reset_after"),
            activity_regularizer=activity_regularizer,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            use_cudnn=use_cudnn,
            **kwargs,
        )
