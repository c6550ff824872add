"""What users pass as data, and what they hear when it does not fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fncompile as keras
from fncompile import layers
from fncompile.training.class_weight import class_weights_to_sample_weights
from fncompile.training.data import flat_data, flat_inputs, split

X = np.arange(40, dtype="float32").reshape(10, 4)
A = np.arange(10, dtype="float32")[:, None]


def one():
    i = keras.Input((4,), name="img")
    model = keras.Model(i, layers.Dense(3)(i), name="net")
    model.compile("sgd", "mse")
    return model


def two_inputs():
    a, b = keras.Input((4,), name="a"), keras.Input((1,), name="b", dtype="int32")
    return keras.Model([a, b], layers.concatenate([a, b * 1.0]), name="net")


def two_outputs():
    i = keras.Input((4,))
    model = keras.Model(i, [layers.Dense(1, name="p")(i), layers.Dense(2, name="q")(i)])
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize(
    "x",
    [
        X,
        X.tolist(),
        [X],
        (X,),
        {"img": X},
        {"img": X, "more": A},
        X.astype("float64"),
        X[:, :, None],
        np.asfortranarray(X),
    ],
)
def test_one_input_in_many_forms(x):
    (array,) = flat_inputs(one(), x)
    assert array.dtype == "float32" and array.flags.c_contiguous
    np.testing.assert_array_equal(array, X)


@pytest.mark.parametrize(
    "x",
    [
        [X, A],
        (X, A),
        {"a": X, "b": A},
        [X, A[:, 0]],
        {"b": A[:, 0], "a": X, "c": 1.0},
        [X.tolist(), A.tolist()],
    ],
)
def test_two_inputs_in_many_forms(x):
    a, b = flat_inputs(two_inputs(), x)
    np.testing.assert_array_equal(a, X)
    assert b.dtype == "int32" and b.shape == (10, 1)


def test_arrays_that_fit_are_not_copied():
    assert flat_inputs(one(), X)[0] is X


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (
            X[:, :3],
            r"Input 0 with name 'img' of layer 'net' is incompatible with the layer: "
            r"expected shape=\(None, 4\), found shape=\(10, 3\)",
        ),
        (X[:, 0], r"expected shape=\(None, 4\), found shape=\(10,\)"),
        (
            {"im": X},
            r'Missing data for input "img". You passed a data dictionary with keys '
            r"\['im'\]. Expected the following keys: \['img'\]",
        ),
        ([X, X], 'Layer "net" expects 1 input'),
        (np.array(["a"] * 10), "Unrecognized data type"),
        (np.array([None] * 10), "Unrecognized data type"),
        ([[1.0, 2.0], [3.0]], "Unrecognized data type"),
        (None, "The input 'img' is not optional, but None was passed"),
    ],
)  # fmt: skip
def test_inputs_that_do_not_fit(x, message):
    with pytest.raises(ValueError, match=message):
        flat_inputs(one(), x)


@pytest.mark.parametrize("x", [X, [X], [X, A, A]])
def test_wrong_number_of_inputs(x):
    with pytest.raises(
        ValueError, match=r"expects 2 input\(s\) with names \['a', 'b'\], but it received [13]"
    ):
        flat_inputs(two_inputs(), x)


def test_cardinality():
    with pytest.raises(ValueError) as caught:
        flat_data(one(), X, A[:4], np.ones(9))
    assert str(caught.value) == (
        "Data cardinality is ambiguous. Make sure all arrays contain the same number of samples."
        "'x' sizes: 10\n'y' sizes: 4\n'sample_weight' sizes: 9\n"
    )
    with pytest.raises(ValueError, match=r"'x' sizes: 10, 5\n"):
        model = two_inputs()
        model.compile("sgd")
        flat_data(model, [X, A[:5]])


def test_targets_keep_integers_and_lose_double_precision():
    model = one()
    assert flat_data(model, X, np.arange(10))[1].dtype == "int64"
    assert flat_data(model, X, np.arange(10, dtype="uint8"))[1].dtype == "uint8"
    assert flat_data(model, X, np.arange(10, dtype="int16"))[1].dtype == "int16"
    assert flat_data(model, X, np.arange(10.0))[1].dtype == "float32"
    assert flat_data(model, X, [1, 2] * 5)[1].shape == (10,)


def test_targets_by_name_and_missing_ones():
    model = two_outputs()
    _, p, q = flat_data(model, X, {"q": X[:, :2], "p": A})
    assert p.shape == (10, 1) and q.shape == (10, 2)
    with pytest.raises(ValueError, match="Target data is missing for output 'q'"):
        flat_data(model, X, {"p": A})
    with pytest.raises(ValueError, match="different structures"):
        flat_data(model, X, [A])
    with pytest.raises(ValueError, match="different structures"):
        flat_data(model, X, {"p": A, "r": A})
    with pytest.raises(ValueError, match="Target data is missing for output"):
        flat_data(one(), X)


def test_sample_weights():
    model = two_outputs()
    y = [A, X[:, :2]]
    w = np.arange(10.0)
    assert len(flat_data(model, X, y)) == 3
    for given_weights in (w, [w, w], {"p": w, "q": w}):
        arrays = flat_data(model, X, y, given_weights)
        assert len(arrays) == 5 and arrays[3].dtype == "float32"
        np.testing.assert_array_equal(arrays[4], w)
    np.testing.assert_array_equal(flat_data(model, X, y, {"q": w})[3], np.ones(10))


def test_class_weights():
    weigh = class_weights_to_sample_weights
    labels = np.array([0, 1, 2, 1])
    np.testing.assert_array_equal(weigh(labels, {0: 2.0, 2: 0.5}), np.float32([2, 1, 0.5, 1]))
    np.testing.assert_array_equal(weigh(labels[:, None], {1: 3.0}), np.float32([1, 3, 1, 3]))
    np.testing.assert_array_equal(weigh(np.eye(3)[labels], {1: 3.0}), np.float32([1, 3, 1, 3]))
    with pytest.raises(ValueError, match="should be a dict"):
        weigh(labels, [1, 2])
    with pytest.raises(ValueError, match="only supported for Models with a single output"):
        flat_data(two_outputs(), X, [A, X[:, :2]], None, {0: 1.0})
    with pytest.raises(ValueError, match="`class_weight` and `sample_weight` at the same time"):
        flat_data(one(), X, A, np.ones(10), {0: 1.0})


@given(st.integers(2, 500), st.floats(0.001, 0.999))
def test_split_takes_the_last_fraction(rows, fraction):
    array = np.arange(rows)
    at = int(np.floor(rows * (1 - fraction)))
    if 0 < at < rows:
        (first,), (rest,) = split([array], fraction)
        np.testing.assert_array_equal(first, array[:at])
        np.testing.assert_array_equal(rest, array[at:])
    else:
        with pytest.raises(
            ValueError, match=f"Training data contains {rows} samples, which is not sufficient"
        ):
            split([array], fraction)


@pytest.mark.parametrize("fraction", [1.0, 0.999, -0.5, 2.0])
def test_impossible_splits(fraction):
    with pytest.raises(ValueError, match=f"validation_split={fraction}"):
        split([np.arange(10)], fraction)
