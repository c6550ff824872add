"""`GraphModel`: a model whose graph of layers is known. Its calls on arrays run compiled code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fncompile.graph.eager import masked
from fncompile.graph.nest import flatten
from fncompile.graph.tensor import NoValueError
from fncompile.graph.trace import current_trace
from fncompile.ir.types import DTYPES
from fncompile.layers.call_spec import masks_of
from fncompile.models.inputs import leaves_in_order
from fncompile.models.model import Model

if TYPE_CHECKING:
    from fncompile.graph.tensor import KerasTensor
    from fncompile.models.functional import Functional
    from fncompile.session.call_plan import CallPlan
    from fncompile.session.compiled import CompiledSteps


Kind = tuple[tuple[np.dtype, tuple[int, ...]], ...]  # of each array: dtype, and shape of a row
KINDS = 64  # that one model remembers; then it begins anew


class GraphModel(Model):
    """What `Functional` and `Sequential` share: calls on arrays, and `bind`."""

    _not_state = Model._not_state | {"_plan", "_plans", "_short"}
    _not_pickled = Model._not_pickled | {"_plan", "_plans", "_short"}
    _plan: Any = None  # of the last call on arrays that took the general way
    _plans: dict[Kind, CallPlan] = {}  # those of calls whose results are all that they leave
    _short: Any = None  # the short way of `_plan`, of `runtime.calls`, if there is one

    def as_functional(self) -> Functional:
        """The functional model of the same graph. AttributeError before there is a graph."""
        raise NotImplementedError

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        plan = self._plan
        plain = plan is not None and len(args) == 1 and not kwargs and current_trace() is None
        if plain and plan.holds(self):
            short = self._short
            out = short(args[0]) if short is not None and short.takes_one else None
            if out is None:
                out = self._call_as_before(args[0])
            if out is not None:
                return out
        return super().__call__(*args, **kwargs)

    def _call_as_before(self, x: Any) -> Any:
        """The outputs for arrays in the structure of the inputs; None for what needs thought."""
        graph = self.as_functional()
        given = leaves_in_order(x, graph.input, graph.input_spec)
        if given is None:
            return None
        outputs = None if self._short is None or self._short.takes_one else self._short(given)
        if outputs is None:
            plan = self._plans.get(_kind(given))
            if plan is None or not plan.holds(self):
                return None
            outputs = plan.batch(_as_inputs(given, graph.inputs))
        return graph.pack_outputs(outputs)

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
        arrays = _as_inputs(graph.converted(flat), graph.compiled_inputs)
        steps = self.steps()
        if not _is_compiled(steps, arrays):
            return super()._call_on_arrays(args, kwargs)
        plan = steps.plan("predict", arrays)
        outputs, masks = plan.batch(arrays), steps.masks(arrays)
        if not forced and not masks and graph.host_part is None:
            self._remember(args[0], arrays, plan, steps.short_call(arrays))
        return graph.pack_outputs(masked(outputs, masks))

    def _remember(self, x: Any, arrays: list[np.ndarray], plan: CallPlan, short: Any) -> None:
        """For calls on arrays like these, if they are those that the call was given."""
        self._plan, self._short = plan, short
        graph = self.as_functional()
        given = leaves_in_order(x, graph.input, graph.input_spec)
        kind = () if given is None else _kind(given)
        if kind and all(x.shape == a.shape for x, a in zip(given, arrays)):  # type: ignore[arg-type]
            kept = self._plans if len(self._plans) < KINDS else {}
            self._plans = {**kept, kind: plan}

    def _sets_training(self) -> bool:
        """Was a layer in here, or in a model inside, called with `training=True`?"""
        models = (x for x in self._flatten_layers() if isinstance(x, GraphModel) and x.built)
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


def _is_compiled(steps: CompiledSteps, arrays: list[np.ndarray]) -> bool:
    """Not where layers add losses, which must have their values, or give tensors to NumPy, which
    needs the numbers that only an eager call has."""
    try:
        return not steps.adds_losses(arrays)
    except NoValueError:
        return False


def _kind(arrays: Sequence[Any]) -> Kind:
    """Empty where one of them is not just an array, or has no rows or not as many as the others."""
    if all(type(x) is np.ndarray and x.ndim and len(x) == len(arrays[0]) for x in arrays):
        return tuple((x.dtype, x.shape[1:]) for x in arrays)
    return ()


def _as_inputs(arrays: Sequence[Any], inputs: Sequence[KerasTensor]) -> list[np.ndarray]:
    """The arrays, of the dtypes of the inputs and dense."""
    return [
        np.array(x, DTYPES[t.dtype].border, order="C", copy=None)
        for x, t in zip(arrays, inputs, strict=True)
    ]
