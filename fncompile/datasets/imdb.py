"""Reviews of films, good or bad, from Keras' archive: `load_data()` as in Keras."""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile.datasets import word_lists
from fncompile.datasets.stored import arrays_of, from_keras, shuffled

DIGEST = "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
WORDS = "bfafd718b763782e994055a2d397834f"

Part = tuple[np.ndarray, np.ndarray]


@word_lists.documented
def load_data(
    path: Any = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
    **kwargs: Any,
) -> tuple[Part, Part]:
    """((x_train, y_train), (x_test, y_test)): arrays of lists of word numbers, and 0 for bad, 1 for
    good.

    ARGUMENTS
    """
    if kwargs:
        raise TypeError(f"Unrecognized keyword arguments: {kwargs}.")
    found = arrays_of(from_keras("imdb.npz", DIGEST, path))
    rng = np.random.RandomState(seed)
    x_train, y_train = shuffled(rng, found["x_train"], found["y_train"])
    x_test, y_test = shuffled(rng, found["x_test"], found["y_test"])
    train, y_train = word_lists.short(
        word_lists.begun(x_train, start_char, index_from), y_train, maxlen
    )
    test, y_test = word_lists.short(
        word_lists.begun(x_test, start_char, index_from), y_test, maxlen
    )
    lists = word_lists.known(train + test, num_words, skip_top, oov_char)
    x = word_lists.as_objects(lists)
    return (x[: len(train)], y_train), (x[len(train) :], y_test)


def get_word_index(path: Any = "imdb_word_index.json") -> dict[str, int]:
    """The number of each word, to which the lists have `index_from` added.

    `path`: of the file, in ~/.keras/datasets or $FNC_DATA_DIR unless absolute. FileNotFoundError
    says where to get it.
    """
    return word_lists.word_index("imdb_word_index.json", WORDS, path)
