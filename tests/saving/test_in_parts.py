"""Weights in several files, models as directories, and weights that are left out."""

from __future__ import annotations

import json

import numpy as np
import pytest

import fncompile as k
from fncompile.saving.errors import FileFormatError
from fncompile.saving.files import read_file, write_file

from . import zoo

KB = 1 / 1024**2  # in GB


def digits(start=0.0):
    model, _ = zoo.digits(k)
    for number, variable in enumerate(model.weights):
        size = int(np.prod(variable.shape))
        variable.assign((start + number + np.arange(size) / size).reshape(variable.shape))
    return model


def test_shards_hold_the_weights_and_no_more_than_asked_for(tmp_path):
    path = tmp_path / "x.weights.json"
    model, other = digits(), digits(7.0)
    model.save_weights(path, max_shard_size=680 / 1024**3)
    files = sorted(each.name for each in tmp_path.iterdir())
    assert files == ["x.weights.json", "x_00000.weights.h5", "x_00001.weights.h5"]
    sizes = [sum(d.nbytes for _, d in read_file(tmp_path / name).datasets()) for name in files[1:]]
    assert max(sizes) <= 680 and sum(sizes) == 4 * model.count_params()
    index = json.loads(path.read_text())
    assert index["metadata"]["total_size"] == sum(sizes)
    assert index["weight_map"]["/layers/dense_1/vars"] == files[1:]  # its bias is in the second
    other.load_weights(path)
    for ours, theirs in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def test_a_variable_larger_than_a_shard_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"layers/dense/vars/0 is 384 bytes.*`max_shard_size`"):
        digits().save_weights(tmp_path / "x.weights.json", max_shard_size=0.1 * KB)
    assert not list(tmp_path.iterdir())


def test_the_index_of_shards_is_a_json_file(tmp_path):
    with pytest.raises(ValueError, match=r"must end in `\.weights\.json`"):
        digits().save_weights(tmp_path / "x.h5", max_shard_size=1)
    with pytest.warns(UserWarning, match=r"x\.weights\.h5 becomes .*x\.weights\.json"):
        digits().save_weights(tmp_path / "x.weights.h5", max_shard_size=1)
    assert (tmp_path / "x.weights.json").exists() and not (tmp_path / "x.weights.h5").exists()


def test_shards_of_two_saves_are_told_apart(tmp_path):
    for name, start in (("a", 0.0), ("b", 1.0)):
        digits(start).save_weights(tmp_path / f"{name}.weights.json", max_shard_size=0.5 * KB)
    (tmp_path / "b_00001.weights.h5").replace(tmp_path / "a_00001.weights.h5")
    model = digits(5.0)
    before = [np.array(v) for v in model.weights]
    with pytest.raises(FileFormatError, match=r"a_00001\.weights\.h5 is of another save"):
        model.load_weights(tmp_path / "a.weights.json")
    for old, new in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(old, np.asarray(new))


@pytest.mark.parametrize(("name", "message"), [
    ("../secret.h5", "no file beside it"), ("/etc/passwd", "no file beside it"),
    ("..", "no file beside it"), ("a\\b", "no file beside it"), (3, "no file beside it"),
    ("a\0b", "no file beside it"),
])  # fmt: skip
def test_an_index_names_files_beside_it_alone(tmp_path, name, message):
    path = tmp_path / "x.weights.json"
    path.write_text(json.dumps({"metadata": {}, "weight_map": {"/vars": [name]}}))
    with pytest.raises(FileFormatError, match=message):
        digits().load_weights(path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"weight_map": 3}', "\0"])
def test_what_is_no_index_is_refused(tmp_path, text):
    path = tmp_path / "x.weights.json"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=r"x\.weights\.json"):
        digits().load_weights(path)


def test_two_shards_with_the_same_variable_are_refused(tmp_path):
    path = tmp_path / "x.weights.json"
    digits().save_weights(path, max_shard_size=1)
    index = json.loads(path.read_text())
    write_file(tmp_path / "y.h5", read_file(tmp_path / "x_00000.weights.h5"))
    index["weight_map"]["/more/vars"] = "y.h5"
    path.write_text(json.dumps(index))
    with pytest.raises(FileFormatError, match=r"y\.h5 has '0' a second time"):
        digits().load_weights(path)


def test_a_model_in_a_directory_is_the_saved_one(tmp_path):
    model = digits()
    model.compile("adam", "mse")
    model.save(tmp_path / "model", zipped=False)
    names = sorted(path.name for path in (tmp_path / "model").iterdir())
    assert names == ["config.json", "metadata.json", "model.weights.h5"]
    back = k.saving.load_model(tmp_path / "model")
    assert json.loads(back.to_json()) == json.loads(model.to_json()) and back.compiled
    other = digits(3.0)
    other.load_weights(tmp_path / "model")
    for a, b, c in zip(model.weights, back.weights, other.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
        np.testing.assert_array_equal(np.asarray(a), np.asarray(c))
    with pytest.raises(FileExistsError):
        model.save(tmp_path / "model", overwrite=False, zipped=False)


def test_a_directory_whose_name_is_that_of_a_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"should not end in '\.keras'"):
        digits().save(tmp_path / "x.keras", zipped=False)


def test_a_configuration_with_weights_of_another_save_is_refused(tmp_path):
    digits().save(tmp_path / "a", zipped=False)
    k.Sequential([k.Input((2,)), k.layers.Dense(1)]).save(tmp_path / "b", zipped=False)
    (tmp_path / "b" / "config.json").replace(tmp_path / "a" / "config.json")
    with pytest.raises(FileFormatError, match="are of two different saves"):
        k.saving.load_model(tmp_path / "a")


def test_a_vocabulary_that_is_a_link_is_not_read(tmp_path):
    digits().save(tmp_path / "a", zipped=False)
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "a" / "assets").mkdir()
    (tmp_path / "a" / "assets" / "vocabulary.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(FileFormatError, match="is a link"):
        k.saving.load_model(tmp_path / "a")


def test_objects_to_skip_are_neither_written_nor_read(tmp_path):
    model, other = digits(), digits(3.0)
    path = tmp_path / "x.weights.h5"
    k.saving.save_weights(model, path, objects_to_skip=[model.layers[1]])
    assert "layers/dense" not in read_file(path)
    kept = [np.array(v) for v in other.layers[1].weights]
    other.load_weights(path, objects_to_skip=[other.layers[1]])
    for old, new in zip(kept, other.layers[1].weights, strict=True):
        np.testing.assert_array_equal(old, np.asarray(new))
    for layer, twin in zip(model.layers[2:], other.layers[2:], strict=True):
        for a, b in zip(layer.weights, twin.weights, strict=True):
            np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    with pytest.raises(ValueError, match="could not be loaded"):
        digits().load_weights(path)


def test_arguments_that_a_file_does_not_take_are_refused(tmp_path):
    model = digits()
    model.save(tmp_path / "x.keras")
    with pytest.raises(ValueError, match="only supports loading '.weights.h5' files"):
        model.load_weights(tmp_path / "x.keras", objects_to_skip=[])
    with pytest.raises(ValueError, match="Invalid keyword arguments: {'names': True}"):
        model.load_weights(tmp_path / "x.keras", names=True)
