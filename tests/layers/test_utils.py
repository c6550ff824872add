"""`keras.utils` and `keras.backend`."""

from __future__ import annotations

import random

import numpy as np
import pytest

import fncompile as keras
from fncompile.utils import normalize, pad_sequences, to_categorical


@pytest.mark.parametrize("x, classes, expected", [
    ([0, 2], None, [[1, 0, 0], [0, 0, 1]]), ([[0], [2]], 4, [[1, 0, 0, 0], [0, 0, 1, 0]]),
    ([[0, 1]], None, [[[1, 0], [0, 1]]]), ([], 3, np.zeros((0, 3))), (1, None, [0, 1]),
    ([1.0], None, [[0, 1]]),
])  # fmt: skip
def test_to_categorical(x, classes, expected):
    out = to_categorical(x, classes)
    assert out.dtype == "float64"
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("x, classes", [([0, -1], 3), ([0, 3], 3), ([], None)])
def test_to_categorical_of_what_is_no_class(x, classes):
    """Keras takes -1 for the last class; that hides mistakes."""
    with pytest.raises(ValueError, match="to_categorical"):
        to_categorical(x, classes)


def test_to_categorical_of_a_symbolic_tensor():
    assert to_categorical(keras.Input((1,), dtype="int32"), 5).shape == (None, 5)


def test_normalize():
    np.testing.assert_allclose(normalize([[3.0, 4.0], [0.0, 0.0]]), [[0.6, 0.8], [0, 0]])
    np.testing.assert_allclose(normalize([3, 4], order=1), [3 / 7, 4 / 7], rtol=1e-6)
    x = np.random.default_rng(0).normal(size=(3, 4, 2))
    np.testing.assert_allclose(normalize(x, axis=1), x / np.linalg.norm(x, axis=1, keepdims=True))
    with pytest.raises(ValueError, match="`order` must be an int"):
        normalize([1.0], order=0)


@pytest.mark.parametrize("options, expected", [
    ({}, [[0, 1], [2, 3], [0, 0]]), ({"padding": "post"}, [[1, 0], [2, 3], [0, 0]]),
    ({"maxlen": 1}, [[1], [3], [0]]), ({"maxlen": 1, "truncating": "post"}, [[1], [2], [0]]),
    ({"maxlen": 3, "value": 9}, [[9, 9, 1], [9, 2, 3], [9, 9, 9]]),
    ({"maxlen": 0}, np.zeros((3, 0))),
])  # fmt: skip
def test_pad_sequences(options, expected):
    np.testing.assert_array_equal(pad_sequences([[1], [2, 3], []], **options), expected)


def test_pad_sequences_of_text():
    words = [["a"], ["b", "c"]]
    for dtype in (object, "<U3"):
        padded = pad_sequences(words, value="pad", dtype=dtype)
        assert padded.tolist() == [["pad", "a"], ["b", "c"]]
    with pytest.raises(ValueError, match="`dtype` int32 is not compatible with `value`'s type"):
        pad_sequences(words, value="pad")


def test_set_random_seed_repeats_everything():
    def draw():
        keras.utils.set_random_seed(11)
        return random.random(), np.random.rand(), keras.random.uniform((2,)).tolist()

    assert draw() == draw()
    with pytest.raises(ValueError, match="Expected `seed` argument to be an integer"):
        keras.utils.set_random_seed("a")


def test_clear_session_starts_names_again():
    keras.layers.Dense(1)
    keras.backend.clear_session()
    assert keras.layers.Dense(1).name == "dense"


def test_every_public_name_is_there():
    for name in keras.utils.__all__:
        assert getattr(keras.utils, name) is not None
    for name in keras.backend.__all__:
        assert callable(getattr(keras.backend, name))
    with pytest.raises(AttributeError, match="no attribute 'foo'"):
        keras.utils.foo()
