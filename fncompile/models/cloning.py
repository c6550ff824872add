"""`clone_model`: the same architecture with weights of its own."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from fncompile.graph.call import Call, Operation, symbolic_call
from fncompile.graph.dag import replay
from fncompile.graph.nest import flatten, map_structure, pack_like
from fncompile.graph.tensor import KerasTensor
from fncompile.layers.base import Layer
from fncompile.layers.input import InputLayer
from fncompile.models.functional import Functional
from fncompile.models.model import Model
from fncompile.models.sequential import Sequential


def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Callable[[Layer], Layer] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Model:
    """A new model of new layers, freshly initialized; compiled as the model is.

    `input_tensors` are symbolic tensors to build on instead of new Inputs. `clone_function(layer)`
    gives the layer to use in place of each one (from its config by default), and
    `call_function(layer, *args, **kwargs)` calls it. With `recursive`, models inside are cloned
    layer by layer too. A model with a `call` of its own is made again from its config. Raises
    ValueError for what is no model, and for arguments that need a graph where there is none.

    `model`: the one to clone.

    >>> model = fncompile.Sequential([fncompile.Input((2,)), layers.Dense(1)])
    >>> models.clone_model(model).count_params()
    3
    """
    if not isinstance(model, Model):
        raise ValueError(f"`clone_model` clones models. Received: model={model!r}")
    if isinstance(model, (Functional, Sequential)):
        clone = _Cloner(clone_function, call_function, recursive, kwargs).clone_model
        new = clone(model, input_tensors)
    elif input_tensors is not None or clone_function is not None or call_function is not None:
        raise ValueError(
            "Arguments `clone_function`, `call_function` and `input_tensors` need a graph of "
            f"layers. Model '{model.name}' of type {type(model).__name__} has its own `call`."
        )
    else:
        new = type(model).from_config(model.get_config())
    if model.compiled:
        _compile_alike(new, model)
    return new


def _compile_alike(new: Model, model: Model) -> None:
    """Compile with a new optimizer and new metrics."""
    optimizer = model.optimizer
    config = optimizer.get_config()
    if isinstance(config.get("learning_rate"), dict):  # a schedule, which never changes
        config["learning_rate"] = optimizer._learning_rate
    new.compile(
        type(optimizer).from_config(config),
        **copy.deepcopy(model._compile_arguments),
        steps_per_execution=model.steps_per_execution,
    )


class _Cloner:
    """Clones each operation once."""

    def __init__(
        self,
        clone_function: Callable[[Layer], Layer] | None,
        call_function: Callable[..., Any] | None,
        recursive: bool,
        kwargs: dict[str, Any],
    ):
        self.function = clone_function
        self.call_function = call_function
        self.recursive = recursive
        self.kwargs = kwargs
        self.done: dict[Operation, Operation] = {}

    def clone_model(self, model: Functional | Sequential, input_tensors: Any = None) -> Model:
        if isinstance(model, Sequential):
            layers = [self.clone(layer) for layer in model.layers]
            stack = [*_beginning(model, input_tensors), *layers]
            return Sequential(stack, name=model.name, trainable=model.trainable)
        inputs = _new_inputs(model, input_tensors)
        outputs = _rebuilt(model, inputs, self.clone, self.call_function)
        return Functional(inputs, outputs, name=model.name, trainable=model.trainable)

    def clone(self, operation: Any) -> Any:
        if operation not in self.done:
            self.done[operation] = self._fresh(operation)
        return self.done[operation]

    def _fresh(self, operation: Any) -> Any:
        if not isinstance(operation, Layer):
            return operation
        if self.recursive and isinstance(operation, (Functional, Sequential)):
            inside = _Cloner(self.function, self.call_function, True, self.kwargs)
            return inside.clone_model(operation)
        if self.function is not None:
            return self.function(operation)
        return type(operation).from_config(operation.get_config())


def _beginning(model: Sequential, input_tensors: Any) -> list[Any]:
    if input_tensors is not None:
        (tensor,) = flatten(input_tensors)
        return [tensor]
    if model._functional is None:
        return []
    first: Any = model._stack[0]  # an InputLayer
    return [InputLayer(batch_shape=first.batch_shape, dtype=first.dtype, name=first.name)]


def _new_inputs(model: Functional, input_tensors: Any) -> Any:
    if input_tensors is None:
        return map_structure(_same_input, model.input)
    tensors = flatten(input_tensors)
    if not _alike(input_tensors, model.input):
        raise ValueError(
            "`input_tensors` must have the same structure as model.input.\n"
            f"model.input: {model.input}\ninput_tensors: {input_tensors}"
        )
    if not all(isinstance(t, KerasTensor) for t in tensors):
        raise ValueError(
            f"All entries in `input_tensors` must be KerasTensors. Received: {input_tensors}"
        )
    return pack_like(model.input, tensors)


def _alike(one: Any, other: Any) -> bool:
    """Have both the same dicts and, lists and tuples alike, sequences?"""
    if isinstance(one, dict) or isinstance(other, dict):
        both = isinstance(one, dict) and isinstance(other, dict)
        return both and set(one) == set(other) and all(_alike(one[k], other[k]) for k in one)
    return len(flatten(one)) == len(flatten(other))


def _same_input(tensor: KerasTensor) -> KerasTensor:
    layer = tensor._keras_history.operation  # type: ignore[union-attr]
    return InputLayer.from_config(layer.get_config()).output


def _rebuilt(
    model: Functional, inputs: Any, clone: Callable, call_function: Callable | None
) -> Any:
    known: dict[KerasTensor, Any] = dict(zip(model.inputs, flatten(inputs), strict=True))

    def apply(call: Call, args: tuple, kwargs: dict[str, Any]) -> Any:
        operation = clone(call.operation)
        if not isinstance(operation, Layer):
            return symbolic_call(type(operation)(operation.fn), args, kwargs)
        return (
            call_function(operation, *args, **kwargs)
            if call_function
            else operation(*args, **kwargs)
        )

    replay(model.dag.calls, known, apply)
    return map_structure(known.__getitem__, model.output)
