"""`Input` and `InputLayer`: where a graph begins."""

from __future__ import annotations

from typing import Any

from fncompile.config import DTypePolicy
from fncompile.graph.call import Call, relink
from fncompile.graph.naming import auto_name
from fncompile.graph.symbols import standardize_shape, symbolic_type
from fncompile.graph.tensor import KerasHistory, KerasTensor
from fncompile.layers.base import Layer
from fncompile.layers.options import input_dtype


class InputLayer(Layer):
    """The operation behind `Input`; its one output is the symbolic tensor."""

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
        if sparse or ragged:
            raise ValueError(
                f"Sparse and ragged inputs are not supported. Received: sparse={sparse}, "
                f"ragged={ragged}"
            )
        if "input_shape" in kwargs or "batch_input_shape" in kwargs:
            batch_shape = kwargs.pop("batch_input_shape", None) or (
                None,
                *kwargs.pop("input_shape"),
            )
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments passed to InputLayer: {kwargs}")
        if input_tensor is not None:
            tensor_type = _type_of(input_tensor)
        if tensor_type is None:
            self.batch_shape = _batch_shape(shape, batch_size, batch_shape)
            tensor_type = symbolic_type(self.batch_shape, input_dtype(dtype), self.name)
        self.dtype_policy = DTypePolicy(tensor_type.dtype)
        self.optional = optional
        history = KerasHistory(self, 0, 0)
        output = KerasTensor(
            tensor_type, auto_name("keras_tensor") if name is None else name, history
        )
        self.batch_shape = output.shape
        self._inbound_nodes.append(Call(self, (), {}, output))
        self.built = True

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
            "dtype": self.dtype,
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
    `dtype` is floatx by default. With `tensor`, shape and dtype are those of that symbolic tensor.
    An `optional` input may be None when the model is called. Raises ValueError on bad shapes.
    """
    layer = InputLayer(
        shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name
    )
    return layer.output


def _batch_shape(shape: Any, batch_size: int | None, batch_shape: Any) -> tuple[int | None, ...]:
    if shape is None and batch_shape is None:
        raise ValueError("You must pass a `shape` argument.")
    if shape is not None and batch_shape is not None:
        raise ValueError("You cannot pass both `shape` and `batch_shape` at the same time.")
    if batch_shape is not None:
        return standardize_shape(batch_shape)
    return (batch_size, *standardize_shape(shape))


def _type_of(tensor: Any) -> Any:
    if not isinstance(tensor, KerasTensor):
        raise ValueError(
            f"Argument `tensor` must be a KerasTensor. Received: {tensor} (of type {type(tensor)})"
        )
    return tensor.type
