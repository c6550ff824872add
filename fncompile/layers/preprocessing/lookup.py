"""A vocabulary, and the places of tokens in it: what StringLookup and IntegerLookup share."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from fncompile import ops
from fncompile.config import floatx
from fncompile.graph import structure
from fncompile.layers.preprocessing.encoding import checked_mode, encoded, refuse_sparse
from fncompile.layers.preprocessing.hashing import checked_salt
from fncompile.layers.preprocessing.host import HostLayer
from fncompile.saving.scopes import ambient_safe_mode


class IndexLookup(HostLayer):
    """Base of layers that give each token its place in a vocabulary.

    Places begin with that of the mask token, in mode "int" where there is one, and those for tokens
    that are not in the vocabulary.
    """

    fields: tuple[str, ...] = (
        "invert", "max_tokens", "num_oov_indices", "oov_token", "mask_token", "output_mode",
        "sparse", "pad_to_max_tokens", "salt",
    )  # fmt: skip
    vocabulary_dtype = "string"

    def _start(
        self,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Any,
        oov_token: Any,
        vocabulary: Any,
        idf_weights: Any,
        invert: bool,
        output_mode: str,
        sparse: bool,
        pad_to_max_tokens: bool,
        salt: Any,
        fixed: bool | None,
    ) -> None:
        layer = type(self).__name__
        if max_tokens is not None and max_tokens <= 1:
            raise ValueError(
                f"If set, `max_tokens` must be greater than 1. Received: max_tokens={max_tokens}"
            )
        if pad_to_max_tokens and max_tokens is None:
            raise ValueError(
                "If pad_to_max_tokens is True, must set `max_tokens`. "
                f"Received: max_tokens={max_tokens}"
            )
        if num_oov_indices < 0:
            raise ValueError(
                "`num_oov_indices` must be greater than or equal to 0. "
                f"Received: num_oov_indices={num_oov_indices}"
            )
        self.output_mode = checked_mode(layer, output_mode)
        refuse_sparse(layer, sparse, self.output_mode)
        if invert and self.output_mode != "int":
            raise ValueError(
                "`output_mode` must be `'int'` when `invert` is true. "
                f"Received: output_mode={output_mode}"
            )
        if idf_weights is not None and self.output_mode != "tf_idf":
            raise ValueError(
                "`idf_weights` should only be set if `output_mode` is `'tf_idf'`. Received: "
                f"idf_weights={idf_weights} and output_mode={output_mode}"
            )
        self.invert, self.sparse, self.salt = invert, sparse, checked_salt(layer, salt)
        self.max_tokens, self.num_oov_indices = max_tokens, num_oov_indices
        self.mask_token, self.oov_token = mask_token, oov_token
        self.pad_to_max_tokens = pad_to_max_tokens
        self._fixed = vocabulary is not None if fixed is None else fixed
        self._tokens: list[Any] = []
        self.idf_weights: Any = None
        if vocabulary is not None:
            if self.output_mode == "tf_idf" and idf_weights is None:
                raise ValueError(
                    "When specifying the `vocabulary` argument, in TF-IDF output mode, the "
                    "`idf_weights` argument must also be provided."
                )
            self._set(vocabulary, idf_weights)
        self.reset_state()

    # the vocabulary -------------------------------------------------------------------------------

    @property
    def _oov_start(self) -> int:
        return int(self.mask_token is not None and self.output_mode == "int")

    @property
    def _token_start(self) -> int:
        return self._oov_start + self.num_oov_indices

    @property
    def _special(self) -> list[Any]:
        return [self.mask_token] * self._oov_start + [self.oov_token] * self.num_oov_indices

    def vocabulary_size(self) -> int:
        """The number of places: tokens, and those for mask and unknown ones."""
        return self._token_start + len(self._tokens)

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The tokens in order of their places, from the first one or the first that was learnt."""
        return [*(self._special if include_special_tokens else []), *self._tokens]

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take `vocabulary`, a list of tokens or the path of a file with one a line, in place of
        what is there; `idf_weights`, as many, where the mode is "tf_idf". ValueError for repeated
        or reserved tokens, and for more than `max_tokens`."""
        if self.output_mode == "tf_idf" and idf_weights is None:
            raise ValueError("`idf_weights` must be set if output_mode is 'tf_idf'.")
        if self.output_mode != "tf_idf" and idf_weights is not None:
            raise ValueError(
                "`idf_weights` should only be set if output_mode is `'tf_idf'`. Received: "
                f"output_mode={self.output_mode} and idf_weights={idf_weights}"
            )
        self._fixed = True
        self._set(vocabulary, idf_weights)

    def _set(self, vocabulary: Any, idf_weights: Any) -> None:
        given = self._read(vocabulary)
        special = given[: self._token_start] == self._special and bool(self._special)
        tokens = given[self._token_start :] if special else given
        self._check_tokens(given, tokens)
        weights = None if idf_weights is None else self._padded(idf_weights, given, special)
        self._take(tokens, weights)

    def _read(self, vocabulary: Any) -> list[Any]:
        if isinstance(vocabulary, (str, Path)):
            vocabulary = _lines_of(vocabulary)
            if self.output_mode == "tf_idf":
                raise ValueError(
                    "output_mode `'tf_idf'` does not support loading a vocabulary from file."
                )
        found = np.asarray(vocabulary)
        if found.size == 0:
            raise ValueError(f"Cannot set an empty vocabulary. Received: vocabulary={vocabulary}")
        return [self._as_token(token) for token in found.reshape(-1).tolist()]

    def _as_token(self, token: Any) -> Any:
        raise NotImplementedError

    def _check_tokens(self, given: list[Any], tokens: list[Any]) -> None:
        repeated = [token for token, count in Counter(tokens).items() if count > 1]
        if repeated:
            raise ValueError(
                "The passed vocabulary has at least one repeated term. Please uniquify your "
                f"dataset. The repeated terms are: {repeated}"
            )
        reserved = {"mask": self.mask_token, "OOV": self.oov_token if self.invert else None}
        for what, token in reserved.items():
            if token is not None and token in tokens:
                raise ValueError(
                    f"Found reserved {what} token at unexpected location in `vocabulary`. Note "
                    "that passed `vocabulary` does not need to include the OOV and mask tokens. "
                    "Either remove all mask and OOV tokens, or include them only at the start of "
                    f"the vocabulary in precisely this order: {self._special}. Received: {token!r} "
                    f"at vocabulary index {given.index(token)}"
                )
        size = self._token_start + len(tokens)
        if self.max_tokens is not None and size > self.max_tokens:
            raise ValueError(
                "Attempted to set a vocabulary larger than the maximum vocab size. Received "
                f"vocabulary size is {size}; `max_tokens` is {self.max_tokens}."
            )

    def _padded(self, idf_weights: Any, given: list[Any], special: bool) -> np.ndarray:
        """A weight for each place; the mean where none was given, 0 behind the last token."""
        weights = np.asarray(idf_weights, floatx())
        if weights.ndim != 1:
            raise ValueError(
                f"TF-IDF data must be a 1-index array. Received: type(idf_weights)={idf_weights}"
            )
        if len(weights) != len(given):
            raise ValueError(
                "`idf_weights` must be the same length as vocabulary. len(idf_weights) is "
                f"{len(weights)}; len(vocabulary) is {len(given)}"
            )
        ahead = 0 if special else self._token_start
        weights = np.concatenate([np.full(ahead, weights.mean(), weights.dtype), weights])
        behind = (self.max_tokens - len(weights)) if self.pad_to_max_tokens else 0  # type: ignore[operator]
        return np.pad(weights, (0, behind))

    def _take(self, tokens: list[Any], weights: Any) -> None:
        old, new = self.vocabulary_size(), self._token_start + len(tokens)
        widens = self.output_mode != "int" and not self.pad_to_max_tokens
        if widens and self._inbound_nodes and old != new:
            raise RuntimeError(
                f"When using `output_mode={self.output_mode}` and `pad_to_max_tokens=False`, the "
                "vocabulary size cannot be changed after the layer is called. Old vocab size is "
                f"{old}, new vocab size is {new}"
            )
        self._tokens, self.idf_weights = tokens, weights
        structure.new_table(self)

    # learning it ----------------------------------------------------------------------------------

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learn the vocabulary of `data`: an array or list, a row a document, or an iterable of
        batches, of which at most `steps` are taken. The most frequent tokens come first, the
        greatest of equally frequent ones before the others. ValueError where the vocabulary was
        given."""
        self.reset_state()
        for documents in self._documents(data, steps):
            self.update_state(documents)
        self.finalize_state()

    def _documents(self, data: Any, steps: int | None) -> Any:
        from fncompile.layers.preprocessing.data import batches_of

        if isinstance(data, (list, tuple)):
            data = np.asarray(data)
        for batch in batches_of(data, steps):
            rows = batch.reshape(-1, 1) if batch.ndim < 2 else batch
            yield [self._tokens_in(row) for row in rows]

    def _tokens_in(self, row: np.ndarray) -> list[Any]:
        return [self._as_token(token) for token in row.reshape(-1).tolist()]

    def update_state(self, documents: Any) -> None:
        """Count the tokens of more documents, lists of them."""
        if self._fixed:
            raise ValueError(
                f"Cannot adapt layer '{self.name}' after setting a static vocabulary via "
                "`vocabulary` argument or `set_vocabulary()` method."
            )
        for document in documents:
            self._counts.update(document)
            self._document_counts.update(set(document))
            self._document_total += 1

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        counts = {
            t: n for t, n in self._counts.items() if t not in (self.mask_token, self.oov_token)
        }
        if self._fixed or not self._counts:
            return
        tokens = sorted(counts, key=lambda t: (counts[t], self._order(t)), reverse=True)
        if self.max_tokens:
            tokens = tokens[: self.max_tokens - self._token_start]
        weights = None
        if self.output_mode == "tf_idf":
            seen = np.array([self._document_counts[token] for token in tokens])
            weights = np.log(1.0 + self._document_total / (1.0 + seen)).astype(floatx())
            weights = self._padded(weights, tokens, False)
        self._take(tokens, weights)
        self.reset_state()

    @staticmethod
    def _order(token: Any) -> Any:
        return token.encode() if isinstance(token, str) else token

    def reset_state(self) -> None:
        """Forget what was counted; the vocabulary stays."""
        self._counts: Counter = Counter()
        self._document_counts: Counter = Counter()
        self._document_total = 0

    # places ---------------------------------------------------------------------------------------

    @property
    def _mask_place(self) -> int:
        return 0 if self.output_mode == "int" else -1

    def encoded(self, indices: Any) -> Any:
        if self.output_mode == "int":
            return indices
        depth = self.max_tokens if self.pad_to_max_tokens else self.vocabulary_size()
        idf = None
        if self.output_mode == "tf_idf":
            if self.idf_weights is None:
                raise ValueError(
                    "When `output_mode` is `'tf_idf'`, `idf_weights` must be provided: give a "
                    "vocabulary with them, or call `adapt()`."
                )
            idf = ops.convert_to_tensor(self.idf_weights)
        return encoded(indices, self.output_mode, depth, floatx(), idf=idf)  # type: ignore[arg-type]

    def _refuse_unknown(self, unknown: list[Any]) -> None:
        raise ValueError(
            "When `num_oov_indices=0` all inputs should be in vocabulary, found OOV values "
            f"{unknown}, consider setting `num_oov_indices=1`."
        )

    # files ----------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, the vocabulary as it is now among them."""
        weights = None if self.idf_weights is None else self.idf_weights.tolist()
        learnt = {} if self._fixed or not self._tokens else {"has_input_vocabulary": False}
        vocabulary = list(self._tokens) or None
        if weights is not None and vocabulary is not None:
            vocabulary = self.get_vocabulary()
            weights = weights[: len(vocabulary)]
        return {
            **super().get_config(),
            "vocabulary_dtype": self.vocabulary_dtype,
            "vocabulary": vocabulary,
            "idf_weights": weights,
            **learnt,
        }


def _lines_of(path: Any) -> list[str]:
    if ambient_safe_mode():
        raise ValueError(
            "Requested the loading of a vocabulary file outside of the model archive. A file may "
            "not name others: pass `safe_mode=False` to the loading function if you trust it. "
            f"Vocabulary file: '{path}'"
        )
    if not Path(path).exists():
        raise ValueError(f"Vocabulary file {path} does not exist.")
    return Path(path).read_text(encoding="utf-8").splitlines()
