"""The arguments of one call of a layer, sorted by the names that its `call` method gives them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from fncompile.graph.eager import is_array
from fncompile.graph.nest import flatten, map_structure
from fncompile.graph.tensor import KerasTensor, Tensor
from fncompile.graph.variable import Variable

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def is_tensor(x: Any) -> bool:
    return isinstance(x, (KerasTensor, Tensor, Variable)) or is_array(x)


class Signature:
    """What a method accepts: `names` of its parameters, `self` left out."""

    def __init__(self, method: Callable[..., Any]):
        self.inspected = inspect.signature(method)
        rows = list(self.inspected.parameters.values())[1:]
        self.inspected = self.inspected.replace(parameters=rows)
        self.names = [p.name for p in rows if p.kind in _NAMED]
        self._open = any(p.kind is p.VAR_KEYWORD for p in rows)
        training = self.inspected.parameters.get("training")
        self.training_default = None if training is None else _default(training)

    def accepts(self, name: str) -> bool:
        return self._open or name in self.names

    def bind(self, args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Arguments by name, those gathered by `**kwargs` among them; TypeError where they
        misfit."""
        bound = self.inspected.bind(*args, **kwargs).arguments
        out: dict[str, Any] = {}
        for name, value in bound.items():
            spread = self.inspected.parameters[name].kind is inspect.Parameter.VAR_KEYWORD
            out.update(value if spread else {name: value})
        return out


def _default(parameter: inspect.Parameter) -> Any:
    return None if parameter.default is inspect.Parameter.empty else parameter.default


@functools.cache
def signature_of(method: Callable[..., Any]) -> Signature:
    return Signature(method)


class CallSpec:
    """`arguments` by name, the `first` one, and `tensors`: those arguments that hold tensors."""

    def __init__(self, signature: Signature, args: tuple, kwargs: dict[str, Any]):
        self.signature = signature
        self.arguments = signature.bind(args, kwargs)
        self.first = next(iter(self.arguments.values()), None)
        self.tensors = {
            name: value for name, value in self.arguments.items()
            if not is_mask(name) and _holds_tensor(value)
        }  # fmt: skip

    def shapes(self) -> dict[str, Any]:
        """`<argument>_shape` of every tensor argument, as `build` may ask for them."""
        return {
            f"{name}_shape": map_structure(_shape, value) for name, value in self.tensors.items()
        }

    def _mask_shapes(self) -> dict[str, Any]:
        """Those of the masks."""
        return {
            f"{name}_shape": map_structure(_shape, value)
            for name, value in self.arguments.items()
            if is_mask(name) and _holds_tensor(value)
        }

    def shapes_for(self, method: Callable[..., Any], owner: str) -> dict[str, Any]:
        """What `method`, one of class `owner` such as `build`, asks for: the shape of the first
        tensor, or, where it has several arguments, the shapes of those that they name.

        ValueError for an argument that names none of `call`.
        """
        wanted, shapes = signature_of(method).names, self.shapes()
        if len(wanted) == 1:
            return {wanted[0]: next(iter(shapes.values()), None)}
        shapes.update(self._mask_shapes())
        for name in wanted:
            argument = name.removesuffix("_shape")
            if argument == name or not self.signature.accepts(argument):
                wrong = (
                    f"argument `{name}`, which does not end in `_shape`"
                    if argument == name
                    else f"`{name}`, but `call()` does not have argument `{argument}`"
                )
                raise ValueError(
                    f"For a `{method.__name__}()` method with more than one argument, all "
                    "arguments should have a `_shape` suffix and match an argument of `call()`. "
                    f"For layer '{owner}', received {wrong}."
                )
        return {name: shapes[name] for name in wanted if name in shapes}

    def missing_masks(self) -> dict[str, Any]:
        """Masks that `call` takes, was not given, and its inputs carry: `mask`, or
        `<argument>_mask`."""
        single = len(self.tensors) == 1
        found = {}
        for name, value in self.tensors.items():
            mask_name = "mask" if single else f"{name}_mask"
            if self.signature.accepts(mask_name) and self.arguments.get(mask_name) is None:
                mask = masks_of(value)
                if any(m is not None for m in flatten(mask)):
                    found[mask_name] = mask
        return found


def _holds_tensor(value: Any) -> bool:
    return any(is_tensor(x) for x in flatten(value))


def masks_of(structure: Any) -> Any:
    """The mask of each tensor in a structure, None where it has none."""
    return map_structure(lambda x: getattr(x, "_keras_mask", None), structure)


def is_mask(name: str) -> bool:
    return name == "mask" or name.endswith("_mask")


def _shape(x: Any) -> Any:
    return tuple(x.shape) if is_tensor(x) else None


def check_positional(args: tuple) -> None:
    """Raise ValueError where something other than tensors was passed by position."""
    for x in flatten(args):
        if x is not None and not is_tensor(x):
            raise ValueError(
                "Only input tensors may be passed as positional arguments. The following argument "
                f"value should be passed as a keyword argument: {x} (of type {type(x)})"
            )
