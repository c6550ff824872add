"""Categories as the hashes of their names."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from fncompile.config import floatx
from fncompile.graph.texts import dtype_of
from fncompile.layers.preprocessing.encoding import checked_mode, encoded, refuse_sparse
from fncompile.layers.preprocessing.fingerprints import crossed, fingerprint, sip
from fncompile.layers.preprocessing.host import HostLayer, array_of, as_array, texts


class Hashing(HostLayer):
    """The remainder of a hash of each input, strings or whole numbers, by `num_bins`.

    The hash is FarmHash's fingerprint, or with a `salt`, one whole number or two, SipHash-2-4;
    whole numbers are hashed as they are written. `mask_value` has bin 0 for itself. `output_mode`:
    "int", "one_hot", "multi_hot" or "count", see CategoryEncoding. ValueError for bad
    arguments; `sparse` results are refused.

    >>> layers.Hashing(3)(np.array(["A", "B", "C"]))
    array([1, 0, 1])
    """

    fields = ("num_bins", "salt", "mask_value", "output_mode", "sparse")

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Any,
    ):
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64" if output_mode == "int" else floatx()
        super().__init__(**kwargs)
        if num_bins is None or num_bins <= 0:
            raise ValueError(
                "The `num_bins` for `Hashing` cannot be `None` or non-positive values. "
                f"Received: num_bins={num_bins}."
            )
        if output_mode == "int" and self.compute_dtype not in ("int32", "int64"):
            raise ValueError(
                'When `output_mode="int"`, `dtype` should be an integer type, \'int32\' or '
                f"'int64'. Received: dtype={self.compute_dtype}"
            )
        modes = ("int", "one_hot", "multi_hot", "count")
        self.output_mode = checked_mode(type(self).__name__, output_mode, modes)
        refuse_sparse(type(self).__name__, sparse, self.output_mode)
        self.num_bins = num_bins
        self.mask_value = mask_value
        self.salt = checked_salt(type(self).__name__, salt)
        self.sparse = sparse

    def needs_host(self, dtypes: list[str]) -> bool:
        return True

    def indices(self, inputs: np.ndarray) -> np.ndarray:
        words = texts(inputs)
        reserved = self.mask_value is not None and self.num_bins > 1
        known = bins_of(set(words), self.num_bins - reserved, self.salt)
        found = array_of((known[word] + reserved for word in words), inputs.shape)
        if not reserved:
            return found
        masked = [word == str(self.mask_value) for word in words]
        return np.where(np.reshape(masked, inputs.shape), 0, found)

    def encoded(self, indices: Any) -> Any:
        return encoded(indices, self.output_mode, self.num_bins, self.compute_dtype)


class HashedCrossing(HostLayer):
    """The remainder by `num_bins` of one hash of several inputs together, strings or whole numbers,
    each (batch,) or (batch, 1).

    `output_mode`: "int" or "one_hot". ValueError for other inputs; `sparse` results are refused.

    >>> layers.HashedCrossing(5)((np.array(["A", "B"]), np.array([101, 102])))
    array([1, 1])
    """

    fields = ("num_bins", "output_mode", "sparse")

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        dtype = "int64" if output_mode == "int" and dtype is None else dtype
        super().__init__(name=name, dtype=dtype, **kwargs)
        self.output_mode = checked_mode(type(self).__name__, output_mode, ("int", "one_hot"))
        refuse_sparse(type(self).__name__, sparse, self.output_mode)
        self.num_bins = num_bins
        self.sparse = sparse

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(
                "`HashedCrossing` should be called on a list or tuple of inputs. "
                f"Received: inputs={inputs}"
            )
        if len(inputs) < 2:
            raise ValueError(
                "`HashedCrossing` should be called on at least two inputs. "
                f"Received: inputs={inputs}"
            )
        return super().__call__([as_array(np.asarray(x) if np.isscalar(x) else x) for x in inputs])

    def needs_host(self, dtypes: list[str]) -> bool:
        return True

    def index_type(self, types: list[Any]) -> Any:
        self._check([tuple(t.shape) for t in types], [t.dtype for t in types])
        return super().index_type(types)

    def _check(self, shapes: list[tuple], dtypes: list[str]) -> None:
        first = shapes[0]
        if len(first) > 2 or (len(first) == 2 and first[-1] != 1):
            raise ValueError(
                "All `HashedCrossing` inputs should have shape `()`, `(batch_size)` or "
                f"`(batch_size, 1)`. Received: inputs of shapes {shapes}"
            )
        if any(shape != first for shape in shapes):
            raise ValueError(
                "All `HashedCrossing` inputs should have equal shape. "
                f"Received: inputs of shapes {shapes}"
            )
        if any(dtype != "string" and "int" not in dtype for dtype in dtypes):
            raise ValueError(
                "All `HashedCrossing` inputs should have an integer or string dtype. "
                f"Received: inputs of dtypes {dtypes}"
            )

    def indices(self, inputs: list[np.ndarray]) -> np.ndarray:
        self._check([x.shape for x in inputs], [dtype_of(x) for x in inputs])
        columns = [list(map(_hashed, _values(x))) for x in inputs]
        return array_of((crossed(row) % self.num_bins for row in zip(*columns)), inputs[0].shape)

    def encoded(self, indices: Any) -> Any:
        return encoded(indices, self.output_mode, self.num_bins, self.compute_dtype)


def _values(x: np.ndarray) -> list[Any]:
    return x.reshape(-1).tolist() if x.dtype.kind in "iu" else texts(x)


def _hashed(value: Any) -> int:
    return fingerprint(value.encode()) if isinstance(value, str) else value


def checked_salt(layer: str, salt: Any) -> list[int] | None:
    """`salt` as two whole numbers; ValueError for what is neither one nor two of them."""
    if salt is None:
        return None
    if isinstance(salt, (tuple, list)) and len(salt) == 2:
        return list(salt)
    if isinstance(salt, int):
        return [salt, salt]
    raise ValueError(
        f"The `salt` argument for `{layer}` can only be a tuple of size 2 integers, or a single "
        f"integer. Received: salt={salt}."
    )


def bins_of(words: set[str], bins: int, salt: Any = None) -> dict[str, int]:
    """The bin of each word."""
    hashed = fingerprint if salt is None else partial(sip, key=tuple(salt))
    return {word: hashed(word.encode()) % bins for word in words}
