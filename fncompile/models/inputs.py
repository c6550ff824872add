"""Inputs of functional models: what the constructor takes, and what a user passes to a call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fncompile.caller import warn_caller
from fncompile.graph.call import Operation
from fncompile.graph.nest import flatten, has_ambiguous_list, map_structure
from fncompile.graph.tensor import KerasTensor, Tensor
from fncompile.graph.texts import strings
from fncompile.ir import build as ir
from fncompile.ir.types import DTYPES
from fncompile.layers.input_spec import InputSpec


def maker(tensor: KerasTensor) -> Operation:
    """The operation that made a symbolic tensor."""
    return tensor._keras_history.operation  # type: ignore[union-attr]


def check_tensors(what: str, structure: Any, inputs: Any, outputs: Any) -> None:
    """Raise ValueError unless the structure has leaves, all of them symbolic tensors."""
    leaves = flatten(structure)
    if not leaves:
        raise ValueError(
            f"`{what}` argument cannot be empty. Received:\ninputs={inputs}\noutputs={outputs}"
        )
    for x in leaves:
        if not isinstance(x, KerasTensor):
            raise ValueError(
                f"All `{what}` values must be KerasTensors. Received: {what}={structure} including "
                f"invalid value {x} of type {type(x)}"
            )


def check_dict_keys(inputs: Any) -> None:
    """Warn where the keys of a dict of inputs are not their names."""
    if not isinstance(inputs, dict):
        return
    for key, tensor in inputs.items():
        if isinstance(tensor, KerasTensor) and tensor.name != key:
            warn_caller(
                "When providing `inputs` as a dict, all keys in the dict must match the names of "
                f"the corresponding tensors. Received key '{key}' mapping to value {tensor} which "
                f"has name '{tensor.name}'. Change the tensor name to '{key}' (via `Input(..., "
                f"name='{key}')`)",
            )


def input_specs(inputs: Any) -> list[InputSpec]:
    """One for each input, any batch size allowed."""
    by_key = isinstance(inputs, dict) and all(isinstance(t, KerasTensor) for t in inputs.values())
    names = sorted(inputs) if by_key else [maker(t).name for t in flatten(inputs)]
    tensors = flatten(inputs)
    optional = [maker(t).optional for t in tensors]  # type: ignore[attr-defined]
    return [
        InputSpec(
            shape=(None, *t.shape[1:]), allow_last_axis_squeeze=True, name=name, optional=may_miss
        )
        for name, t, may_miss in zip(names, tensors, optional, strict=True)
    ]


def in_order(inputs: Any, expected: Any, specs: list[InputSpec]) -> list[Any]:
    """The leaves of `inputs` in the order of a model's inputs `expected`; a flat dict goes by name.

    ValueError for a list in place of a dict that was not written in sorted order, a warning for
    other structures that differ and for keys that no input of a dict has.
    """
    if isinstance(inputs, dict) and not any(
        isinstance(x, (dict, list, tuple)) for x in inputs.values()
    ):
        traced = any(isinstance(x, Tensor) for x in inputs.values())
        if isinstance(expected, dict) and len(inputs) > len(specs) and not traced:
            warn_caller(_structure_differs(expected, inputs))
        return [inputs.get(spec.name) for spec in specs]
    if has_ambiguous_list(inputs, expected):
        raise ValueError(_structure_differs(expected, inputs))
    if _outline(inputs) != _outline(expected):
        warn_caller(_structure_differs(expected, inputs))
    return flatten(inputs)


def leaves_in_order(inputs: Any, expected: Any, specs: list[InputSpec]) -> Sequence[Any] | None:
    """As `in_order`, if `inputs` is one array, or a flat list or dict of arrays; what it gives
    otherwise is None, or not arrays alone."""
    if isinstance(inputs, (list, tuple)):
        return inputs if isinstance(expected, (list, tuple)) else None
    if isinstance(inputs, dict):
        return [inputs.get(spec.name) for spec in specs] if isinstance(expected, dict) else None
    return [inputs] if isinstance(expected, KerasTensor) else None


def _outline(structure: Any) -> Any:
    """The nesting alone: lists and tuples alike, a list of one as its item at the top."""
    if isinstance(structure, (list, tuple)) and len(structure) == 1:
        return _nesting(structure[0])
    return _nesting(structure)


def _nesting(structure: Any) -> Any:
    if isinstance(structure, dict):
        return {key: _nesting(item) for key, item in structure.items()}
    if isinstance(structure, (list, tuple)):
        return [_nesting(item) for item in structure]
    return None


def _structure_differs(expected: Any, inputs: Any) -> str:
    names = map_structure(lambda t: t.name, expected)
    shapes = map_structure(lambda x: f"Tensor(shape={_shape_of(x)})", inputs)
    return (
        "The structure of `inputs` doesn't match the expected structure.\nExpected: "
        f"{names}\nReceived: inputs={shapes}"
    )


def fitted(x: Any, expected: KerasTensor, path: str) -> Any:
    """`x` with the rank and dtype of an input; None where that is optional and absent."""
    if x is None:
        return None
    shape = x.type.shape if isinstance(x, Tensor) else np.shape(x)
    if len(shape) == expected.ndim + 1 and shape[-1] == 1:
        shape = shape[:-1]
    elif len(shape) == expected.ndim - 1 and expected.shape[-1] == 1:
        shape = (*shape, 1)
    if len(shape) != expected.ndim:
        raise ValueError(
            f"Invalid input shape for input with name '{maker(expected).name}' and path '{path}'. "
            f"Expected shape {expected.shape}, but input has incompatible shape {_shape_of(x)}"
        )
    if expected.dtype == "string":
        return strings(x).reshape(shape)
    if not isinstance(x, Tensor):
        return np.asarray(x, DTYPES[expected.dtype].border).reshape(shape)
    out = Tensor(ir.cast(ir.reshape(x.node, shape), expected.dtype))
    out._keras_mask = x._keras_mask
    return out


def _shape_of(x: Any) -> tuple[int | None, ...]:
    return x.shape if isinstance(x, Tensor) else tuple(np.shape(x))
