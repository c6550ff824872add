"""Tables as one array: each kind of column against NumPy and the layers by themselves, in models
and files."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import layers
from fncompile.utils import FeatureSpace

TABLE = {
    "age": np.array([10.0, 20.0, 40.0, 50.0]),
    "town": np.array(["Bonn", "Linz", "Bonn", "Ulm"]),
    "floor": np.array([3, 1, 3, 2]),
    "word": np.array(["a", "b", "c", "d"]),
    "rent": np.array([100.0, 200.0, 300.0, 400.0]),
}


def space(**kwargs):
    made = FeatureSpace(
        {
            "age": "float_normalized",
            "town": "string_categorical",
            "floor": FeatureSpace.integer_categorical(num_oov_indices=1),
            "word": FeatureSpace.string_hashed(3),
            "rent": FeatureSpace.float_discretized(2, bin_boundaries=[250.0]),
        },
        crosses=[("town", "floor")], crossing_dim=8, **kwargs,
    )  # fmt: skip
    made.adapt(TABLE)
    return made


def expected():
    age = (TABLE["age"] - 30) / np.sqrt(250)
    towns = layers.StringLookup(vocabulary=["Bonn", "Ulm", "Linz"])(TABLE["town"])
    floors = layers.IntegerLookup(vocabulary=[3, 2, 1])(TABLE["floor"])
    crossed = layers.HashedCrossing(8)([towns[:, None], floors[:, None]])[:, 0]
    words = layers.Hashing(3)(TABLE["word"])
    return {
        "age": age[:, None], "floor": np.eye(4)[floors], "rent": np.eye(2)[[0, 0, 1, 1]],
        "town": np.eye(4)[towns], "word": np.eye(3)[words], "town_X_floor": np.eye(8)[crossed],
    }  # fmt: skip


def test_columns_stand_side_by_side():
    found = space()(TABLE)
    np.testing.assert_allclose(found, np.concatenate(list(expected().values()), 1), 1e-5, 1e-6)
    named = space(output_mode="dict")(TABLE)
    assert list(named) == list(expected())
    for name, part in expected().items():
        np.testing.assert_allclose(named[name], part, 1e-5, 1e-6)
    one = space()({name: values[1].item() for name, values in TABLE.items()})
    np.testing.assert_allclose(one, found[1], 1e-5, 1e-6)


def test_what_a_data_set_teaches_is_the_same():
    rows = [{name: values[i : i + 2] for name, values in TABLE.items()} for i in (0, 2)]
    by_batch, by_row = space(), space()
    by_batch.adapt(rows)
    by_row.adapt([{name: v[i] for name, v in TABLE.items()} for i in range(4)])
    for made in (by_batch, by_row):
        np.testing.assert_allclose(made(TABLE), space()(TABLE), 1e-5, 1e-6)


def test_models_begin_with_the_table_or_behind_it(tmp_path):
    made = space()
    encoded = made.get_encoded_features()
    dense = layers.Dense(1)
    behind = fncompile.Model(encoded, dense(encoded))
    whole = fncompile.Model(made.get_inputs(), dense(encoded))
    behind.compile("sgd", "mse")
    inputs = {name: v[:, None] for name, v in TABLE.items()}
    with fncompile.flags(interp=True):
        behind.fit(made(TABLE), np.ones((4, 1)), verbose=0)
        before = behind.predict(made(TABLE), verbose=0)
        np.testing.assert_allclose(whole.predict(inputs, verbose=0), before, 1e-5, 1e-6)
        whole.save(tmp_path / "m.keras")
        again = fncompile.models.load_model(tmp_path / "m.keras")
        np.testing.assert_allclose(again.predict(inputs, verbose=0), before, 1e-5, 1e-6)


def test_a_file_brings_it_back(tmp_path):
    made = space()
    made.save(tmp_path / "space.keras")
    again = fncompile.models.load_model(tmp_path / "space.keras")
    np.testing.assert_allclose(again(TABLE), made(TABLE), 1e-6)
    assert isinstance(again, FeatureSpace) and again.name == made.name


def test_kinds_that_learn_nothing():
    made = FeatureSpace({"a": "float", "b": FeatureSpace.float_rescaled(2.0, 1.0),
                         "c": FeatureSpace.integer_hashed(4, output_mode="int")},
                        output_mode="dict")  # fmt: skip
    found = made({"a": [1.0, 2.0], "b": [1.0, 2.0], "c": [5, 6]})
    np.testing.assert_array_equal(found["a"], [[1], [2]])
    np.testing.assert_array_equal(found["b"], [[3], [5]])
    np.testing.assert_array_equal(found["c"][:, 0], layers.Hashing(4)(np.array([5, 6])))


def test_a_vocabulary_that_was_given_is_not_learnt():
    words = layers.TextVectorization(vocabulary=["this", "is"], output_sequence_length=2)
    given = {"t": FeatureSpace.feature("string", words, "int"),
             "n": FeatureSpace.feature("float32", layers.Normalization(mean=2.0, variance=4.0),
                                       "float")}  # fmt: skip
    found = FeatureSpace(given, output_mode="dict")({"t": ["this is", "not"], "n": [2.0, 6.0]})
    np.testing.assert_array_equal(found["t"], [[2, 3], [1, 0]])
    np.testing.assert_allclose(found["n"], [[0.0], [2.0]])


def test_bins_have_their_places_also_where_data_fill_few():
    """As in Keras: the width is `num_bins`, not how many boundaries three numbers make."""
    made = FeatureSpace({"a": FeatureSpace.float_discretized(8)}, output_mode="concat")
    made.adapt({"a": [0.0, 1.0, 2.0]})
    found = made({"a": [0.0, 1.0, 2.0]})
    assert found.shape == (3, 8)
    np.testing.assert_array_equal(found.sum(axis=1), [1, 1, 1])


FLOAT = {"a": "float"}


@pytest.mark.parametrize(("wrong", "words"), [
    (lambda: FeatureSpace({}), "cannot be None or empty"),
    (lambda: FeatureSpace({"a": "colour"}), "Invalid feature type: colour"),
    (lambda: FeatureSpace(FLOAT, output_mode="sum"), "`output_mode`"),
    (lambda: FeatureSpace(FLOAT, crosses=[("a", "b")]), "unknown features"),
    (lambda: FeatureSpace(FLOAT, crosses=[("a", "a")], crossing_dim=0), "`crossing_dim`"),
    (lambda: FeatureSpace({"a": "float_normalized"})({"a": [1.0]}), r"call `.adapt\(dataset\)`"),
    (lambda: FeatureSpace({"a": "float_normalized"}).adapt([1, 2]), "dict of arrays"),
    (lambda: FeatureSpace(FLOAT)([1.0]), "called with a dict"),
    (lambda: FeatureSpace(FLOAT)({"b": [1.0]}), r"\['a'\] are missing"),
    (lambda: FeatureSpace({"a": FeatureSpace.integer_hashed(3, "int")})({"a": [1]}),
     "has not been encoded"),
    (lambda: FeatureSpace({"a": FeatureSpace.feature("float32", layers.ReLU(), "one_hot")})(
        {"a": [1.0]}), "integer dtype"),
    (lambda: FeatureSpace.feature("float32", layers.ReLU(), "many"), "`output_mode`"),
    (lambda: FeatureSpace.cross(["a"], 3, "float"), "`output_mode`"),
])  # fmt: skip
def test_what_does_not_fit_is_said(wrong, words):
    with pytest.raises(ValueError, match=words):
        wrong()
