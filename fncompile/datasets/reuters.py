"""News by 46 topics, from Keras' archive: `load_data()` as in Keras."""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile.datasets import word_lists
from fncompile.datasets.stored import arrays_of, cut, from_keras, shuffled

DIGEST = "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
WORDS = "4d44cc38712099c9e383dc6e5f11a921"

Part = tuple[np.ndarray, np.ndarray]


@word_lists.documented
def load_data(
    path: Any = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
    **kwargs: Any,
) -> tuple[Part, Part]:
    """((x_train, y_train), (x_test, y_test)): arrays of lists of word numbers, and topics.

    `test_split`: the fraction of lists that are for tests. ARGUMENTS
    """
    if kwargs:
        raise TypeError(f"Unrecognized keyword arguments: {kwargs}.")
    found = arrays_of(from_keras("reuters.npz", DIGEST, path))
    rng = np.random.RandomState(seed)
    x, y = shuffled(rng, found["x"], found["y"])
    lists, y = word_lists.short(word_lists.begun(x, start_char, index_from), y, maxlen)
    x = word_lists.as_objects(word_lists.known(lists, num_words, skip_top, oov_char))
    return cut(x, y, test_split)


def get_label_names() -> tuple[str, ...]:
    """Not had: NotImplementedError. The archive holds the numbers of topics alone."""
    raise NotImplementedError("The names of topics are not in the archive that load_data reads.")


def get_word_index(path: Any = "reuters_word_index.json") -> dict[str, int]:
    """The number of each word, to which the lists have `index_from` added.

    `path`: of the file, in ~/.keras/datasets or $FNC_DATA_DIR unless absolute. FileNotFoundError
    says where to get it.
    """
    return word_lists.word_index("reuters_word_index.json", WORDS, path)
