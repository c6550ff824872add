"""Labels and ids that a model does not have: an error on the first batch that shows them, which
names the value, who takes it, and the range; nothing of that batch is computed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fncompile as keras
from fncompile import layers
from fncompile.ir import build
from fncompile.ir.ranges import Range, first_outside, of_inputs
from fncompile.ir.types import TensorType

WORDS, CLASSES, LENGTH = 11, 3, 4
LOSS = "sparse_categorical_crossentropy"


def text_model(dtype="int32", loss=LOSS):
    keras.utils.set_random_seed(0)
    ids = keras.Input((None,), dtype=dtype, name="ids")
    x = keras.ops.mean(layers.Embedding(WORDS, 8, name="words")(ids), axis=1)
    model = keras.Model(ids, layers.Dense(CLASSES, activation="softmax", name="class")(x))
    model.compile("sgd", loss, metrics=["accuracy"])
    return model


def good_data(rows=20, dtype="int32"):
    rng = np.random.default_rng(0)
    x = rng.integers(0, WORDS, (rows, LENGTH)).astype(dtype)
    return x, rng.integers(0, CLASSES, rows).astype("int32")


WAYS = {
    "predict": lambda m, x, y: m.predict(x, verbose=0),
    "call": lambda m, x, y: m(x),
    "bind": lambda m, x, y: m.bind(x)(),
    "predict_on_batch": lambda m, x, y: m.predict_on_batch(x),
    "fit": lambda m, x, y: m.fit(x, y, batch_size=4, verbose=0),
    "validation": lambda m, x, y: m.fit(*good_data(), validation_data=(x, y), verbose=0),
    "evaluate": lambda m, x, y: m.evaluate(x, y, verbose=0),
    "train_on_batch": lambda m, x, y: m.train_on_batch(x, y),
    "test_on_batch": lambda m, x, y: m.test_on_batch(x, y),
    "generator": lambda m, x, y: m.fit(iter([(x, y)]), steps_per_epoch=1, verbose=0),
}  # fmt: skip


@pytest.mark.parametrize("interp", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_ids_outside_of_the_table(way, interp):
    x, y = good_data()
    if way == "bind" and interp:
        return  # which is for compiled code
    with keras.flags(interp=interp):
        model = text_model()
        WAYS[way](model, x, y)
        for wrong in (WORDS, -1, 2**31 - 1, -(2**31)):
            bad = x.copy()
            bad[7, 2] = wrong
            words = rf"layer 'words' takes whole numbers from 0 to 10. Received: {wrong} in 'ids'"
            with pytest.raises(ValueError, match=words):
                WAYS[way](model, bad, y)
        WAYS[way](model, x, y)


@pytest.mark.parametrize("interp", [False, True])
@pytest.mark.parametrize("way", list(WAYS)[4:])
def test_labels_that_are_no_class(way, interp):
    x, y = good_data()
    with keras.flags(interp=interp):
        model = text_model()
        for wrong in (CLASSES, -1):
            bad = y.copy()
            bad[13] = wrong
            with pytest.raises(ValueError, match=rf"{LOSS}' takes .* 0 to 2. Received: {wrong} in"):
                WAYS[way](model, x, bad)
        WAYS[way](model, x, y)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int64", "uint64", "float32"])
def test_indices_of_every_type(dtype):
    """Values are compared as they came, before a cast could wrap them; floats drop a fraction."""
    x, y = good_data()
    model = text_model()
    good = model.evaluate(x, y, verbose=0)
    assert model.evaluate(x.astype(dtype), y.astype(dtype), verbose=0) == good
    wrong = {"int8": 127, "uint8": 255, "int16": -1, "uint64": 2**63 + 1, "int64": 2**32 + 1}
    wrong["float32"] = np.nan
    bad = y.astype(dtype)
    bad[3] = wrong.get(dtype, CLASSES)
    with pytest.raises(ValueError, match="takes whole numbers from 0 to 2"):
        model.evaluate(x, bad, verbose=0)
    if dtype == "float32":
        np.testing.assert_allclose(model.evaluate(x, y + np.float32(0.5), verbose=0), good)
        np.testing.assert_allclose(
            model.evaluate(x, np.where(y == 0, -0.5, y).astype(dtype), verbose=0), good
        )


def test_the_batches_before_are_learned_and_no_later_one():
    """As if the loop had stopped at the first batch that shows it."""
    x, y = good_data(40)
    bad = y.copy()
    bad[[26, 39]] = 5
    stopped, whole = text_model(), text_model()
    with pytest.raises(ValueError, match="Received: 5"):
        stopped.fit(x, bad, batch_size=4, shuffle=False, verbose=0)
    whole.fit(x[:24], y[:24], batch_size=4, shuffle=False, verbose=0)
    assert int(stopped.optimizer.iterations) == 6
    for a, b in zip(stopped.get_weights(), whole.get_weights(), strict=True):
        assert a.tobytes() == b.tobytes()
    prediction = stopped.predict(x, verbose=0)  # from the new weights
    assert prediction.tobytes() == whole.predict(x, verbose=0).tobytes()


def test_a_class_that_is_ignored_is_allowed():
    x, y = good_data()
    for ignored in (-1, 7):
        model = text_model(loss=keras.losses.SparseCategoricalCrossentropy(ignore_class=ignored))
        some = y.copy()
        some[::2] = ignored
        assert np.isfinite(model.evaluate(x, some, verbose=0)[0])
        some[0] = 8
        with pytest.raises(ValueError, match=rf"0 to 2, or {ignored}. Received: 8"):
            model.evaluate(x, some, verbose=0)


def test_two_inputs_of_one_open_length():
    """Whose sizes are one in the program, which has other inputs then."""
    ids, more = keras.Input((None,), dtype="int32", name="ids"), keras.Input((None, 2), name="more")
    model = keras.Model([ids, more], layers.Embedding(3, 2, name="words")(ids) + more)
    x, values = np.zeros((4, 5), "int32"), np.zeros((4, 5, 2), "float32")
    assert np.isfinite(model.predict([x, values], verbose=0)).all()
    x[3, 1] = 3
    with pytest.raises(ValueError, match="'words' takes .* from 0 to 2. Received: 3 in 'ids'"):
        model.predict([x, values], verbose=0)


def test_labels_of_every_step():
    """Of shape (batch, length): a class for each place of a text."""
    ids = keras.Input((None,), dtype="int32")
    outputs = layers.Dense(CLASSES, activation="softmax")(layers.Embedding(WORDS, 8)(ids))
    model = keras.Model(ids, outputs)
    model.compile("sgd", LOSS)
    x, y = good_data()[0], np.ones((20, LENGTH), "int32")
    assert np.isfinite(model.evaluate(x, y, verbose=0))
    y[19, 3] = 3
    with pytest.raises(ValueError, match="Received: 3"):
        model.evaluate(x, y, verbose=0)
    with pytest.raises(ValueError, match="Received: 3"):
        model.fit(x, y, verbose=0)


def test_layers_and_losses_on_arrays():
    with pytest.raises(ValueError, match="takes whole numbers from 0 to 2. Received: 3"):
        layers.Embedding(3, 2)(np.array([[1, 3]]))
    with pytest.raises(ValueError, match="takes whole numbers from 0 to 1. Received: -1"):
        keras.losses.SparseCategoricalCrossentropy()(np.array([-1]), np.array([[0.5, 0.5]]))
    assert np.isfinite(layers.Embedding(3, 2)(np.array([[0, 2]]))).all()


def test_computed_ids_give_nan_as_before():
    """Only what is given can be said to be wrong; what was computed is the model's own."""
    ids = keras.Input((2,), dtype="int32")
    model = keras.Model(ids, layers.Embedding(3, 2)(ids + 1))
    found = model.predict(np.array([[1, 2]], "int32"), verbose=0)
    assert np.isfinite(found[0, 0]).all() and np.isnan(found[0, 1]).all()


@given(st.integers(1, 300), st.integers(-3, 300), st.data())
@settings(max_examples=60)
def test_what_is_outside_is_what_numpy_says(count, allowed, data):
    """Of values in several types, against a plain loop."""
    dtype = data.draw(st.sampled_from(["int8", "uint16", "int32", "uint64", "float32", "float64"]))
    values = np.array(data.draw(st.lists(st.integers(-128, 127), min_size=1, max_size=9)))
    values = values.astype(dtype)
    node = build.input("x", TensorType("int32", (len(values),)))
    expected = [not (0 <= int(v) < count or int(v) == allowed) for v in values]
    range = Range(count, "it", allowed)
    assert range.outside(values).tolist() == expected
    shaped = build.cast(build.reshape(node, (len(values), 1)), "int64")
    known = of_inputs([(shaped, range), (build.ew("neg", node), range)], (node,))
    assert known == (("x", range),)
    first = first_outside(known, (node,), [values])
    assert first == (expected.index(True) if True in expected else len(values))
