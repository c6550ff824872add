"""Lists of the numbers of words, as Keras prepares them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from fncompile.datasets.stored import from_keras

ARGUMENTS = """`num_words`: words from this number on are left out, and so are those below
`skip_top`;
    what is left out becomes `oov_char`, or nothing where that is None. `maxlen`: only lists shorter
    than that; `seed`: of their order; `start_char`: what each begins with, None for nothing;
    `index_from`: what is added to the number of each word. `path`: of the archive, in
    ~/.keras/datasets or $FNC_DATA_DIR unless absolute. FileNotFoundError says where to get it,
    ValueError that it is another, or that `maxlen` leaves no list."""


def documented(function: Any) -> Any:
    """`function` with what is said of the arguments."""
    function.__doc__ = function.__doc__.replace("ARGUMENTS", ARGUMENTS)
    return function


def word_index(name: str, digest: str, path: Any) -> dict[str, int]:
    """What the file `name` says: the number of each word."""
    with open(from_keras(name, digest, path), encoding="utf-8") as stream:
        return json.load(stream)


def begun(lists: Any, start_char: int | None, index_from: int | None) -> list[list[int]]:
    """With the number that each begins with, and `index_from` added to the others."""
    first = [] if start_char is None else [start_char]
    return [first + [int(w) + (index_from or 0) for w in words] for words in lists]


def short(lists: list[list[int]], labels: Any, maxlen: int | None) -> tuple[Any, Any]:
    """The lists shorter than `maxlen`, and their labels."""
    if not maxlen:
        return lists, labels
    kept = [i for i, words in enumerate(lists) if len(words) < maxlen]
    if not kept:
        raise ValueError(
            f"After filtering for sequences shorter than maxlen={maxlen}, no sequence was kept. "
            "Increase maxlen."
        )
    return [lists[i] for i in kept], np.asarray(labels)[kept]


def known(
    lists: list[list[int]], num_words: int | None, skip_top: int, oov_char: int | None
) -> list[list[int]]:
    """Without words beyond `num_words` and below `skip_top`."""
    most = num_words or max(max(words) for words in lists)
    if oov_char is None:
        return [[w for w in words if skip_top <= w < most] for words in lists]
    return [[w if skip_top <= w < most else oov_char for w in words] for words in lists]


def as_objects(lists: list[list[int]]) -> np.ndarray:
    """An array of lists, whatever their lengths."""
    out = np.empty(len(lists), object)
    out[:] = lists
    return out
