"""Data sets of files below a directory: which files, their labels and order, what is in a batch."""

from __future__ import annotations

import wave

import numpy as np
import pytest

import fncompile
from fncompile import layers, preprocessing, utils

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    """Two classes of three and two pictures, and a file that is none."""
    root = tmp_path_factory.mktemp("pets")
    for name, count in (("dog", 3), ("cat", 2)):
        (root / name / "more").mkdir(parents=True)
        for i in range(count):
            path = root / name / ("more" if i == 1 else "") / f"{i}.png"
            utils.save_img(path, RNG.integers(0, 256, (4, 6, 3)), scale=False)
    (root / "dog" / "notes.txt").write_text("not a picture")
    return root


def pictures(root, **kwargs):
    kwargs = {"image_size": (4, 6), "verbose": False, **kwargs}
    return utils.image_dataset_from_directory(root, **kwargs)


def test_pictures_come_with_the_number_of_their_directory(pets):
    data = pictures(pets, shuffle=False, batch_size=2)
    assert data.class_names == ["cat", "dog"] and len(data) == 3
    assert [p[len(str(pets)) + 1 :] for p in data.file_paths] == [
        "cat/0.png", "cat/more/1.png", "dog/0.png", "dog/2.png", "dog/more/1.png",
    ]  # fmt: skip
    batches = list(data)
    assert [y.tolist() for _, y in batches] == [[0, 0], [1, 1], [1]]
    expected = utils.img_to_array(utils.load_img(pets / "dog/2.png"))
    np.testing.assert_allclose(batches[1][0][1], expected, atol=1e-3)
    assert batches[0][0].dtype == np.float32 and batches[0][1].dtype == np.int32
    first = pictures(pets, shuffle=False, data_format="channels_first", color_mode="grayscale")
    assert first[0][0].shape == (5, 1, 4, 6)
    turned = pictures(pets, shuffle=False, class_names=["dog", "cat"], label_mode="categorical")
    np.testing.assert_array_equal(turned[0][1], np.eye(2)[[0, 0, 0, 1, 1]])
    assert pictures(pets, labels=None, batch_size=None)[0].shape == (4, 6, 3)
    assert pictures(pets, shuffle=False, label_mode="binary")[0][1].tolist()[1:3] == [[0], [1]]


def test_the_order_is_that_of_keras(pets):
    """Recorded of Keras 3.15's index of the same files with seed 7."""
    data = pictures(pets, seed=7)
    names = [p[len(str(pets)) + 1 :] for p in data.file_paths]
    assert names == ORDER and data.labels.tolist() == [int(n.startswith("dog")) for n in ORDER]


ORDER = ["cat/0.png", "dog/2.png", "dog/0.png", "cat/more/1.png", "dog/more/1.png"]


def test_the_two_parts_share_nothing(pets, capsys):
    both = pictures(pets, seed=3, validation_split=0.4, subset="both", verbose=True)
    assert capsys.readouterr().out.splitlines() == [
        "Found 5 files belonging to 2 classes.", "Using 3 files for training.",
        "Using 2 files for validation.",
    ]  # fmt: skip
    for part, name in zip(both, ("training", "validation")):
        alone = pictures(pets, seed=3, validation_split=0.4, subset=name)
        assert alone.file_paths == part.file_paths
    assert len(set(both[0].file_paths) | set(both[1].file_paths)) == 5


def test_a_model_trains_on_what_map_makes(pets):
    data = pictures(pets, seed=1, batch_size=2).map(lambda x, y: (x / 255, y)).prefetch(2)
    x = fncompile.Input((4, 6, 3))
    model = fncompile.Model(x, layers.Dense(2, activation="softmax")(layers.Flatten()(x)))
    model.compile("adam", "sparse_categorical_crossentropy")
    with fncompile.flags(interp=True):
        losses = model.fit(data, epochs=8, verbose=0).history["loss"]
        assert model.predict(data.take(2), verbose=0).shape == (4, 2)
    assert losses[-1] < losses[0]
    assert len(data.take(-1)) == 3 and len(data.skip(1)) == 2
    np.testing.assert_array_equal(data.skip(2)[0][0], data[2][0])
    kept = data.cache()
    assert kept[0] is kept[0]


def test_each_epoch_has_another_order(pets):
    data = pictures(pets, seed=1, batch_size=5)
    seen = set()
    for _ in range(4):
        y = data[0][1]
        assert sorted(y) == [0, 0, 1, 1, 1]
        seen.add(tuple(y))
        data.on_epoch_end()
    assert len(seen) > 1


