"""Initializers that draw nothing: the base class, constants and the identity matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile.config import floatx
from fncompile.graph.required import required
from fncompile.identifiers import Described
from fncompile.ir.types import DTYPES, standard_dtype


def numpy_dtype(dtype: Any) -> np.dtype:
    """The dtype of an initializer's array: floatx by default, float32 for bfloat16."""
    return DTYPES[standard_dtype(dtype or floatx())].border


class Initializer(Described):
    """Base: `__call__(shape, dtype=None)` gives an array; `get_config` the arguments.

    `shape`: extents; `dtype`: floatx if None.

    >>> class Twos(initializers.Initializer):
    ...     def __call__(self, shape, dtype=None):
    ...         return np.full(shape, 2, dtype)
    >>> layers.Dense(2, kernel_initializer=Twos())(np.array([[1.0, 3.0]]))
    array([[8., 8.]], dtype=float32)
    """

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Any:
        raise NotImplementedError("Initializer subclasses must implement the `__call__()` method.")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Initializer:
        """Also takes the "dtype" of TF2-era files, which says nothing: a weight knows its own."""
        return cls(**{key: value for key, value in config.items() if key != "dtype"})

    def clone(self) -> Initializer:
        """Another one with the same arguments."""
        return type(self).from_config(self.get_config())


class Constant(Initializer):
    """`value` everywhere: a number, or an array that broadcasts to the shape.

    >>> initializers.Constant(3.0)((2,))
    array([3., 3.], dtype=float32)
    """

    def __init__(self, value: Any = 0.0):
        self.value = value

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> np.ndarray:
        own = np.shape(self.value)
        pairs = zip(reversed(own), reversed(shape))
        if len(own) > len(shape) or not all(a in (1, b) for a, b in pairs):
            raise ValueError(
                f"Expected `shape` to be {own} for an array as initializer. Received: shape={shape}"
            )
        return np.full(shape, self.value, numpy_dtype(dtype))

    def get_config(self) -> dict[str, Any]:
        from fncompile.saving import serialize_keras_object

        return {"value": serialize_keras_object(self.value)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Initializer:
        from fncompile.saving import deserialize_keras_object

        return cls(deserialize_keras_object(required(config, "value", cls.__name__)))


class Zeros(Initializer):
    """0 everywhere.

    Called with `shape` and `dtype`.

    >>> initializers.Zeros()((2,))
    array([0., 0.], dtype=float32)
    """

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> np.ndarray:
        return np.zeros(shape, numpy_dtype(dtype))


class Ones(Initializer):
    """1 everywhere.

    Called with `shape` and `dtype`.

    >>> initializers.Ones()((2,))
    array([1., 1.], dtype=float32)
    """

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> np.ndarray:
        return np.ones(shape, numpy_dtype(dtype))


class Identity(Initializer):
    """`gain` times the identity matrix, for 2-D shapes.

    ValueError for other shapes.

    >>> initializers.Identity(2.0)((2, 2))
    array([[2., 0.],
           [0., 2.]], dtype=float32)
    """

    def __init__(self, gain: float = 1.0):
        self.gain = gain

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> np.ndarray:
        if len(shape) != 2:
            raise ValueError(
                "Identity matrix initializer can only be used for 2D matrices. "
                f"Received: shape={shape} of rank {len(shape)}."
            )
        return self.gain * np.eye(*shape, dtype=numpy_dtype(dtype))

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain}
