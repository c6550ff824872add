"""The two tensors without numbers: `KerasTensor` in the user's graph, `Tensor` inside a trace."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

from fncompile.graph.naming import auto_name
from fncompile.graph.operators import Operators
from fncompile.ir.node import Node
from fncompile.ir.types import TensorType

# The recording that is being made, whose tensors know their numbers.
recording: ContextVar[Any] = ContextVar("recording", default=None)


class KerasHistory(NamedTuple):
    """Which call made a tensor: operation, index of the call, index among its outputs."""

    operation: Any
    node_index: int
    tensor_index: int


class _Typed(Operators):
    """`.shape` (None where unknown), `.dtype`, `.ndim` of anything with a `.type`."""

    type: TensorType
    __array_ufunc__ = None  # NumPy's functions refuse what has no numbers

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The extents, None where unknown."""
        return tuple(d if isinstance(d, int) else None for d in self.type.shape)

    @property
    def dtype(self) -> str:
        """The name of the dtype."""
        return self.type.dtype

    sparse = ragged = False  # all are dense

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.type.ndim

    def __len__(self) -> int:
        if not self.type.shape or not isinstance(self.type.shape[0], int):
            raise TypeError(
                f"len() of a tensor whose first dimension is unknown: shape {self.shape}"
            )
        return self.type.shape[0]


    def _no_number(self) -> Any:
        raise TypeError(
            f"{self} is a tensor whose value is not known while a program is made, so it cannot be "
            "an axis, an extent or a count, nor a number of Python. Extents are in ops.shape(x); "
            "compute with tensors by fncompile.ops."
        )

    __index__ = __int__ = __float__ = _no_number


class NoValueError(ValueError):
    """NumPy was given a tensor of a trace. Calls on arrays, which have its numbers, catch it."""


class Tensor(_Typed):
    """A value while a layer's `call` is being traced; a thin face over an IR node.

    Those of a recording, which a tape makes of code on arrays, have numbers when asked for them.
    """

    def __init__(self, node: Node):
        self.node = node
        self._keras_mask: Tensor | None = None
        self.recorded = recording.get()

    @property
    def type(self) -> TensorType:  # type: ignore[override]  # nobody sets it
        return self.node.type

    def __repr__(self) -> str:
        return f"<Tensor shape={self.shape}, dtype={self.dtype}>"

    def __bool__(self) -> bool:
        if self.recorded is not None:
            return bool(self.numpy())
        raise TypeError(
            "A symbolic tensor cannot be used as a boolean. Use ops.where or ops.select."
        )

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if self.recorded is not None:
            return np.asarray(self.recorded.value(self.node), dtype)
        from fncompile.graph.eager import known_value

        value = known_value(self)  # that of a constant, or in a call on arrays
        if value is None:
            raise NoValueError(
                "A tensor inside a trace has no value yet; use fncompile.ops on it, not NumPy."
            )
        return np.asarray(value, dtype)

    def numpy(self) -> np.ndarray:
        """The numbers of a tensor that a tape recorded; ValueError for others."""
        return self.__array__()

    def __int__(self) -> int:
        return self._no_number() if self.recorded is None else int(self.numpy())

    def __float__(self) -> float:
        return self._no_number() if self.recorded is None else float(self.numpy())

    def __index__(self) -> int:
        return self._no_number() if self.recorded is None else self.numpy().__index__()


class KerasTensor(_Typed):
    """A symbolic tensor of the functional API, of a `shape` that may hold None.

    `dtype`: the dtype of its elements; `name`: one is made where it is left out. `type` has symbols
    in place of None. To build on, use `Input`, whose tensors have a place in a graph.

    >>> fncompile.KerasTensor((2, None), dtype="int32").shape
    (2, None)
    >>> x = fncompile.Input((3,))
    >>> (2 * x + 1).shape
    (None, 3)
    """

    def __init__(self, shape: Any, dtype: str = "float32", *, name: str | None = None):
        from fncompile.graph.symbols import standardize_shape, symbolic_type

        self.name = auto_name("keras_tensor") if name is None else name
        self.type = symbolic_type(standardize_shape(shape), dtype, self.name)
        self._keras_history: KerasHistory | None = None
        self._keras_mask: KerasTensor | None = None

    @classmethod
    def of(cls, type: TensorType, name: str, history: KerasHistory | None = None) -> KerasTensor:
        """A tensor of this type, which may hold any symbols."""
        tensor = cls.__new__(cls)
        tensor.type, tensor.name = type, name
        tensor._keras_history, tensor._keras_mask = history, None
        return tensor

    def __getstate__(self) -> dict[str, Any]:
        """Without the history, which the model that holds the call puts back: `graph.call`."""
        return {**vars(self), "_keras_history": None}

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"

    def __bool__(self) -> bool:
        raise TypeError("A symbolic KerasTensor cannot be used as a boolean.")

    def __iter__(self):
        raise NotImplementedError("Iterating over a symbolic KerasTensor is not supported.")

    def __array__(self, *args: Any, **kwargs: Any):
        raise ValueError(
            "A KerasTensor is symbolic: it's a placeholder for a shape and a dtype. It has no "
            "value, "
            "so it cannot be given to NumPy. Use fncompile.ops functions or layers on it."
        )
