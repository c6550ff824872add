"""Texts as the numbers of their words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from fncompile.graph.symbols import symbolic_type
from fncompile.graph.texts import type_of
from fncompile.layers.preprocessing.encoding import checked_mode, refuse_sparse
from fncompile.layers.preprocessing.host import HostLayer, texts
from fncompile.layers.preprocessing.string_lookup import StringLookup, without_meaning
from fncompile.saving.serialization import deserialize_keras_object, serialize_keras_object

_PUNCTUATION = re.compile(r"[!\"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~']")
_SPACE = re.compile(r"[ \t\n\r\f\v]+")
_STANDARDIZE = ("lower_and_strip_punctuation", "lower", "strip_punctuation")
_SPLIT = ("whitespace", "character")


class TextVectorization(HostLayer):
    """Each text, (batch,) or (batch, 1), as the places of its words in a vocabulary, which is given
    or learnt by `adapt(data)`.

    `standardize`: how a text is made plain: in lower case and without punctuation
    ("lower_and_strip_punctuation"), one of these ("lower", "strip_punctuation"), as it is (None),
    or by a function of an array of texts. `split`: it is split at white space ("whitespace"), into
    characters ("character"), not at all (None), or by a function of an array of texts that gives a
    list of words for each. `ngrams`: of how many words in a row the tokens are made, a number for
    that and all below, or a tuple.

    `output_mode`: "int" gives places padded with 0 to the longest text or to
    `output_sequence_length`, at which texts are cut too; 1 is for unknown words. The other modes,
    `max_tokens`, `pad_to_max_tokens`, `vocabulary`, `idf_weights` and `encoding` are those of
    StringLookup. `sparse` and `ragged` results are refused. Texts are handled in Python: a model
    that begins with the layer compiles what is behind it, and an exported library takes the
    numbers.

    >>> layer = layers.TextVectorization(output_sequence_length=4)
    >>> layer.adapt(["the cat", "The dog!"])
    >>> layer(np.array(["the bird, the cat"]))
    array([[2, 1, 2, 4]])
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: Any = "lower_and_strip_punctuation",
        split: Any = "whitespace",
        ngrams: Any = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **kwargs: Any,
    ):
        fixed = without_meaning(kwargs)
        super().__init__(name=name, **kwargs)
        _check_choice("standardize", standardize, _STANDARDIZE)
        _check_choice("split", split, _SPLIT)
        self.output_mode = checked_mode(type(self).__name__, output_mode)
        refuse_sparse(type(self).__name__, ragged, self.output_mode, "ragged")
        ngrams = tuple(ngrams) if isinstance(ngrams, list) else ngrams
        several = isinstance(ngrams, tuple) and all(isinstance(n, int) for n in ngrams)
        if not (ngrams is None or isinstance(ngrams, int) or several):
            raise ValueError(
                "`ngrams` must be None, an integer, or a tuple of integers. "
                f"Received: ngrams={ngrams}"
            )
        length = output_sequence_length
        if self.output_mode == "int" and not (length is None or isinstance(length, int)):
            raise ValueError(
                "`output_sequence_length` must be either None or an integer when `output_mode` is "
                f"'int'. Received: output_sequence_length={length}"
            )
        if self.output_mode != "int" and length is not None:
            raise ValueError(
                "`output_sequence_length` must not be set if `output_mode` is not 'int'. "
                f"Received output_sequence_length={length}."
            )
        self.standardize, self.split, self.ngrams = standardize, split, ngrams
        self.output_sequence_length = length
        self._lookup = StringLookup(
            max_tokens=max_tokens, mask_token="", vocabulary=vocabulary, idf_weights=idf_weights,
            output_mode=self.output_mode, pad_to_max_tokens=pad_to_max_tokens, sparse=sparse,
            encoding=encoding, has_input_vocabulary=fixed,
        )  # fmt: skip
        self._lookup._inbound_nodes = self._inbound_nodes  # it is called where this one is

    takes_text = True

    # the vocabulary -------------------------------------------------------------------------------

    @property
    def _not_state(self) -> frozenset[str]:  # type: ignore[override]
        return HostLayer._not_state | {"_lookup"}

    @property
    def _table_version(self) -> int:  # type: ignore[override]
        return self._lookup._table_version

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The words in order of their places, from the first one or the first that was learnt."""
        return self._lookup.get_vocabulary(include_special_tokens)

    @property
    def _fixed(self) -> bool:
        """Was the vocabulary given, so that there is nothing to learn?"""
        return self._lookup._fixed

    def vocabulary_size(self) -> int:
        """The number of places: words, and those for padding and unknown ones."""
        return self._lookup.vocabulary_size()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """See StringLookup."""
        self._lookup.set_vocabulary(vocabulary, idf_weights)

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the vocabulary of `data`: an array or list of texts, or an iterable of batches of
        them, of which at most `steps` are taken. `batch_size` is Keras 2's, and changes nothing."""
        from fncompile.layers.preprocessing.data import batches_of

        self._lookup.reset_state()
        data = np.asarray(data) if isinstance(data, (list, tuple)) else data
        for batch in batches_of(data, steps):
            self.update_state(batch)
        self._lookup.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the words of more texts."""
        self._lookup.update_state(self._words(np.asarray(data)))

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        self._lookup.finalize_state()

    def reset_state(self) -> None:
        """Forget what was counted."""
        self._lookup.reset_state()

    # words ----------------------------------------------------------------------------------------

    def _words(self, inputs: np.ndarray) -> list[list[str]]:
        """The tokens of each text."""
        if self.split is not None and inputs.ndim > 1:
            self._check_shape(inputs.shape)
            inputs = inputs[..., 0]
        found = np.array(texts(inputs, self._lookup.encoding), dtype=str).reshape(inputs.shape)
        if callable(self.standardize):
            found = np.asarray(self.standardize(found))
        split = self._split_function()
        rows = split(found) if callable(self.split) else [split(_plain(t)) for t in found]
        return [self._grams([str(word) for word in row]) for row in rows]

    def _split_function(self) -> Callable[[Any], Any]:
        if callable(self.split):
            return self.split
        lower = self.standardize in ("lower", "lower_and_strip_punctuation")
        strip = self.standardize in ("strip_punctuation", "lower_and_strip_punctuation")

        def words(text: Any) -> list[str]:
            parts = [text] if isinstance(text, str) else list(text)
            parts = [_lower(part) if lower else part for part in parts]
            parts = [_PUNCTUATION.sub("", part) if strip else part for part in parts]
            if self.split == "whitespace":
                return [word for part in parts for word in _SPACE.split(part) if word]
            return [c for part in parts for c in part] if self.split == "character" else parts

        return words

    def _grams(self, words: list[str]) -> list[str]:
        if self.ngrams is None:
            return words
        widths = range(1, self.ngrams + 1) if isinstance(self.ngrams, int) else self.ngrams
        starts = [(n, at) for n in widths for at in range(len(words) - n + 1)]
        return [" ".join(words[at : at + n]) for n, at in starts]

    def _check_shape(self, shape: tuple) -> None:
        if self.split is not None and len(shape) > 1 and shape[-1] != 1:
            raise ValueError(
                "When using `TextVectorization` to tokenize strings, the input rank must be 1 or "
                f"the last shape dimension must be 1. Received: inputs.shape={shape} with "
                f"rank={len(shape)}"
            )

    # places ---------------------------------------------------------------------------------------

    def needs_host(self, dtypes: list[str]) -> bool:
        return True

    def indices(self, inputs: np.ndarray) -> np.ndarray:
        rows = self._words(np.atleast_1d(inputs))
        length = self.output_sequence_length
        length = max(map(len, rows), default=0) if length is None else length
        out = np.full((len(rows), length), self._lookup._mask_place, "int64")
        counts = np.array([len(words) for words in rows], "int64")
        kept = [word for words in rows for word in words[:length]]
        out[np.arange(length) < counts[:, None]] = self._lookup.indices(np.array(kept, object))
        return out[0] if inputs.ndim == 0 else out

    def index_type(self, types: list[Any]) -> Any:
        shape = types[0].shape
        self._check_shape(tuple(shape))
        unknown = symbolic_type((None, self.output_sequence_length), "int64", self.name)
        if self.split is None and len(shape) > 1 and self.output_sequence_length is None:
            return type_of("int64", (shape[0], shape[1]))
        return type_of("int64", (shape[0], unknown.shape[1]))

    def encoded(self, indices: Any) -> Any:
        return self._lookup.encoded(indices)

    # files ----------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, the vocabulary as it is now among them."""
        inner = self._lookup.get_config()
        same = (
            "max_tokens", "output_mode", "pad_to_max_tokens", "sparse", "vocabulary",
            "idf_weights", "encoding", "has_input_vocabulary",
        )  # fmt: skip
        return {
            **self._base_config(),
            "standardize": _described(self.standardize),
            "split": _described(self.split),
            "ngrams": self.ngrams,
            "output_sequence_length": self.output_sequence_length,
            "ragged": False,
            **{key: inner[key] for key in same if key in inner},
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A layer from what `get_config` gave."""
        functions = {
            key: deserialize_keras_object(config[key])
            for key in ("standardize", "split")
            if isinstance(config.get(key), dict)
        }
        return super().from_config({**config, **functions})


def _lower(text: str) -> str:
    """Letters of ASCII in lower case, as Keras has it."""
    return text.encode().lower().decode()


def _plain(text: Any) -> Any:
    return str(text) if np.ndim(text) == 0 else [str(part) for part in text]


def _described(choice: Any) -> Any:
    return serialize_keras_object(choice) if callable(choice) else choice


def _check_choice(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value is not None and value not in allowed and not callable(value):
        raise ValueError(
            f"Unknown value for `{name}` argument of layer TextVectorization: it must be one of "
            f"{allowed}, None or a function. Received: {name}={value}"
        )
