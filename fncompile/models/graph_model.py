"""`GraphModel`: a model whose graph of layers is known. Its calls on arrays run compiled code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fncompile.graph.eager import masked
from fncompile.graph.nest import flatten
from fncompile.graph.trace import current_trace
from fncompile.ir.types import DTYPES
from fncompile.layers.call_spec import masks_of
from fncompile.models.inputs import leaves_in_order
from fncompile.models.model import Model

if TYPE_CHECKING:
    from fncompile.models.functional import Functional


class GraphModel(Model):
    """What `Functional` and `Sequential` share: calls on arrays, and `bind`."""

    _not_state = Model._not_state | {"_plan", "_short"}
    _not_pickled = Model._not_pickled | {"_plan", "_short"}
    _plan: Any = None  # of calls on arrays, once there was one
    _short: Any = None  # its short way, of `runtime.calls`, if there is one

    def as_functional(self) -> Functional:
        """The functional model of the same graph. AttributeError before there is a graph."""
        raise NotImplementedError

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        short = self._short
        plain = short is not None and len(args) == 1 and not kwargs and current_trace() is None
        if plain and self._plan.holds(self):
            out = short(args[0]) if short.takes_one else self._call_on_several(args[0])
            if out is not None:
                return out
        return super().__call__(*args, **kwargs)

    def _call_on_several(self, x: Any) -> Any:
        """The outputs for arrays in the structure of the inputs; None for what needs thought."""
        graph = self.as_functional()
        arrays = leaves_in_order(x, graph.input, graph.input_spec)
        outputs = None if arrays is None else self._short(arrays)
        return None if outputs is None else graph.pack_outputs(outputs)

    def _call_on_arrays(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Compiled, unless the call asks for training behaviour, leaves an input out or gives one a
        mask, or leaves the training flag to the calls inside, some of which have it set."""
        graph, forced = self.as_functional(), self._sets_training()
        asked = any(x is not None and x is not False for x in kwargs.values())
        masked_input = any(mask is not None for mask in flatten(masks_of(args)))
        plain = not (asked or masked_input or (forced and kwargs.get("training") is None))
        flat = graph.flatten_inputs(args[0]) if len(args) == 1 and plain else [None]
        if any(x is None for x in flat):
            return super()._call_on_arrays(args, kwargs)
        arrays = [
            np.array(x, DTYPES[t.dtype].border, order="C", copy=None)
            for x, t in zip(graph.converted(flat), graph.compiled_inputs, strict=True)
        ]
        steps = self.steps()
        if steps.adds_losses(arrays):  # `losses` must have their values
            return super()._call_on_arrays(args, kwargs)
        plan = steps.plan("predict", arrays)
        outputs = masked(plan.batch(arrays), steps.masks(arrays))
        if not forced and graph.host_part is None:
            self._plan, self._short = plan, steps.short_call(arrays)
        return graph.pack_outputs(outputs)

    def _sets_training(self) -> bool:
        """Was a layer in here, or in a model inside, called with `training=True`?"""
        models = (x for x in self._flatten_layers() if isinstance(x, GraphModel))
        return any(c.kwargs.get("training") for m in models for c in m.as_functional().dag.calls)

    def bind(self, x: Any, out: Any = None) -> Any:
        """The prediction for `x` as a function of no arguments, for tight loops.

        `x` is an array, or a list or dict of them, C-contiguous and of the inputs' dtypes; each
        call reads what it holds then. `out`, or arrays made for it, receives the result, and is
        returned.
        """
        graph = self.as_functional()
        arrays = graph.flatten_inputs(x)
        if graph.host_part is not None:
            raise ValueError(
                f"Model '{self.name}' begins with layers of strings, which Python runs at each "
                "call: there is nothing to bind. Bind a model of what is behind them."
            )
        for array, tensor in zip(arrays, graph.inputs, strict=True):
            if (
                not isinstance(array, np.ndarray)
                or array.dtype != DTYPES[tensor.dtype].border
                or not array.flags.c_contiguous
            ):
                raise ValueError(
                    f"bind() takes C-contiguous NumPy arrays; input '{tensor.name}' needs "
                    f"{DTYPES[tensor.dtype].border}."
                )
        return self.steps().bind(arrays, None if out is None else flatten(out))
