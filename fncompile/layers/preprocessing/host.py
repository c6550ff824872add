"""Layers whose first half runs in Python: strings and their hashes, for which compiled code has no
type.

The half in Python makes numbers of what came, `indices`; the other one, `encoded`, is written in
ops as any layer's `call`. A functional model that begins with such layers takes their first halves
out of what it compiles (`models.host_part`), so compiled code, and an exported library, take the
numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from fncompile.graph.call import infer_outputs
from fncompile.graph.nest import flatten
from fncompile.graph.symbols import is_shape, symbolic_type
from fncompile.graph.texts import STRING, dtype_of, type_of
from fncompile.graph.trace import placeholder
from fncompile.layers.standard import StandardLayer


class HostLayer(StandardLayer):
    """Base of layers that have a half in Python, and for some dtypes of inputs have to use it."""

    _stateless = True
    _accepts_any = True
    takes_text = False  # and nothing else: what an Input for it has to hold

    def needs_host(self, dtypes: list[str]) -> bool:
        """Is there no way to compile a call on inputs of these dtypes?"""
        return STRING in dtypes

    def indices(self, *inputs: Any) -> np.ndarray:
        """Numbers for arrays, in Python."""
        raise NotImplementedError

    def index_type(self, types: list[Any]) -> Any:
        """Dtype and shape of `indices` for inputs of these types; as the first, in int64."""
        return type_of("int64", types[0].shape)

    def encoded(self, indices: Any) -> Any:
        """The layer's result from `indices`, in ops; a layer without a second half gives them
        back."""
        return indices

    # calling --------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(*map(as_array, args), **kwargs)

    def _call_on_arrays(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        if not self.needs_host([dtype_of(x) for x in flatten(args)]):
            return super()._call_on_arrays(args, kwargs)
        return self.encoded(self.indices(*args, **kwargs))

    def call(self, inputs: Any) -> Any:
        raise ValueError(
            f"Layer '{self.name}' (of type {type(self).__name__}) makes numbers of strings or "
            "hashes, which is done in Python, ahead of compiled code: it can be called on arrays, "
            "or on the Inputs of a functional model or Sequential, and not inside the `call` of "
            "another layer or behind a compiled one. Call it on the data first."
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the result for an input, or several, of this shape."""
        shapes = [input_shape] if is_shape(input_shape) else list(input_shape)
        types = [symbolic_type(shape, STRING, "input") for shape in shapes]
        if not self.needs_host([STRING] * len(types)):
            return super().compute_output_shape(input_shape)
        return self._result(types).shape

    def _result(self, types: list[Any]) -> Any:
        """The result for inputs of these types, as a traced tensor."""
        return infer_outputs(
            lambda: self.encoded(placeholder("indices", self.index_type(types))), (), {}
        )

    def infer(self, args: tuple, kwargs: dict[str, Any], training: bool | None = None) -> Any:
        """Outputs for symbolic arguments."""
        types = [x.type for x in flatten(args)]
        if not self.needs_host([t.dtype for t in types]):
            return infer_outputs(self.run, args, kwargs, training)
        return self._result(types)


def as_array(x: Any) -> Any:
    """Text, numbers and nested lists of them as an array; anything else as it is."""
    if isinstance(x, (str, bytes)):
        return np.asarray(x)
    if isinstance(x, (list, tuple)) and not any(hasattr(leaf, "shape") for leaf in flatten(x)):
        return np.asarray(x)
    return x


def texts(x: np.ndarray, encoding: str = "utf-8") -> list[str]:
    """The elements of an array as text; numbers as Python writes them, real ones cut to whole."""
    if x.dtype.kind in "biuf":
        return [str(int(n)) for n in x.reshape(-1)]
    return [_text(s, encoding) for s in x.reshape(-1).tolist()]


def _text(s: Any, encoding: str) -> str:
    return s.decode(encoding, "replace") if isinstance(s, bytes) else str(s)


def array_of(numbers: Iterable[int], shape: tuple) -> np.ndarray:
    return np.fromiter(numbers, "int64").reshape(shape)
