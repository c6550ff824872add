"""Whole numbers as their places in a vocabulary."""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile import ops
from fncompile.graph.eager import known_value
from fncompile.layers.preprocessing.encoding import rank_among
from fncompile.layers.preprocessing.hashing import bins_of
from fncompile.layers.preprocessing.host import array_of, texts
from fncompile.layers.preprocessing.lookup import IndexLookup
from fncompile.layers.preprocessing.string_lookup import without_meaning


class IntegerLookup(IndexLookup):
    """The place of each whole number in a vocabulary, which is given or learnt by `adapt(data)`.

    As StringLookup with its arguments `max_tokens`, `num_oov_indices`, `mask_token`, `oov_token`,
    `vocabulary`, `idf_weights`, `invert`, `output_mode`, `sparse`, `pad_to_max_tokens` and `salt`
    (`vocabulary_dtype` is "int64"), and compiled: by bisection of the sorted vocabulary. An unknown
    number gets the place of its remainder by `num_oov_indices`, or with `oov_method="farmhash"` of
    its hash, which Python computes. With no such place it gets -1 in compiled code.

    >>> layers.IntegerLookup(vocabulary=[12, 36])(np.array([36, 7]))
    array([2, 0])
    """

    fields: tuple[str, ...] = (*IndexLookup.fields, "oov_method")
    vocabulary_dtype = "int64"

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        fixed = without_meaning(kwargs)
        super().__init__(name=name, **kwargs)
        if oov_method not in ("floormod", "farmhash"):
            raise ValueError(
                "Unknown value for `oov_method` argument of layer IntegerLookup: it must be "
                f"'floormod' or 'farmhash'. Received: oov_method={oov_method}"
            )
        if salt is not None and oov_method != "farmhash":
            raise ValueError(
                "`salt` can only be used when `oov_method='farmhash'`. "
                f"Received: oov_method={oov_method}"
            )
        if vocabulary_dtype != "int64":
            raise ValueError(
                "`vocabulary_dtype` of IntegerLookup must be 'int64'. "
                f"Received: vocabulary_dtype={vocabulary_dtype}"
            )
        self.oov_method = oov_method
        self._start(
            max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert,
            output_mode, sparse, pad_to_max_tokens, salt, fixed,
        )  # fmt: skip

    def _as_token(self, token: Any) -> int:
        return int(token)

    def needs_host(self, dtypes: list[str]) -> bool:
        hashed = self.oov_method == "farmhash" and self.num_oov_indices > 1
        return super().needs_host(dtypes) or (hashed and not self.invert)

    def indices(self, inputs: np.ndarray) -> np.ndarray:
        words = texts(inputs)
        bins = bins_of(set(words), self.num_oov_indices, self.salt)
        unknown = array_of((self._oov_start + bins[word] for word in words), inputs.shape)
        return np.asarray(self._found(inputs.astype("int64"), unknown))

    def call(self, inputs: Any) -> Any:
        x = ops.cast(inputs, "int64")
        if self.invert:
            return self._numbers_at(x)
        count = self.num_oov_indices
        places = x % count + self._oov_start if count > 1 else self._oov_start if count else -1
        found = self._found(x, places)
        known = known_value(found) if count == 0 else None
        if known is not None and (known < 0).any() and self.mask_token is None:
            self._refuse_unknown(np.unique(np.asarray(known_value(x))[known < 0]).tolist())
        return self.encoded(found)

    def _found(self, x: Any, otherwise: Any) -> Any:
        """The places of numbers, those `otherwise` for unknown ones."""
        found = ops.zeros_like(x) + otherwise
        if self._tokens:
            tokens = np.array(self._tokens, "int64")
            order = np.argsort(tokens)
            at = ops.maximum(rank_among(x, tokens[order]) - 1, 0)
            place = ops.cast(ops.take(order + self._token_start, at), "int64")
            found = ops.where(ops.equal(ops.take(tokens[order], at), x), place, found)
        if self.mask_token is not None:
            found = ops.where(ops.equal(x, self.mask_token), self._mask_place, found)
        return ops.cast(found, "int64")

    def _numbers_at(self, places: Any) -> Any:
        numbers = [n if n is not None else self.oov_token for n in self.get_vocabulary()]
        inside = ops.logical_and(places >= 0, places < len(numbers))
        at = ops.where(inside, places, 0)
        return ops.where(inside, ops.take(np.array(numbers, "int64"), at), self.oov_token)
