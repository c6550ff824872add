"""What layers add to the loss: `add_loss`, activity regularizers, regularizers of weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fncompile import ops
from fncompile.graph.nest import flatten
from fncompile.graph.tensor import Tensor
from fncompile.graph.trace import current_trace, to_node
from fncompile.ops.shaping import extent


class Penalties:
    """Mixin of `Layer`."""

    name: str
    activity_regularizer: Any
    _losses: list[Any]

    if TYPE_CHECKING:  # of the other parts of `Layer`

        @property
        def variable_dtype(self) -> str: ...
        @property
        def trainable_weights(self) -> list[Any]: ...
        def _flatten_layers(
            self, include_self: bool = True, recursive: bool = True
        ) -> list[Any]: ...

    def add_loss(self, loss: Any) -> None:
        """Add a scalar, or a list of scalars, to what training minimizes. To be called in
        `call`."""
        for value in flatten(loss):
            if getattr(value, "shape", ()) != ():
                raise ValueError(
                    f"`add_loss()` expects scalars. Layer '{self.name}' added one of shape "
                    f"{value.shape}."
                )
            trace = current_trace()
            if trace is not None:
                trace.losses.append(value if isinstance(value, Tensor) else Tensor(to_node(value)))
                trace.adders.append(self)
            else:
                self._losses.append(np.asarray(value))

    @property
    def losses(self) -> list[Any]:
        """Scalars added by the last call on arrays, or inside a trace by the calls in it, and the
        weights' regularization as it is now."""
        layers, trace = self._flatten_layers(), current_trace()
        added = [loss for layer in layers for loss in layer._losses]
        if trace is not None:
            own = set(map(id, layers))
            added = [x for x, adder in zip(trace.losses, trace.adders) if id(adder) in own]
        return [*added, *self._regularization_losses()]

    def _regularization_losses(self) -> list[Any]:
        """One scalar for each trainable weight with a regularizer; tensors inside a trace."""
        return [v.regularizer(v) for v in self.trainable_weights if v.regularizer is not None]

    def _regularized(self, outputs: Any) -> Any:
        if self.activity_regularizer is not None:
            for x in flatten(outputs):
                loss = ops.cast(self.activity_regularizer(x), self.variable_dtype)
                rows = Tensor(extent(ops.shape(x)[0], loss.dtype))
                self.add_loss(loss / ops.maximum(rows, 1.0))  # no rows: 0 of them is 0
        return outputs
