"""What a `RematScope` asks of the layers that are made inside."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from fncompile import scopes
from fncompile.graph.nest import flatten, map_structure
from fncompile.graph.symbols import placeholders_of_shapes


class Rematerializing:
    """Mixin of `Layer`."""

    name: str
    activation: Any
    _remat: scopes.Remat | None

    def rematerialized_call(self, layer_call: Callable, *args: Any, **kwargs: Any) -> Callable:
        """`layer_call`, or what goes through `remat` in its place, as the `RematScope` asks that
        this layer was made in.

        `layer_call`: a function of `args` and `kwargs`, as the layer's `call` is.
        """
        asked = self._remat
        if asked is None or asked.mode is None:
            return layer_call
        if asked.mode == "activations":
            return self._with_activation(layer_call)
        wanted = asked.mode == "full" or self.name in asked.layer_names
        if asked.mode == "larger_than":
            wanted = self._output_size(*args) > asked.output_size_threshold
        return scopes.remat(layer_call) if wanted else layer_call

    def _with_activation(self, layer_call: Callable) -> Callable:
        own = vars(self).get("activation")
        if own is None:
            return layer_call

        def call(*args: Any, **kwargs: Any) -> Any:
            vars(self)["activation"] = scopes.remat(own)
            try:
                return layer_call(*args, **kwargs)
            finally:
                vars(self)["activation"] = own

        return call

    def _output_size(self, inputs: Any, *_: Any) -> int:
        """How many numbers come out, of one sample where the batch is not known."""
        asked, self._remat = self._remat, None  # of the call that tells the shapes
        try:
            shapes = self.compute_output_shape(map_structure(_shape, inputs))  # type: ignore[attr-defined]
        finally:
            self._remat = asked
        outputs = flatten(placeholders_of_shapes(shapes, "float32"))
        return sum(math.prod(d or 1 for d in _shape(x)) for x in outputs)


def _shape(x: Any) -> tuple[int | None, ...]:
    return tuple(d if isinstance(d, int) else None for d in x.shape)
