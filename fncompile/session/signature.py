"""Names and types of the arrays that a model's programs take.

The model's own inputs have the types that they were declared with; what is only known from arrays
has theirs. The batch is open, and so is every extent that the model leaves open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np

from fncompile.graph.trace import unique_name
from fncompile.ir.types import TensorType
from fncompile.training.absent import is_absent
from fncompile.training.step_data import Parts, type_of
from fncompile.training.trained import TrainedGraph, TrainedModel

Arrays = Sequence[np.ndarray]
Types = list[tuple[str, TensorType]]
Label = Callable[[str], str]


class Signature:
    """Names and types of the arrays of a step: inputs, targets, sample weights. Where the step is
    the user's own, all are inputs, and `parts` has their structure."""

    def __init__(self, inputs: Types, targets: Types, weights: Types, parts: Parts | None = None):
        self.inputs, self.targets, self.weights, self.parts = inputs, targets, weights, parts

    @property
    def key(self) -> tuple:
        types = tuple(map(tuple, (self.inputs, self.targets, self.weights)))
        return types if self.parts is None else (*types, self.parts.key)


def input_types(model: TrainedModel, label: Label, arrays: Arrays) -> Types:
    """Names and types of the inputs: the model's own, or read off the arrays. Without arrays, all
    are as declared."""
    taken: set[str] = set()
    if hasattr(model, "inputs"):
        graph = cast(TrainedGraph, model)
        types = [t.type for t in graph.compiled_inputs]
        if arrays and arrays[0] is not None:
            types = [_declared(type, array) for type, array in zip(types, arrays)]
        names = graph.compiled_names
        return [(unique_name(label(n), taken), type) for n, type in zip(names, types)]
    inputs = arrays[: model.input_count]
    return [(unique_name(f"input_{i}", taken), type_of(a)) for i, a in enumerate(inputs)]


def has_fixed_batch(model: TrainedModel) -> bool:
    """Does an input say how many rows there are? Any number is taken, each compiled for itself."""
    return any(isinstance(d, int) for t in getattr(model, "inputs", ()) for d in t.shape[:1])


def _declared(type: TensorType, array: np.ndarray) -> TensorType:
    """The type of an input, with the rows of the array where it declares their number."""
    if is_absent(array, type):
        return type_of(array)
    if not type.shape or not isinstance(type.shape[0], int):
        return type
    return TensorType(type.dtype, (len(array), *type.shape[1:]))


def step_signature(
    model: TrainedModel, label: Label, arrays: Arrays, parts: Parts | None = None
) -> Signature:
    """The types of a step's arrays: inputs, targets, then sample weights or nothing; of a step that
    the user wrote, those of `parts`."""
    from fncompile.training.compile import objective_of

    objective = objective_of(model)
    if parts is not None:
        own = [(label(name), type_of(a)) for name, a in zip(parts.names, arrays)]
        return Signature(own, [], [], parts)
    inputs = input_types(model, label, arrays)
    rest = arrays[len(inputs) :]
    count = len(objective.targets)
    outputs = getattr(model, "outputs", None)
    target_of = [outputs[k].type.shape if outputs else () for k in objective.targets]
    taken = {name for name, _ in inputs}

    def typed(prefix: str, group: Arrays) -> Types:
        shapes = zip(objective.targets, target_of, group)
        return [
            (unique_name(f"{prefix}:{k}", taken), type_of(a, shape)) for k, shape, a in shapes
        ]

    return Signature(inputs, typed("y", rest[:count]), typed("w", rest[count:]))
