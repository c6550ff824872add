"""Layers of words, hashes and ranges against what Keras 3.15 gives on TensorFlow, and models that
begin with them: fit, predict, files, export."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import fncompile
from fncompile import layers, models

TEXTS = ["the cat sat.", "A dog ran away!", "the dog, the cat", "Über alles - 42"]
LONG = "long string of more than sixty-four bytes, to see the other branch too"
DRAWN = np.random.default_rng(0).normal(size=50).astype("float32")


def adapted(layer, data):
    layer.adapt(data)
    return layer


def text(data=TEXTS, **arguments):
    return adapted(layers.TextVectorization(**arguments), data)


# name: (layer, its input, what Keras gives, its vocabulary or boundaries)
KERAS = {
    "words": (
        text, TEXTS, [[2, 4, 6, 0], [10, 3, 7, 8], [2, 3, 2, 4], [5, 9, 11, 0]],
        ["", "[UNK]", "the", "dog", "cat", "Über", "sat", "ran", "away", "alles", "a", "42"],
    ),
    "ngrams": (
        lambda: text(max_tokens=6, output_sequence_length=3, ngrams=2), TEXTS,
        [[2, 5, 1], [1, 4, 1], [2, 4, 2], [1, 1, 1]],
        ["", "[UNK]", "the", "the cat", "dog", "cat"],
    ),
    "tf_idf": (
        lambda: text(max_tokens=8, output_mode="tf_idf", pad_to_max_tokens=True), TEXTS[:3],
        [[0, 0.847298, 0, 0.847298, 0, 1.098612, 0, 0],
         [0.990906, 0, 0.847298, 0, 0, 0, 1.098612, 1.098612],
         [0, 1.694596, 0.847298, 0.847298, 0, 0, 0, 0]],
        ["[UNK]", "the", "dog", "cat", "Über", "sat", "ran", "away"],
    ),
    "characters": (
        lambda: text(["abca", "b c"], output_mode="count", split="character", standardize="lower"),
        ["cab!"], [[1, 1, 1, 1, 0]], ["[UNK]", "c", "b", "a", " "],
    ),
    "bigrams": (
        lambda: layers.TextVectorization(
            output_mode="multi_hot", ngrams=(2,), vocabulary=["the cat", "dog the"]
        ),
        TEXTS, [[1, 1, 0], [1, 0, 0], [1, 1, 1], [1, 0, 0]], ["[UNK]", "the cat", "dog the"],
    ),
    "unknown": (
        lambda: layers.StringLookup(vocabulary=["a", "b", "c"], num_oov_indices=3, mask_token=""),
        [["a", "", "zz"], ["yy", "c", "ww"]], [[4, 0, 2], [2, 6, 1]],
        ["", "[UNK]", "[UNK]", "[UNK]", "a", "b", "c"],
    ),
    "salted": (
        lambda: layers.StringLookup(vocabulary=["a", "b", "c"], num_oov_indices=3, salt=[1, 2]),
        ["a", "zz", "yy", "ww"], [3, 1, 2, 1], None,
    ),
    "one_hot": (
        lambda: adapted(layers.StringLookup(output_mode="one_hot"), [["b", "a"], ["b", "c"]]),
        ["a", "b", "q"], [[0, 0, 0, 1], [0, 1, 0, 0], [1, 0, 0, 0]], ["[UNK]", "b", "c", "a"],
    ),
    "integers": (
        lambda: layers.IntegerLookup(
            vocabulary=[12, -5, 1138, 42], num_oov_indices=3, mask_token=0
        ),
        [[12, 0, 7], [8, -4, 42]], [[4, 0, 2], [3, 3, 7]], [0, -1, -1, -1, 12, -5, 1138, 42],
    ),
    "integers_hashed": (
        lambda: layers.IntegerLookup(
            vocabulary=[12, -5, 1138], num_oov_indices=4, oov_method="farmhash"
        ),
        [12, 7, 8, 9, -4], [4, 0, 3, 1, 2], None,
    ),
    "integers_counted": (
        lambda: adapted(layers.IntegerLookup(output_mode="count"), [[3, 3, 1], [2, 2, 9]]),
        [[3, 2, 3], [5, 9, 9]], [[0, 2, 1, 0, 0], [1, 0, 0, 2, 0]], [-1, 3, 2, 9, 1],
    ),
    "hashing": (
        lambda: layers.Hashing(7, mask_value=""), [["a"], [""], [LONG]], [[4], [0], [4]], None,
    ),
    "hashing_salted": (
        lambda: layers.Hashing(5, salt=133, output_mode="multi_hot"), [[1, 2], [30, -4]],
        [[1, 0, 0, 0, 0], [0, 1, 0, 0, 1]], None,
    ),
    "discretization": (
        lambda: layers.Discretization([-1.0, 0.0, 2.5], output_mode="count"),
        [[-1.0, 3.0, 0.1], [np.inf, np.nan, -2]], [[0, 1, 1, 1], [1, 0, 0, 2]], None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KERAS)
def test_what_keras_gives(name):
    make, x, expected, vocabulary = KERAS[name]
    layer = make()
    found = layer(np.array(x))
    np.testing.assert_allclose(found, expected, 1e-6)
    if vocabulary is not None:
        assert layer.get_vocabulary() == vocabulary
        assert layer.vocabulary_size() == len(vocabulary)
    again = type(layer).from_config(layer.get_config())
    np.testing.assert_array_equal(again(np.array(x)), found)
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize("name", KERAS)
def test_a_model_of_the_layer_alone(name):
    """What the layer declares is what it gives, and the compiled half gives the same."""
    make, x, expected, _ = KERAS[name]
    x = np.array(x)
    dtype = "string" if x.dtype.kind == "U" else x.dtype.name
    inputs = fncompile.Input(x.shape[1:], dtype=dtype)
    model = fncompile.Model(inputs, make()(inputs))
    with fncompile.flags(interp=True):
        found = model.predict(x, verbose=0)
    np.testing.assert_allclose(found, expected, 1e-6)
    assert found.dtype.name == model.outputs[0].dtype
    assert all(d in (None, n) for d, n in zip(model.output_shape, found.shape, strict=True))


def test_crossed_features():
    layer = layers.HashedCrossing(6, output_mode="one_hot")
    found = layer((np.array(["x", "y", "z"]), np.array([3, -1, 9])))
    np.testing.assert_array_equal(found.argmax(1), [0, 2, 2])
    a, b = fncompile.Input((1,), dtype="string"), fncompile.Input((1,))
    ranges = layers.Discretization([0.0, 5.0])(b)
    crossed = layers.HashedCrossing(6)([a, ranges])
    model = fncompile.Model([a, b], [crossed, layers.Rescaling(2.0)(b)])
    words, numbers = np.array([["x"], ["y"]]), np.array([[3.0], [-1.0]], "float32")
    with fncompile.flags(interp=True):
        found, twice = model.predict([words, numbers], verbose=0)
    expected = layers.HashedCrossing(6)((words, np.array([[1], [0]])))
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(twice, numbers * 2)


def test_words_of_places():
    layer = layers.StringLookup(vocabulary=["a", "b"], invert=True)
    assert layer(np.array([0, 1, 2, 7])).tolist() == ["[UNK]", "a", "b", "[UNK]"]
    numbers = layers.IntegerLookup(vocabulary=[7, 9], invert=True)
    assert numbers(np.array([0, 1, 2, 5])).tolist() == [-1, 7, 9, -1]


def test_boundaries_of_data():
    """What Keras finds in the same numbers, at once and in two batches."""
    layer = adapted(layers.Discretization(num_bins=4), DRAWN)
    expected = [-0.5837666988372803, 0.0940122976899147, 0.7826434373855591]
    np.testing.assert_allclose(layer.bin_boundaries, expected, 1e-6)
    layer = layers.Discretization(num_bins=5, epsilon=0.05)
    layer.adapt([DRAWN[:20], DRAWN[20:]])
    expected = [-0.6614059805870056, -0.13210490345954895, 0.322491854429245, 1.0425130128860474]
    np.testing.assert_allclose(layer.bin_boundaries, expected, 1e-6)
    again = layers.Discretization.from_config(layer.get_config())
    assert again.bin_boundaries == layer.bin_boundaries


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 8, 9, 100])
def test_ranges_are_numpys(count):
    """The bisection against np.digitize, at the boundaries and between them."""
    steps = np.sort(np.random.default_rng(count).normal(size=count).astype("float32"))
    x = np.concatenate([steps, steps + 1e-3, [-9.0, 9.0, np.inf, -np.inf, np.nan]])
    x = x.astype("float32")
    found = layers.Discretization(steps.tolist())(x)
    np.testing.assert_array_equal(found, np.digitize(x, steps))


@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count"])
def test_shapes_of_ranges_are_known_before_the_data(mode):
    layer, given = layers.Discretization(num_bins=4, output_mode=mode), (None, 6, 3)
    before = layer.compute_output_shape(given)
    layer.adapt(np.arange(20.0))
    assert before == layer.compute_output_shape(given) == layer(fncompile.Input((6, 3))).shape


def test_a_batch_without_axes_is_refused():
    with pytest.raises(TypeError, match=r"`\.shape`"):
        layers.Normalization().adapt(iter([42]))


def test_normalization_by_batches_is_that_of_all():
    x = np.random.default_rng(1).normal(3.0, 2.0, (20, 4, 3)).astype("float32")
    whole, parts = layers.Normalization(axis=(1, -1)), layers.Normalization(axis=(1, -1))
    whole.adapt(x)
    parts.adapt([x[:7], x[7:8], x[8:]])
    expected = (x - x.mean(0)) / x.std(0)
    for layer in (whole, parts):
        np.testing.assert_allclose(layer(x), expected, 1e-4, 1e-5)
    back = layers.Normalization(mean=[1.0, 2.0], variance=[4.0, 0.0], invert=True)
    np.testing.assert_allclose(back(np.ones((1, 2), "float32")), [[3.0, 2.0]], 1e-6)


# models that begin with words ---------------------------------------------------------------------


def classifier(sequence=False):
    vectorize = text(max_tokens=20, name="words")
    rest = [
        layers.Embedding(20, 4), layers.GlobalAveragePooling1D(), layers.Dense(2, "softmax"),
    ]  # fmt: skip
    if sequence:
        model = fncompile.Sequential([vectorize, *rest])
    else:
        inputs = x = fncompile.Input((1,), dtype="string")
        for layer in (vectorize, *rest):
            x = layer(x)
        model = fncompile.Model(inputs, x)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


LABELS = np.array([0, 1, 0, 1])


@pytest.mark.parametrize("sequence", [False, True])
def test_a_model_of_texts_trains_predicts_and_comes_back(sequence, tmp_path):
    model, x = classifier(sequence), np.array(TEXTS)
    with fncompile.flags(interp=True):
        losses = model.fit(x, LABELS, epochs=3, batch_size=2, verbose=0).history["loss"]
        assert losses[-1] < losses[0]
        expected = model.predict(x, verbose=0)
        np.testing.assert_allclose(model(x), expected, 1e-6)
        indices = text(max_tokens=20)(x)
        inner = model.layers[-3:]
        by_hand = inner[2](inner[1](inner[0](indices)))
        np.testing.assert_allclose(by_hand, expected, 1e-5)
        assert np.isfinite(model.evaluate(x, LABELS, verbose=0)).all()
        batches = [(x[:2], LABELS[:2]), (x[2:], LABELS[2:])]
        model.fit(iter(batches), verbose=0)
        expected = model.predict(x, verbose=0)
        for name in ("m.keras", "m.h5"):
            model.save(tmp_path / name)
            again = models.load_model(tmp_path / name)
            np.testing.assert_array_equal(again.predict(x, verbose=0), expected)
        again = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(again.predict(x, verbose=0), expected)


def test_an_exported_model_takes_the_numbers(tmp_path):
    model, x = classifier(), np.array(TEXTS)
    expected = model.predict(x, verbose=0)
    bundle = model.export(tmp_path, training=False)
    assert "words_indices: in, int64" in bundle.header.read_text()
    library = fncompile.load_library(bundle.directory)
    np.testing.assert_array_equal(library.predict(text(max_tokens=20)(x)), expected)


def test_a_new_vocabulary_is_that_of_the_next_call():
    lookup = layers.IntegerLookup(vocabulary=[5])
    inputs = fncompile.Input((1,), dtype="int64")
    model = fncompile.Model(inputs, lookup(inputs))
    x = np.array([[5], [8]])
    assert model.predict(x, verbose=0).tolist() == [[1], [0]]
    lookup.set_vocabulary([8, 5])
    assert model.predict(x, verbose=0).tolist() == [[2], [1]]


# what is wrong is said ----------------------------------------------------------------------------


def string_input():
    return fncompile.Input((1,), dtype="string")


def ends_in_words():
    inputs = fncompile.Input((1,), dtype="int64")
    fncompile.Model(inputs, layers.StringLookup(vocabulary=["a"], invert=True)(inputs))


def numbers_for_words():
    inputs = string_input()
    model = fncompile.Model(inputs, layers.StringLookup(vocabulary=["a"])(inputs))
    model.predict(np.ones((1, 1)))


def behind_a_layer():
    inputs = fncompile.Input((1,))
    inner = fncompile.Sequential([string_input(), layers.StringLookup(vocabulary=["a"])])
    with fncompile.flags(interp=True):
        fncompile.Model(inputs, inner(inputs))


def fixed():
    layers.StringLookup(vocabulary=["a"]).adapt(["b"])


@pytest.mark.parametrize(("wrong", "words"), [
    (lambda: fncompile.Model(i := string_input(), fncompile.layers.Dense(1)(i)), "string"),
    (ends_in_words, "strings, which compiled code has no type for"),
    (numbers_for_words, "input of strings got an array of float64"),
    (fixed, "Cannot adapt layer"),
    (lambda: layers.StringLookup(vocabulary=["a", "a"]), "at least one repeated term"),
    (lambda: layers.StringLookup(max_tokens=2, vocabulary=["a", "b"]), "larger than the maximum"),
    (lambda: layers.StringLookup(vocabulary=["a"], num_oov_indices=0)(np.array(["b"])), "OOV"),
    (lambda: layers.IntegerLookup(vocabulary=[1], num_oov_indices=0)(np.array([2])), "OOV"),
    (lambda: layers.StringLookup(vocabulary=["a"], output_mode="tf_idf"), "`idf_weights`"),
    (lambda: layers.TextVectorization(ragged=True), "`ragged=True` of layer"),
    (lambda: layers.TextVectorization()(np.array([["a", "b"]])), "last shape dimension must be 1"),
    (lambda: layers.Hashing(0), "non-positive values"),
    (lambda: layers.Hashing(3, output_mode="all"), "Invalid value for argument `output_mode`"),
    (lambda: layers.HashedCrossing(3)(np.array([1])), "list or tuple of inputs"),
    (lambda: layers.CategoryEncoding(), "num_tokens must be set"),
    (lambda: layers.CategoryEncoding(3, sparse=True), "tensors are dense"),
    (lambda: layers.Discretization(num_bins=3)(np.ones(2)), "either pass the `bin_boundaries`"),
    (lambda: layers.Normalization(mean=1.0), "both `mean` and `variance` must be set"),
])  # fmt: skip
def test_what_is_wrong_is_said(wrong, words):
    with pytest.raises(ValueError, match=words):
        wrong()


@pytest.mark.parametrize("kind", ["StringLookup", "TextVectorization"])
@pytest.mark.parametrize("mode", ["int", "count"])
def test_words_without_a_vocabulary_are_refused(kind, mode):
    """As by Keras, which for "int" says that a table is not initialized."""
    layer = getattr(layers, kind)(output_mode=mode)
    with pytest.raises(RuntimeError, match="set the layer's vocabulary before calling it"):
        layer(np.array(["a"]))
    layer.adapt(["a"])
    assert layer(np.array(["a"])).size


def test_a_file_may_not_name_another_as_vocabulary(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("a\nb\n")
    layer = layers.StringLookup(vocabulary=str(path))
    assert layer.get_vocabulary() == ["[UNK]", "a", "b"]
    config = layers.serialize(layer)
    config["config"]["vocabulary"] = str(path)
    with pytest.raises(TypeError, match="outside of the model archive"):
        fncompile.saving.deserialize_keras_object(config, safe_mode=True)


@pytest.mark.parametrize("mode", ["int", "tf_idf"])
def test_a_vocabulary_beside_the_configuration_is_read(mode, tmp_path):
    """As Keras writes it: a text among the assets, frequencies among the weights."""
    import json
    import zipfile

    from fncompile.saving.assets import add_vocabularies
    from fncompile.saving.tree import Group

    layer = text(output_mode=mode)
    model = fncompile.Sequential([fncompile.Input((1,), dtype="string"), layer])
    config = json.loads(model.to_json())
    own = config["config"]["layers"][1]["config"]
    words, weights = own.pop("vocabulary"), own.pop("idf_weights")
    assets = {"layers/text_vectorization/vocabulary.txt": "\n".join(layer.get_vocabulary())}
    tree = Group()
    held = tree.require("layers/text_vectorization/vars")
    held.children.update({} if weights is None else {"idf_weights": np.array(weights)})
    add_vocabularies(config, assets, tree)
    again = models.model_from_json(json.dumps(config)).layers[0]
    assert again.get_vocabulary() == layer.get_vocabulary()
    assert words[-1] == again.get_vocabulary()[-1] and not held.children
    np.testing.assert_allclose(again(np.array(TEXTS)), layer(np.array(TEXTS)), 1e-6)
    model.save(tmp_path / "m.keras")  # and a whole file with the member
    with zipfile.ZipFile(tmp_path / "m.keras", "a") as archive:
        for name, value in assets.items():
            archive.writestr(f"assets/{name}", value)
    loaded = models.load_model(tmp_path / "m.keras").layers[0]
    assert loaded.get_vocabulary() == layer.get_vocabulary()