def test_texts_are_strings(tmp_path):
    for name in ("ham", "spam"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.txt").write_text(f"{name} and egg")
    data = utils.text_dataset_from_directory(tmp_path, shuffle=False, verbose=False, max_length=5)
    x, y = data[0]
    assert x.tolist() == ["ham a", "spam "] and y.tolist() == [0, 1]
    vectors = layers.TextVectorization()
    vectors.adapt(data.map(lambda x, y: x))
    assert set(vectors.get_vocabulary()) == {"", "[UNK]", "ham", "a", "spam"}
    assert preprocessing.text_dataset_from_directory is utils.text_dataset_from_directory


def test_sounds_are_filled_to_one_length(tmp_path):
    (tmp_path / "yes").mkdir()
    for i, samples in enumerate(([0, 16384, -32768], [8192])):
        with wave.open(str(tmp_path / "yes" / f"{i}.wav"), "wb") as stream:
            stream.setparams((1, 2, 8000, 0, "NONE", ""))
            stream.writeframes(np.array(samples, "<i2").tobytes())
    at = dict(shuffle=False, verbose=False)
    data = utils.audio_dataset_from_directory(tmp_path, **at)
    np.testing.assert_array_equal(data[0][0][..., 0], [[0, 0.5, -1], [0.25, 0, 0]])
    two = utils.audio_dataset_from_directory(tmp_path, output_sequence_length=2, **at)
    assert two[0][0].shape == (2, 2, 1)
    with pytest.raises(ValueError, match="8000 Hz, not at `sampling_rate`=16000"):
        utils.audio_dataset_from_directory(tmp_path, sampling_rate=16000, **at)[0]
    (tmp_path / "yes" / "0.wav").write_bytes(b"RIFF")
    with pytest.raises(ValueError, match="not a WAV file"):
        data[0]


@pytest.mark.parametrize(("arguments", "words"), [
    (dict(labels="guess"), "should be a list/tuple of integer labels"),
    (dict(labels=[1, 2]), "found 5 files"),
    (dict(labels=[1] * 5, class_names=["a"]), "only pass `class_names`"),
    (dict(class_names=["cow"]), "did not match the names"),
    (dict(label_mode="many"), "`label_mode` argument must be"),
    (dict(label_mode="binary", class_names=["cat"]), "exactly 2 class_names"),
    (dict(validation_split=2, subset="both"), "between 0 and 1"),
    (dict(subset="both"), "If `subset` is set"),
    (dict(validation_split=0.2, subset="third"), "`subset` must be either"),
    (dict(validation_split=0.2, subset="both"), "must provide a `seed`"),
    (dict(validation_split=0.1, subset="validation", seed=1), "No validation image files"),
    (dict(color_mode="cmyk"), "`color_mode` must be one of"),
    (dict(crop_to_aspect_ratio=True, pad_to_aspect_ratio=True), "Only one of"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(pets, arguments, words):
    with pytest.raises(ValueError, match=words):
        pictures(pets, **arguments)


def test_no_directory_and_no_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="no directory"):
        pictures(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="No image files found"):
        pictures(tmp_path)


def test_pictures_in_another_size_without_distortion():
    x = np.arange(24, dtype="float32").reshape(4, 6, 1)
    found = preprocessing.image.smart_resize(x, (2, 2))
    np.testing.assert_allclose(found, fncompile.ops.image.resize(x[:, 1:5], (2, 2)), 1e-6)
    with pytest.raises(ValueError, match="incorrect rank"):
        preprocessing.image.smart_resize(x[0], (2, 2))


def test_a_config_is_frozen():
    config = utils.Config(rate=0.1)
    config.seed = 3
    config["seed"] += 1
    assert list(config) == ["rate", "seed"] and config.as_dict() == {"rate": 0.1, "seed": 4}
    config.freeze()
    for change in (lambda: setattr(config, "seed", 1), lambda: config.pop("seed"),
                   lambda: config.update(a=1), lambda: config.__delitem__("seed")):  # fmt: skip
        with pytest.raises(ValueError, match="is frozen"):
            change()
    config.unfreeze()
    del config["seed"]
    with pytest.raises(AttributeError, match="Did you mean 'rate'"):
        _ = config.rates
    assert "seed" not in config and config.get("seed", 5) == 5 and len(config) == 1
