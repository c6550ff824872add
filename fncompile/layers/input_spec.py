"""What a layer accepts as its first argument, and the check before it is built or called."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fncompile.graph.nest import NESTS, flatten

Shape = tuple  # of int and None


@dataclass
class InputSpec:
    """Rank, dtype and extents of one input; what is None is free.

    `axes` maps an axis to its extent. With `allow_last_axis_squeeze` a last axis of 1 may be
    missing.

    `shape`: of the whole input, batch included, with None for any; `ndim`, `min_ndim`, `max_ndim`:
    numbers of axes; `dtype`, `optional` and `name` as for `Input`. A layer that has it as
    `input_spec` raises ValueError for other inputs.

    >>> spec = layers.InputSpec(min_ndim=2, axes={-1: 8})
    >>> spec.min_ndim, spec.axes
    (2, {-1: 8})
    """

    dtype: str | None = None
    shape: Shape | None = None
    ndim: int | None = None
    max_ndim: int | None = None
    min_ndim: int | None = None
    axes: dict[int, int | None] = field(default_factory=dict)
    allow_last_axis_squeeze: bool = False
    name: str | None = None
    optional: bool = False

    def __post_init__(self) -> None:
        self.axes = {int(axis): extent for axis, extent in (self.axes or {}).items()}
        if self.shape is not None:
            self.shape = tuple(self.shape)
            self.ndim = len(self.shape)
        limit = self.ndim if self.ndim is not None else self.max_ndim
        too_far = [axis for axis in self.axes if limit is not None and axis >= limit]
        if limit is not None and too_far:
            raise ValueError(
                f"Axis {max(too_far)} is greater than the maximum allowed value: {limit - 1}"
            )

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON."""
        names = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> InputSpec:
        """A spec from what `get_config` gave."""
        return cls(**config)


def check_inputs(input_spec: Any, inputs: Any, layer_name: str) -> None:
    """Raise ValueError, in Keras' words, where `inputs` do not fit the InputSpecs of a layer."""
    specs = flatten(input_spec)
    if all(spec is None for spec in specs):
        return
    tensors = _in_order_of_names(specs, inputs) if isinstance(inputs, dict) else flatten(inputs)
    if len(tensors) != len(specs):
        raise ValueError(_wrong_count(specs, tensors, inputs, layer_name))
    for index, (spec, tensor) in enumerate(zip(specs, tensors, strict=True)):
        if spec is not None:
            _check_input(
                spec, tensor, f"Input {index} with name '{spec.name}' of layer '{layer_name}'"
            )


def _in_order_of_names(specs: list[InputSpec], inputs: dict[str, Any]) -> list[Any]:
    names: list[Any] = [spec.name for spec in specs]
    nested = any(isinstance(x, NESTS) for x in inputs.values())
    if nested or any(name is None for name in names):
        return flatten(inputs)
    for spec in specs:
        if spec.name not in inputs and not spec.optional:
            raise ValueError(
                f'Missing data for input "{spec.name}". You passed a data dictionary with keys '
                f"{list(inputs)}. Expected the following keys: {names}"
            )
    return [inputs.get(name) for name in names]


def _wrong_count(specs: list[InputSpec], tensors: list[Any], inputs: Any, layer_name: str) -> str:
    names = [spec.name for spec in specs if spec is not None]
    if len(names) == len(specs) and all(names):
        example = ", ".join(f"'{name}': ..." for name in names)
        return (
            f'Layer "{layer_name}" expects {len(specs)} named input(s) with keys {names}, but it '
            f"received {len(tensors)} input tensors. Pass inputs as a dict, e.g. "
            f"`layer({{{example}}})`."
        )
    return (
        f'Layer "{layer_name}" expects {len(specs)} input(s), but it received {len(tensors)} input '
        f"tensors. Inputs received: {inputs}"
    )


def _check_input(spec: InputSpec, x: Any, where: str) -> None:
    if x is None and spec.optional:
        return
    if x is None:
        raise ValueError(
            f"The input '{spec.name}' is not optional, but None was passed. Please provide a valid "
            "tensor."
        )
    if not hasattr(x, "shape"):
        raise ValueError(
            f"Inputs to a layer should be tensors. Got '{x}' (of type {type(x)}). {where}."
        )
    problem = _problem(spec, tuple(x.shape), str(x.dtype))
    if problem:
        raise ValueError(f"{where} is incompatible with the layer: {problem}")


def _problem(spec: InputSpec, shape: Shape, dtype: str) -> str | None:
    """The first way in which a shape and a dtype do not fit, or None."""
    ndim, full = len(shape), f"Full shape received: {shape}"
    if spec.ndim is not None and not spec.allow_last_axis_squeeze and ndim != spec.ndim:
        return f"expected ndim={spec.ndim}, found ndim={ndim}. {full}"
    if spec.max_ndim is not None and ndim > spec.max_ndim:
        return f"expected max_ndim={spec.max_ndim}, found ndim={ndim}"
    if spec.min_ndim is not None and ndim < spec.min_ndim:
        return f"expected min_ndim={spec.min_ndim}, found ndim={ndim}. {full}"
    if spec.dtype is not None and dtype != spec.dtype:
        return f"expected dtype={spec.dtype}, found dtype={dtype}"
    for axis, extent in spec.axes.items():
        if extent is not None and shape[axis] not in (extent, None):
            expected = f"expected axis {axis} of input shape to have value {extent}"
            return f"{expected}, but received input with shape {shape}"
    if spec.shape is not None and not _fits(spec, shape):
        return f"expected shape={spec.shape}, found shape={shape}"
    return None


def _squeezed(shape: Shape) -> Shape:
    return shape[:-1] if shape and shape[-1] == 1 else shape


def _fits(spec: InputSpec, shape: Shape) -> bool:
    expected = spec.shape or ()
    if spec.allow_last_axis_squeeze:
        shape, expected = _squeezed(shape), _squeezed(expected)
    return all(e is None or d is None or e == d for e, d in zip(expected, shape, strict=False))
