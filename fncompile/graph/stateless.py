"""Functions of variables' values instead of variables: what JAX's manner of writing loops needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from fncompile.graph.eager import wherever
from fncompile.graph.nest import map_structure
from fncompile.graph.tensor import Tensor
from fncompile.graph.trace import current_trace
from fncompile.graph.variable import Variable, before_change
from fncompile.ir.node import Node


def with_values(
    function: Callable[..., Any], variables: Sequence[Any], values: Sequence[Any], *args: Any
) -> tuple[Any, list[Any]]:
    """What `function(*args)` gives while `variables` have `values`, and what it leaves in them;
    they have their own values again then. ValueError unless there is a value for each."""
    variables = list(variables)
    if len(variables) != len(values):
        raise ValueError(
            f"There are {len(variables)} variables, and as many values are needed. "
            f"Received: {len(values)} values"
        )

    def traced(values: Sequence[Any], *args: Any) -> tuple[Any, list[Any]]:
        trace = current_trace()
        assert trace is not None
        before = [trace.read(v) for v in variables]
        for variable, value in zip(variables, values):
            trace.write(variable, value)
        result = map_structure(_tensor, function(*args))
        after = [Tensor(trace.read(v)) for v in variables]
        trace.values.update(zip(variables, before))
        return result, after

    return wherever(traced, list(values), *args)


def _tensor(x: Any) -> Any:
    return Tensor(x) if isinstance(x, Node) else x


class StatelessScope:
    """A `with` block that leaves variables as they were, and knows what they became inside.

    `state_mapping`: pairs of a variable and its value inside; the other variables begin with their
    own. With `collect_losses`, `losses` are those that layers called inside added.
    `initialize_variables` is Keras' and without effect: new variables have numbers at once. For
    layers, metrics and ops; a `fit` inside changes weights for good. ValueError for pairs that are
    not of variables, and for values of another shape.

    >>> v = fncompile.Variable([1.0, 2.0])
    >>> with fncompile.StatelessScope([(v, np.array([5.0, 6.0]))]) as scope:
    ...     value = v.assign_add([1.0, 1.0])
    >>> v.numpy(), np.asarray(scope.get_current_value(v))
    (array([1., 2.], dtype=float32), array([6., 7.], dtype=float32))
    """

    def __init__(
        self,
        state_mapping: Iterable[tuple[Variable, Any]] | None = None,
        collect_losses: bool = False,
        initialize_variables: bool = True,
    ):
        self.collect_losses = collect_losses
        self.initialize_variables = initialize_variables
        self.losses: list[Any] = []
        self._given = list(state_mapping or ())
        for variable, value in self._given:
            _check(variable, value)
        self._own: dict[Variable, Any] = {}  # values outside, of variables that changed inside
        self._found: dict[Variable, Any] | None = None  # values inside, once it is over
        self._tokens: list[Any] = []

    def __enter__(self) -> StatelessScope:
        trace = current_trace()
        self._tokens = [before_change.set(self._keep), _scope.set(self)]
        self._traced = None if trace is None else dict(trace.values)
        self._found = None
        for variable, value in self._given:
            variable.assign(value)
        return self

    def __exit__(self, *_: Any) -> None:
        before_change.reset(self._tokens[0])
        _scope.reset(self._tokens[1])
        trace = current_trace()
        if trace is not None and self._traced is not None:
            self._found = {v: Tensor(node) for v, node in trace.values.items()}
            trace.values = {v: self._traced.get(v, p) for v, p in trace.params.items()}
            return
        self._found = {variable: variable.numpy() for variable in self._own}
        for variable, value in self._own.items():
            variable.assign(value)

    def _keep(self, variable: Variable) -> None:
        if variable not in self._own:
            self._own[variable] = variable.numpy()

    def add_loss(self, loss: Any) -> None:
        """Put `loss` with `losses`."""
        self.losses.append(loss)

    def add_update(self, update: tuple[Variable, Any]) -> None:
        """`update`: a variable and its new value."""
        variable, value = update
        variable.assign(value)

    def get_current_value(self, variable: Variable) -> Any:
        """What `variable` holds inside, or held at the end; None where it is as outside."""
        if self._found is not None:
            return self._found.get(variable)
        if self._traced is not None:
            trace = current_trace()
            return None if trace is None else Tensor(trace.read(variable))
        return variable.numpy() if variable in self._own else None


_scope: ContextVar[StatelessScope | None] = ContextVar("stateless", default=None)


def collected(losses: Iterable[Any]) -> None:
    """Tell the scope around of losses that a layer added."""
    scope = _scope.get()
    if scope is not None and scope.collect_losses:
        scope.losses.extend(losses)


def _check(variable: Any, value: Any) -> None:
    if not isinstance(variable, Variable):
        raise ValueError(
            "Invalid reference variable in StatelessScope: the first of each pair in "
            f"`state_mapping` must be a Variable. Received instead: {variable}"
        )
    shape = tuple(value.shape) if hasattr(value, "shape") else np.shape(value)
    known = all(a in (b, None) for a, b in zip(shape, variable.shape))
    if len(shape) != len(variable.shape) or not known:
        raise ValueError(
            "Invalid variable value in StatelessScope: each value in `state_mapping` must have the "
            f"shape of its variable. For the variable '{variable.path}' of shape {variable.shape}, "
            f"received a value of shape {shape}."
        )
