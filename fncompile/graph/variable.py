"""Variables: the weights, optimizer slots, metric totals and seeds of a model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from fncompile.graph import structure
from fncompile.graph.naming import current_path
from fncompile.graph.operators import IMPLEMENTATIONS, Operators
from fncompile.graph.trace import current_trace, suspended
from fncompile.ir.elements import encode, shown
from fncompile.ir.types import DTYPES, TensorType, standard_dtype

_bytes_left: ContextVar[list[int] | None] = ContextVar("bytes_left", default=None)


@contextmanager
def values_to_come(limit: int) -> Iterator[None]:
    """Inside, new variables start as zeros: a file is about to give their values.

    ValueError once they hold more than `limit` bytes together, so that a file cannot make a model
    larger than itself.
    """
    token = _bytes_left.set([limit])
    try:
        yield
    finally:
        _bytes_left.reset(token)


def _zeros(shape: tuple[int, ...], dtype: str | None, left: list[int], path: str) -> np.ndarray:
    row = DTYPES[dtype or "float64"]
    left[0] -= math.prod(shape) * row.size
    if left[0] < 0:
        raise ValueError(
            f"The variable '{path}' of shape {shape} is larger than the file it should be read "
            "from."
        )
    return np.zeros(shape, row.numpy)


def _is_zero(array: np.ndarray) -> bool:
    """Is every bit 0? Asking takes no memory where nobody has written yet; writing would."""
    return array.flags.c_contiguous and not array.reshape(-1).view(np.uint8).any()


def _copied(array: np.ndarray) -> np.ndarray:
    return np.zeros(array.shape, array.dtype) if _is_zero(array) else array.copy("K")


# Called with each variable outside of a trace before its numbers change.
before_change: ContextVar[Callable[[Variable], None] | None] = ContextVar("before", default=None)


class Variable(Operators):
    """A tensor with a value that lives between calls.

    `value` is a NumPy array, possibly a view of a compiled model's memory; numbers of bfloat16
    come as float32. Inside a trace, reading a variable gives its current node and `assign` records
    an update, so that layers, metrics and optimizers are written once for both worlds. With
    `autocast`, `dtype` and the node are those of the computation while a layer runs whose dtype
    policy computes in another dtype than its weights have.

    `initializer`: numbers, or a function of shape and dtype; `shape`: extents, needed for a
    function; `dtype`: floatx for floating-point numbers; `trainable`: whether training changes it;
    `name` and `path`: what it is called in files; `aggregation`: what its values in several
    processes become, "sum", "mean", or that of the first.

    >>> v = fncompile.Variable([1.0, 2.0])
    >>> v.assign(v * 2).numpy()
    array([2., 4.], dtype=float32)
    """

    def __init__(
        self,
        initializer: Any,
        shape: tuple[int, ...] | None = None,
        dtype: str | None = None,
        trainable: bool = True,
        name: str = "variable",
        path: str | None = None,
        autocast: bool = True,
        aggregation: str = "none",
    ):
        dtype = None if dtype is None else standard_dtype(dtype)
        if isinstance(initializer, str):
            initializer = IMPLEMENTATIONS["initializer"](initializer)
        if callable(initializer) and shape is None:
            raise ValueError(
                "When creating a Variable from an initializer, the `shape` argument should be "
                f"specified. Received: initializer={initializer} and shape=None"
            )
        value, left = initializer, _bytes_left.get()
        if callable(initializer) and left is not None and shape is not None:
            value = _zeros(tuple(shape), dtype, left, path or name)
        elif callable(initializer):
            with suspended():
                value = initializer(shape, dtype=dtype and DTYPES[dtype].in_register)
        if dtype is None and hasattr(value, "type"):
            dtype = value.type.dtype
        array = _copied(np.asarray(value, DTYPES[dtype].numpy if dtype else None))
        if dtype is None and array.dtype == np.float64:
            from fncompile.config import floatx

            array = array.astype(floatx())
        if shape is not None and array.shape != tuple(shape):
            array = np.broadcast_to(array, shape).copy()
        self.type = TensorType(dtype or array.dtype.name, array.shape)
        self.name = name
        self.path = path or "/".join(filter(None, (current_path(), name)))
        self._trainable = trainable
        self.regularizer: Any = None
        self.constraint: Any = None
        self.autocast = autocast
        self.aggregation = aggregation
        self._overwrite_with_gradient = False
        self._storage = encode(array, self.type.dtype)  # elements as they are in memory
        self._owner: Any = None  # the memory of a compiled model that holds the value
        structure.changed()

    @property
    def trainable(self) -> bool:
        """Whether training changes the value."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = value
        structure.changed()

    @property
    def overwrite_with_gradient(self) -> bool:
        """Whether optimizers put the gradient in place of the value, without learning rate,
        clipping, decay or constraint. TypeError when set to anything but True and False."""
        return self._overwrite_with_gradient

    @overwrite_with_gradient.setter
    def overwrite_with_gradient(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise TypeError(f"`overwrite_with_gradient` must be a boolean. Received: {value}")
        self._overwrite_with_gradient = value
        structure.changed()

    @property
    def shape(self) -> tuple[int, ...]:
        """The extents."""
        return self.type.shape  # type: ignore[return-value]

    @property
    def dtype(self) -> str:
        """The dtype; while a layer runs, that of its computation."""
        trace = current_trace()
        wanted = trace.autocast if trace is not None and self.autocast else None
        return wanted if wanted is not None and self.type.kind == "f" else self.type.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.type.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape))

    @property
    def value(self) -> np.ndarray:
        """The current numbers, read-only; write with `assign`."""
        view = shown(self._storage, self.type.dtype).view()
        view.flags.writeable = False
        return view

    def numpy(self) -> np.ndarray:
        """A copy of the current numbers."""
        return self.value.copy()

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        if current_trace() is not None:
            raise TypeError(
                f"The variable '{self.path}' has no numbers inside `call` or another function that "
                "is traced: use fncompile.ops on it, not NumPy."
            )
        return np.array(self.value, dtype=dtype)

    def assign(self, value: Any) -> Any:
        """Set the value: at once on arrays, as a recorded update inside a trace."""
        trace = current_trace()
        if trace is not None:
            return trace.write(self, value)
        array = np.asarray(value, dtype=DTYPES[self.type.dtype].numpy)
        if array.shape != self.shape:
            raise ValueError(
                "The shape of the target variable and the shape of the target value in "
                "`variable.assign(value)` "
                f"must match. variable.shape={self.shape}, Received: value.shape={array.shape}. "
                f"Target variable: {self.path}"
            )
        self._note()
        self._storage[...] = encode(array, self.type.dtype)
        self._changed()
        return self

    def _note(self) -> None:
        note = before_change.get()
        if note is not None:
            note(self)

    def clear(self) -> None:
        """Set every number to 0."""
        if current_trace() is not None:
            self.assign(np.zeros(self.shape))
        else:
            self._note()
            self._storage.fill(0)  # which is 0 in memory, too, for every dtype
            self._changed()

    def _changed(self) -> None:
        """Note that the numbers changed, other than by a step."""
        if self._owner is not None:
            self._owner.version += 1

    def assign_add(self, value: Any) -> Any:
        """Add to the value."""
        return self.assign(self + value)

    def assign_sub(self, value: Any) -> Any:
        """Subtract from the value."""
        return self.assign(self - value)

    def move_to(self, storage: np.ndarray) -> None:
        """Let `storage` (same shape and dtype) hold the value from now on."""
        if not (_is_zero(self._storage) and _is_zero(storage)):
            storage[...] = self._storage
        self._storage = storage

    def __getstate__(self) -> dict[str, Any]:
        """For pickle and copy: with numbers of its own, in no model's memory."""
        return {**vars(self), "_storage": self._storage.copy(), "_owner": None}

    def __repr__(self) -> str:
        return (
            f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}, "
            f"value={self.value}>"
        )

    def __bool__(self) -> bool:
        return bool(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)


def clear_all(variables: Iterable[Variable]) -> None:
    """`clear` of each, outside of a trace."""
    note = before_change.get()
    for variable in variables:
        if note is not None:
            note(variable)
        variable._storage.fill(0)
        if variable._owner is not None:
            variable._owner.version += 1
