"""`clone_model`: the same architecture with weights of its own."""

from __future__ import annotations

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
    """A new model of new layers, freshly initialized.

    `input_tensors` are symbolic tensors to build on instead of new Inputs. `clone_function(layer)`
    gives the layer to use in place of each one (from its config by default), and
    `call_function(layer, *args, **kwargs)` calls it. With `recursive`, models inside are cloned
    layer by layer too. Raises ValueError for models that have no graph.

    `model`: the one to clone.

    >>> model = fncompile.Sequential([fncompile.Input((2,)), layers.Dense(1)])
    >>> models.clone_model(model).count_params()
    3
    """
    clone = _Cloner(clone_function, recursive, kwargs).clone
    if isinstance(model, Sequential):
        layers = [clone(layer) for layer in model.layers]
        beginning = _beginning(model, input_tensors)
        return Sequential([*beginning, *layers], name=model.name, trainable=model.trainable)
    if not isinstance(model, Functional):
        raise ValueError(
            "Arguments `clone_function` and `input_tensors` need a graph of layers, and "
            "`clone_model` one to copy. "
            f"Model '{model.name}' of type {type(model).__name__} has its own `call`."
        )
    inputs = _new_inputs(model, input_tensors)
    outputs = _rebuilt(model, inputs, clone, call_function)
    return Functional(inputs, outputs, name=model.name, trainable=model.trainable)


class _Cloner:
    """Clones each operation once."""

    def __init__(
        self,
        clone_function: Callable[[Layer], Layer] | None,
        recursive: bool,
        kwargs: dict[str, Any],
    ):
        self.function = clone_function
        self.recursive = recursive
        self.kwargs = kwargs
        self.done: dict[Operation, Operation] = {}

    def clone(self, operation: Any) -> Any:
        if operation not in self.done:
            self.done[operation] = self._fresh(operation)
        return self.done[operation]

    def _fresh(self, operation: Any) -> Any:
        if not isinstance(operation, Layer):
            return operation
        if self.recursive and isinstance(operation, (Functional, Sequential)):
            return clone_model(
                operation, clone_function=self.function, recursive=True, **self.kwargs
            )
        if self.function is not None:
            return self.function(operation)
        return type(operation).from_config(operation.get_config())


def _beginning(model: Sequential, input_tensors: Any) -> list[Any]:
    if input_tensors is not None:
        (tensor,) = flatten(input_tensors)
        return [tensor]
    if model._functional is None:
        return []
    first = model._stack[0]
    return [InputLayer(batch_shape=first.batch_shape, dtype=first.dtype, name=first.name)]


def _new_inputs(model: Functional, input_tensors: Any) -> Any:
    if input_tensors is None:
        return map_structure(_same_input, model.input)
    tensors = flatten(input_tensors)
    if not all(isinstance(t, KerasTensor) for t in tensors):
        raise ValueError(
            f"All entries in `input_tensors` must be KerasTensors. Received: {input_tensors}"
        )
    return pack_like(model.input, tensors)


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
