"""`Input` and `InputLayer`: where a graph begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fncompile.caller import warn_caller
from fncompile.config import DTypePolicy
from fncompile.graph.call import Call, relink
from fncompile.graph.naming import auto_name
from fncompile.graph.symbols import standardize_shape, symbolic_type
from fncompile.graph.tensor import KerasHistory, KerasTensor
from fncompile.layers.base import Layer
from fncompile.layers.options import input_dtype


class InputLayer(Layer):
    """The operation behind `Input`; its one output is the symbolic tensor.

    `shape`, `batch_size`, `batch_shape`, `dtype`, `optional` and `name` as for `Input`, whose
    `tensor` is called `input_tensor` here; `sparse` and `ragged` are refused. `tensor_type` is
    given by a graph that is built again.

    >>> layers.InputLayer((3,)).output.shape
    (None, 3)
    """

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: KerasTensor | None = None,
        optional: bool = False,
        name: str | None = None,
        tensor_type: Any = None,
        **kwargs: Any,
    ):
        super().__init__(name=name, dtype=None)
        shape = _renamed(kwargs, "input_shape", "shape", shape)
        batch_shape = _renamed(kwargs, "batch_input_shape", "batch_shape", batch_shape)
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments passed to InputLayer: {kwargs}")
        given = {"shape": shape, "batch_size": batch_size, "batch_shape": batch_shape,
                 "dtype": dtype, "sparse": sparse, "ragged": ragged}  # fmt: skip
        if input_tensor is not None:
            _check_tensor(input_tensor, given)
        for storage in ("sparse", "ragged"):
            if given[storage]:
                raise ValueError(f"`{storage}=True` is not supported: inputs are dense.")
        output = input_tensor
        if output is None:
            if tensor_type is None:
                whole = _batch_shape(shape, batch_size, batch_shape)
                tensor_type = symbolic_type(whole, input_dtype(dtype), self.name)
            label = auto_name("keras_tensor") if name is None else name
            output = KerasTensor.of(tensor_type, label)
        output._keras_history = KerasHistory(self, 0, 0)
        self._declared = output.dtype
        self.dtype_policy = DTypePolicy("int64" if output.dtype == "string" else output.dtype)
        self.optional = optional
        self.sparse = self.ragged = False  # as of each input
        self.batch_shape = output.shape
        self._inbound_nodes.append(Call(self, (), {}, output))
        self.built = True

    @property
    def dtype(self) -> str:
        """The dtype of the tensor."""
        return self._declared

    def call(self) -> None:
        return None

    def __getstate__(self) -> dict[str, Any]:
        """With the tensor, which is there without any model."""
        return {**super().__getstate__(), "output": self.output}

    def __setstate__(self, state: dict[str, Any]) -> None:
        output = state.pop("output")
        super().__setstate__(state)
        relink([Call(self, (), {}, output)])

    def get_config(self) -> dict[str, Any]:
        return {
            "batch_shape": self.batch_shape,
            "dtype": self._declared,
            "sparse": False,
            "ragged": False,
            "optional": self.optional,
            "name": self.name,
        }


def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: KerasTensor | None = None,
    optional: bool = False,
) -> KerasTensor:
    """A symbolic tensor to build a graph on.

    `shape` leaves out the batch axis and may hold None anywhere; or give the whole `batch_shape`.
    `dtype` is floatx by default. A symbolic `tensor` becomes the input itself; what else is given
    has to agree with it. An `optional` input may be None when the model is called. Raises
    ValueError on bad shapes.

    `batch_size`: the first extent, unknown by default; `name`: for data in dicts and for files.
    `sparse` and `ragged` are refused.

    >>> x = fncompile.Input((None, 8), dtype="int32")
    >>> x.shape, x.dtype
    ((None, None, 8), 'int32')
    """
    layer = InputLayer(
        shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name
    )
    return layer.output


def _renamed(kwargs: dict[str, Any], old: str, new: str, value: Any) -> Any:
    """The argument `new`, which may come by its name in Keras 2."""
    if old not in kwargs:
        return value
    warn_caller(f"Argument `{old}` is deprecated. Use `{new}` instead.")
    return kwargs.pop(old)


def _batch_shape(shape: Any, batch_size: int | None, batch_shape: Any) -> tuple[int | None, ...]:
    if shape is None and batch_shape is None:
        raise ValueError("You must pass a `shape` argument.")
    if shape is not None and batch_shape is not None:
        raise ValueError("You cannot pass both `shape` and `batch_shape` at the same time.")
    if batch_size is not None and batch_shape is not None:
        raise ValueError("You cannot pass both `batch_size` and `batch_shape` at the same time.")
    if batch_shape is not None:
        return standardize_shape(batch_shape)
    return (batch_size, *standardize_shape(shape))


def _check_tensor(tensor: Any, given: dict[str, Any]) -> None:
    """ValueError where `tensor` is not symbolic, or is not what else is said of the input."""
    if not isinstance(tensor, KerasTensor):
        raise ValueError(
            f"Argument `input_tensor` must be a KerasTensor. Received: {tensor} "
            f"(of type {type(tensor)})"
        )
    facts: dict[str, tuple[Callable[[Any], Any], Any]] = {
        "shape": (standardize_shape, tensor.shape[1:]),
        "batch_size": (lambda size: (size,), tensor.shape[:1]),
        "batch_shape": (standardize_shape, tensor.shape),
        "dtype": (input_dtype, tensor.dtype),
        "sparse": (bool, False),
        "ragged": (bool, False),
    }
    for name, (standard, fact) in facts.items():
        value = given[name]
        if value is not None and standard(value) != fact:
            raise ValueError(
                f"When `input_tensor` is given, you cannot provide an incompatible `{name}`. "
                f"Received: {name}={value}, input_tensor={tensor}"
            )
