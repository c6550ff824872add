"""How operations look in a file: layers, and functions of `ops` as Keras' Operations.

Keras has a class for each function, `ops.expand_dims` -> `ExpandDims`, whose constructor takes what
is not a tensor. So a call is split by the names of the parameters.
"""

from __future__ import annotations

import inspect
from typing import Any

from fncompile.graph.call import Call, FunctionOperation, Operation, symbolic_call
from fncompile.graph.naming import to_snake_case
from fncompile.graph.nest import flatten
from fncompile.graph.tensor import KerasTensor
from fncompile.layers.call_spec import signature_of

# Parameters that Keras' operations take when called; the others go to the constructor.
_CALLED_WITH = frozenset({
    "x", "x1", "x2", "xs", "key", "condition", "indices", "values", "inputs", "start_indices",
    "updates", "target", "output", "targets", "predictions", "fill_value", "weights", "data",
    "segment_ids", "variable", "operands", "start", "stop", "constant_values",
})  # fmt: skip
_ROOMS = {
    "nn": (
        "binary_crossentropy categorical_crossentropy celu elu gelu glu hard_shrink hard_sigmoid "
        "hard_silu hard_tanh leaky_relu log_sigmoid log_softmax moments normalize one_hot relu "
        "relu6 selu sigmoid silu soft_shrink softmax softplus softsign "
        "sparse_categorical_crossentropy sparse_plus sparse_sigmoid squareplus tanh_shrink "
        "threshold"
    ),
    "math": "erf erfinv in_top_k logsumexp rsqrt segment_sum",
    "core": "cast convert_to_tensor scatter slice slice_update stop_gradient unstack",
    "linalg": "norm",
}
_ROOM = {name: room for room, names in _ROOMS.items() for name in names.split()}


def describe(operation: Operation) -> dict[str, Any]:
    """The entry of an operation in "layers", its calls left out."""
    from fncompile.saving.serialization import serialize_keras_object

    if not isinstance(operation, FunctionOperation):
        return serialize_keras_object(operation)
    name = _public_name(operation)
    camel = "".join(word[:1].upper() + word[1:] for word in name.split("_"))
    _, constructor = _split(operation._inbound_nodes[0])
    return {
        "module": f"keras.src.ops.{_ROOM.get(name, 'numpy')}",
        "class_name": camel,
        "config": serialize_keras_object({"name": operation.name, **constructor}),
        "registered_name": camel,
    }


def describe_call(call: Call) -> dict[str, Any]:
    """{"args", "kwargs"} of one call."""
    from fncompile.saving.serialization import serialize_keras_object

    args, kwargs = list(call.args), call.kwargs
    if isinstance(call.operation, FunctionOperation):
        args, kwargs = list(_split(call)[0]), {}
    return {"args": serialize_keras_object(args), "kwargs": serialize_keras_object(kwargs)}


def revive(entry: dict[str, Any]) -> Operation:
    """The operation of an entry; an error for a class that nobody knows."""
    from fncompile.saving.serialization import deserialize_keras_object

    function = _find_function(entry)
    if function is None:
        operation = deserialize_keras_object(entry)
        if entry.get("name"):  # where its own config has none
            operation.name, operation.has_automatic_name = entry["name"], False
        return operation
    config = dict(entry.get("config") or {})
    operation = FunctionOperation(function, config.pop("name", None))
    operation.constructor = deserialize_keras_object(config)
    return operation


def call_again(operation: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Call a revived operation on symbolic tensors."""
    if isinstance(operation, FunctionOperation):
        return symbolic_call(operation, *_joined(operation, args, kwargs))
    default = signature_of(type(operation).call).training_default
    if kwargs.get("training") is False and default is False:  # Keras writes down the default too
        kwargs = {name: value for name, value in kwargs.items() if name != "training"}
    return operation(*args, **{name: value for name, value in kwargs.items() if value is not None})


def _find_function(entry: dict[str, Any]) -> Any:
    from fncompile import ops

    if not str(entry.get("module")).startswith("keras.src.ops."):
        return None
    name = to_snake_case(entry["class_name"])
    function = getattr(ops, name, None)
    if not inspect.isfunction(function):
        raise TypeError(
            f"Could not locate the operation '{entry['class_name']}' of `ops`. Full object config: "
            f"{entry}"
        )
    return function


def _public_name(operation: FunctionOperation) -> str:
    from fncompile import ops

    name = operation.fn.__name__
    if getattr(ops, name, None) is not operation.fn:
        raise TypeError(
            f"Operation '{operation.name}' calls the function `{name}`, which is not one of "
            "`fncompile.ops`, so it "
            "cannot be saved. Put it in the `call` of a layer of your own."
        )
    return name


def _split(call: Call) -> tuple[list[Any], dict[str, Any]]:
    """What Keras passes to the call, and what to the constructor."""
    parameters = inspect.signature(call.operation.fn).parameters  # type: ignore[attr-defined]
    bound = inspect.signature(call.operation.fn).bind(*call.args, **call.kwargs)  # type: ignore[attr-defined]
    called, constructor = [], {}
    for name, value in bound.arguments.items():
        spread = parameters[name].kind is inspect.Parameter.VAR_POSITIONAL
        if spread:
            called.extend(value)
        elif name in _CALLED_WITH or any(isinstance(x, KerasTensor) for x in flatten(value)):
            called.append(value)
        elif parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            constructor.update(value)
        else:
            constructor[name] = value
    return called, constructor


def _joined(
    operation: FunctionOperation, args: tuple, kwargs: dict[str, Any]
) -> tuple[tuple, dict[str, Any]]:
    """Arguments of the function, from those of the call and of the constructor."""
    signature = inspect.signature(operation.fn)
    names = list(signature.parameters)
    extra = {k: v for k, v in operation.constructor.items() if k in names or v is not None}
    leading = [name for name in names if name in extra and name not in _CALLED_WITH]
    if leading and names[0] in leading:  # einsum: the constructor's argument comes first
        return (extra.pop(names[0]), *args), {**extra, **kwargs}
    if operation.fn.__name__ == "get_item" and isinstance(args[1], list):
        args = (args[0], tuple(args[1]))
    positional = [name for name in names if name in _CALLED_WITH][: len(args)]
    return (), {**dict(zip(positional, args, strict=True)), **extra, **kwargs}
