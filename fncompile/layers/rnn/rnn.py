"""`RNN`: a cell, run along time."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.graph.nest import flatten, map_structure, pack_like
from fncompile.graph.required import required
from fncompile.graph.variable import Variable
from fncompile.layers.base import Layer
from fncompile.layers.rnn.stacked_cells import (
    StackedRNNCells,
    dropout_masks,
    has_build,
    initial_state,
    step,
)
from fncompile.saving.serialization import deserialize_keras_object, serialize_keras_object


class CarriedState:
    """The states that a stateful layer keeps from call to call: variables, but no weights."""

    def __init__(self, variables: list[Variable]):
        self.variables = variables


class RNN(Layer):
    """A cell that takes one step of a sequence after the other, and hands its states on.

    `cell`: an object with `call(inputs, states)`, which gives an output and the next states, and
    `state_size`; or a list of cells. `return_sequences`: gives the outputs of all steps, else the
    last; `return_state`: gives the last states behind the output; `go_backwards`: from the last
    step to the first, the outputs in that order; `stateful`: begins with the states that the call
    before left (the batch size must be known); `unroll`: steps one by one in C in place of a loop
    (the length must be known); `zero_output_for_mask`: outputs of masked steps are 0, else the
    state before. Takes (batch, steps, ...) and optionally `initial_state`, a list; a mask (batch,
    steps) that is False where a step is left out. ValueError where cell or length do not fit.

    >>> layers.RNN(layers.GRUCell(4), return_sequences=True)(np.ones((2, 5, 3))).shape
    (2, 5, 4)
    """

    _not_state = Layer._not_state | {"states"}

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ):
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell)
        if not hasattr(cell, "call"):
            raise ValueError(f"Argument `cell` should have a `call` method. Received: cell={cell}")
        if not hasattr(cell, "state_size"):
            raise ValueError(
                "The RNN cell should have a `state_size` attribute (single integer or list of "
                f"integers, one integer per RNN state). Received: cell={cell}"
            )
        super().__init__(**kwargs)
        size = cell.state_size
        if not isinstance(size, (list, tuple, int)):
            raise ValueError(
                "state_size must be an integer, or a list/tuple of integers (one for each state "
                "tensor)."
            )
        self.cell = cell
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.unroll = unroll
        self.zero_output_for_mask = zero_output_for_mask
        self.supports_masking = True
        self.state_size = [size] if isinstance(size, int) else list(size)
        self.states: Any = None

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        mask = flatten(mask)[0]
        mask = mask if self.return_sequences else None
        return [mask, *(None for _ in self.state_size)] if self.return_state else mask

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        if isinstance(self.cell, Layer) and not self.cell.built and has_build(self.cell):
            self.cell.build((sequences_shape[0], *sequences_shape[2:]))
            self.cell.built = True
        if self.stateful and self.states is None:
            if sequences_shape[0] is None:
                raise ValueError(
                    "When using `stateful=True` in a RNN, the batch size must be static. Found "
                    f"dynamic batch size: sequence.shape={sequences_shape}"
                )
            self.states = map_structure(self._kept, self.get_initial_state(sequences_shape[0]))
            self._carried = CarriedState(flatten(self.states))

    def _kept(self, value: Any) -> Variable:
        return Variable(
            value, trainable=False, dtype=self.variable_dtype, name="rnn_state",
            path=f"{self.path}/rnn_state",
        )  # fmt: skip

    def get_initial_state(self, batch_size: Any) -> list[Any]:
        """The first states for that many samples: those that the cell says, or zeros."""
        found = initial_state(self.cell, batch_size, self.compute_dtype)
        return list(found) if isinstance(found, (list, tuple)) else [found]

    def reset_state(self) -> None:
        """Let the next call of a stateful layer begin with zeros."""
        for variable in flatten(self.states) if self.states is not None else ():
            variable.assign(ops.zeros_like(variable.numpy()))

    reset_states = reset_state

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False
    ) -> Any:
        states = self._first_states(sequences, initial_state)
        masks = dropout_masks(self.cell, ops.shape(sequences)[0], training)
        if mask is not None:
            mask = ops.cast(flatten(mask)[0], "bool")

        def turn(states: Any, inputs: Any, on: Any) -> tuple[Any, Any]:
            output, after = step(self.cell, inputs, states, training, masks)
            pairs = list(zip(flatten(states), flatten(after), strict=True))
            new = [ops.cast(n, s.dtype) for s, n in pairs]
            if on is not None:
                output = _where(on, output, self._instead(output, states))
                new = [_where(on, n, s) for n, (s, _) in zip(new, pairs)]
            return output, pack_like(states, new)

        run = self._unrolled if self.unroll else self._looped
        last, outputs, states = run(turn, sequences, states, mask)
        states = map_structure(lambda x: ops.cast(x, self.compute_dtype), states)
        for variable, state in zip(flatten(self.states), flatten(states)) if self.stateful else ():
            variable.assign(state)
        output = ops.cast(outputs if self.return_sequences else last, self.compute_dtype)
        return (output, *states) if self.return_state else output

    def _first_states(self, sequences: Any, given: Any) -> list[Any]:
        batch = sequences.shape[0]
        if self.stateful and self.states is not None:
            expected = flatten(self.states)[0].shape[0]
            if batch is not None and batch != expected:
                raise ValueError(
                    "If an RNN is stateful, the batch size of the input sequences must be the same "
                    "as the batch size of the initial state. \n"
                    f"- Expected batch size: {expected}\n- Received batch size: {batch}"
                )
        if given is None:
            stateless = self.get_initial_state(ops.shape(sequences)[0])
            given = self.states if self.stateful else stateless
        given = list(given) if isinstance(given, (list, tuple)) else [given]
        dtype = getattr(self.cell, "compute_dtype", self.compute_dtype)
        return map_structure(lambda x: ops.cast(x, dtype), given)

    def _instead(self, output: Any, states: Any) -> Any:
        """The output of a masked step: the state before, of a stack that of its last cell."""
        if self.zero_output_for_mask:
            return ops.zeros_like(output)
        return flatten(states[-1])[0] if isinstance(states[0], (list, tuple)) else states[0]

    def _looped(self, turn: Any, sequences: Any, states: Any, mask: Any) -> tuple[Any, Any, Any]:
        rows = [_time_first(sequences)] + ([] if mask is None else [_time_first(mask)])
        same: list[int] = []

        def body(states: Any, row: Any) -> tuple[Any, Any]:
            output, after = turn(states, row[0], row[1] if len(row) > 1 else None)
            same[:] = [i for i, s in enumerate(flatten(after)) if s.node is output.node]
            return after, output

        states, outputs = ops.scan(body, states, rows, reverse=self.go_backwards)
        if self.go_backwards:
            outputs = ops.flip(outputs, axis=0)
        # an output that is a state need not be kept for all steps
        last = flatten(states)[same[0]] if same else outputs[-1]
        return last, _time_first(outputs), states

    def _unrolled(self, turn: Any, sequences: Any, states: Any, mask: Any) -> tuple[Any, Any, Any]:
        length = sequences.shape[1]
        if not length:
            raise ValueError(
                "Cannot unroll a RNN if the time dimension is undefined. \n"
                "- If using a Sequential model, specify the time dimension by passing an `Input()` "
                "as your first layer.\n- If using the functional API, specify the time dimension "
                "by passing a `shape` or `batch_shape` argument to your `Input()`."
            )
        outputs: list[Any] = []
        for t in reversed(range(length)) if self.go_backwards else range(length):
            output, states = turn(states, sequences[:, t], None if mask is None else mask[:, t])
            outputs.append(output)
        return outputs[-1], ops.stack(outputs, axis=1), states

    def get_config(self) -> dict[str, Any]:
        flags = ("return_sequences", "return_state", "go_backwards", "stateful", "unroll",
                 "zero_output_for_mask")  # fmt: skip
        return {
            **self._base_config(),
            **{name: getattr(self, name) for name in flags},
            "cell": serialize_keras_object(self.cell),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        cell = required(config, "cell", cls.__name__)
        cell = deserialize_keras_object(cell, custom_objects=custom_objects)
        return super().from_config({**config, "cell": cell})


def _where(on: Any, new: Any, old: Any) -> Any:
    """`new` for samples that are `on`."""
    for _ in range(len(new.shape) - 1):
        on = ops.expand_dims(on, -1)
    return ops.where(on, new, old)


def _time_first(x: Any) -> Any:
    """Batch and time exchanged."""
    return ops.swapaxes(x, 0, 1)
