"""Cells one after the other in each step."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.graph.required import required
from fncompile.layers.base import Layer
from fncompile.layers.call_spec import signature_of
from fncompile.saving.serialization import deserialize_keras_object, serialize_keras_object


class StackedRNNCells(Layer):
    """Several cells as one: each takes what the one before gave.

    `cells`: with `call` and `state_size`, ValueError for others. Its states are a list of the
    states of each.

    >>> layers.StackedRNNCells([layers.GRUCell(4), layers.LSTMCell(3)]).state_size
    [4, [3, 3]]
    """

    def __init__(self, cells: Any, **kwargs: Any):
        super().__init__(**kwargs)
        for cell in cells:
            for name, kind in (("call", "method"), ("state_size", "attribute")):
                if not hasattr(cell, name):
                    raise ValueError(
                        f"All cells must have a `{name}` {kind}. "
                        f"Received cell without a `{name}`: {cell}"
                    )
        self.cells = list(cells)

    @property
    def state_size(self) -> list[Any]:
        """That of each cell."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> Any:
        """That of the last cell."""
        return output_size(self.cells[-1])

    def build(self, input_shape: Any) -> None:
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built and has_build(cell):
                cell.build(input_shape)
                cell.built = True
            input_shape = (input_shape[0], output_size(cell))

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """The first states of each cell."""
        return [initial_state(cell, batch_size, self.compute_dtype) for cell in self.cells]

    def dropout_masks(self, batch_size: Any, training: bool) -> list[Any]:
        """Those of each cell, None where it has none."""
        return [dropout_masks(cell, batch_size, training) for cell in self.cells]

    def call(
        self, inputs: Any, states: Any, training: bool = False, dropout_masks: Any = None
    ) -> Any:
        after = []
        for cell, own, masks in zip(
            self.cells, states, dropout_masks or [None] * len(self.cells), strict=True
        ):
            listed = isinstance(own, (list, tuple))
            inputs, new = step(cell, inputs, list(own) if listed else [own], training, masks)
            if not listed and isinstance(new, (list, tuple)) and len(new) == 1:
                new = new[0]
            after.append(new)
        return inputs, after

    def get_config(self) -> dict[str, Any]:
        return {
            **self._base_config(), "cells": [serialize_keras_object(cell) for cell in self.cells]
        }  # fmt: skip

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        cells = [
            deserialize_keras_object(cell, custom_objects=custom_objects)
            for cell in required(config, "cells", cls.__name__)
        ]
        return super().from_config({**config, "cells": cells})


# what is asked of a cell, ours or the user's --------------------------------------------------


def has_build(cell: Layer) -> bool:
    """A cell without a `build` of its own is built when it is called, as only then its states are
    there."""
    return type(cell).build is not Layer.build


def output_size(cell: Any) -> Any:
    found = getattr(cell, "output_size", None)
    if found is not None:
        return found
    return cell.state_size[0] if isinstance(cell.state_size, (list, tuple)) else cell.state_size


def initial_state(cell: Any, batch_size: Any, dtype: str) -> Any:
    if hasattr(cell, "get_initial_state"):
        return cell.get_initial_state(batch_size=batch_size)
    dtype = getattr(cell, "compute_dtype", dtype)
    if isinstance(cell.state_size, (list, tuple)):
        return [ops.zeros((batch_size, size), dtype=dtype) for size in cell.state_size]
    return ops.zeros((batch_size, cell.state_size), dtype=dtype)


def dropout_masks(cell: Any, batch_size: Any, training: bool) -> Any:
    made = getattr(cell, "dropout_masks", None)
    return None if made is None else made(batch_size, training)


def step(cell: Any, inputs: Any, states: Any, training: bool, masks: Any) -> Any:
    """The output and the next states; flag and masks for cells that take them."""
    accepted = signature_of(type(cell).call)
    kwargs = {"training": training} if accepted.accepts("training") else {}
    if masks is not None and accepted.accepts("dropout_masks"):
        kwargs["dropout_masks"] = masks
    call = cell if callable(cell) else cell.call
    return call(inputs, states, **kwargs)
