"""Words as their places in a vocabulary."""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile.graph.texts import STRING, type_of
from fncompile.layers.preprocessing.hashing import bins_of
from fncompile.layers.preprocessing.host import array_of, texts
from fncompile.layers.preprocessing.lookup import IndexLookup


class StringLookup(IndexLookup):
    """The place of each word in a vocabulary, which is given or learnt by `adapt(data)`.

    Unknown words get one of the `num_oov_indices` places ahead of the vocabulary, by their hash
    (salted by `salt`); with none of these an unknown word is a ValueError. The `mask_token`, where
    there is one, is place 0. `max_tokens` bounds what `adapt` learns. `vocabulary`: a list, or the
    path of a file with one word a line. `invert`: words of places, `oov_token` for unknown ones.
    `output_mode`: "int", or "one_hot", "multi_hot", "count", "tf_idf" (which takes `idf_weights`)
    for vectors as wide as the vocabulary, or as `max_tokens` with `pad_to_max_tokens`; see
    CategoryEncoding. `encoding`: of bytes. `sparse` results are refused. Words are looked up in
    Python: a model that begins with the layer compiles what is behind it, and an exported library
    takes the numbers.

    >>> layers.StringLookup(vocabulary=["a", "b"])(np.array(["b", "z"]))
    array([2, 0])
    """

    fields: tuple[str, ...] = (*IndexLookup.fields, "encoding")
    _places: dict[str, int] | None = None  # of the tokens, once there is a vocabulary

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: Any = None,
        oov_token: str = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: Any = None,
        **kwargs: Any,
    ):
        fixed = without_meaning(kwargs)
        super().__init__(name=name, **kwargs)
        self.encoding = encoding
        self._start(
            max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert,
            output_mode, sparse, pad_to_max_tokens, salt, fixed,
        )  # fmt: skip

    @property
    def takes_text(self) -> bool:  # type: ignore[override]
        return not self.invert

    def _as_token(self, token: Any) -> str:
        return token.decode(self.encoding) if isinstance(token, bytes) else str(token)

    def _take(self, tokens: list[Any], weights: Any) -> None:
        super()._take(tokens, weights)
        self._places = {token: self._token_start + i for i, token in enumerate(tokens)}

    def needs_host(self, dtypes: list[str]) -> bool:
        return True

    def indices(self, inputs: np.ndarray) -> np.ndarray:
        if self.invert:
            return self._words_at(inputs)
        words = texts(inputs, self.encoding)
        found = {word: self._place(word) for word in set(words)}
        if self.num_oov_indices == 0 and None in found.values():
            self._refuse_unknown([word for word in found if found[word] is None])
        return array_of((found[word] for word in words), inputs.shape)  # type: ignore[misc]

    def _place(self, word: str) -> int | None:
        if self.mask_token is not None and word == self.mask_token:
            return self._mask_place
        if self._places is None:
            raise RuntimeError(
                "You must set the layer's vocabulary before calling it. Either pass a `vocabulary` "
                "argument to the layer, or call `adapt` with some sample data."
            )
        if word in self._places:
            return self._places[word]
        count = self.num_oov_indices
        if count <= 1:
            return self._oov_start if count else None
        return self._oov_start + bins_of({word}, count, self.salt)[word]

    def _words_at(self, places: np.ndarray) -> np.ndarray:
        words = np.array(self.get_vocabulary(), object)
        inside = (places >= 0) & (places < len(words))
        return np.where(inside, words[np.where(inside, places, 0)], self.oov_token)

    def index_type(self, types: list[Any]) -> Any:
        plain = super().index_type(types)
        return type_of(STRING, plain.shape) if self.invert else plain


def without_meaning(kwargs: dict[str, Any]) -> bool | None:
    """Take out of `kwargs` what files of Keras have beside the arguments; gives whether the
    vocabulary is fixed, where that is said."""
    for name in ("vocabulary_size", "vocabulary_dtype", "oov_method", "dtype"):
        kwargs.pop(name, None)
    return kwargs.pop("has_input_vocabulary", None)
