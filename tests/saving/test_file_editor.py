"""`KerasFileEditor`: a file is changed until it fits another model, and Keras opens the result."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import fncompile as k
from fncompile.saving import KerasFileEditor
from fncompile.saving.errors import FileFormatError

KERAS = """
import os, sys
import keras, numpy as np
model = keras.Sequential([keras.Input((2,)), *(keras.layers.Dense(3) for _ in range(3))])
model.load_weights(sys.argv[1])
editor = keras.saving.KerasFileEditor(sys.argv[1])
np.savez(sys.argv[2], status=editor.compare(model)["status"], *model.get_weights())
"""


def stack(count: int):
    return k.Sequential([k.Input((2,)), *(k.layers.Dense(3) for _ in range(count))])


@pytest.fixture
def edited(tmp_path):
    """The file of two layers with a third in their middle, and what it should hold."""
    model = stack(2)
    model.save_weights(tmp_path / "old.weights.h5")
    editor = KerasFileEditor(tmp_path / "old.weights.h5")
    middle = [np.arange(9, dtype="float32").reshape(3, 3), np.ones(3, "float32")]
    editor.rename_object("dense_1", "dense_2")
    editor.add_object("layers/dense_1", {"0": middle[0]})
    editor.add_weights("dense_1", {"1": middle[1]})
    editor.save(tmp_path / "new.weights.h5")
    first, last = (layer.get_weights() for layer in model.layers)
    return tmp_path / "new.weights.h5", [*first, *middle, *last]


def test_a_model_with_a_layer_more_opens_the_edited_file(edited, capsys):
    path, wanted = edited
    model = stack(3)
    model.load_weights(path)
    for found, value in zip(model.get_weights(), wanted, strict=True):
        np.testing.assert_array_equal(found, value)
    assert KerasFileEditor(path).compare(model) == {
        "status": "success", "error_count": 0, "match_count": 6,
    }  # fmt: skip
    assert capsys.readouterr().out == "The file fits the model.\n"


def test_keras_opens_the_edited_file(edited, tmp_path):
    pytest.importorskip("jax")
    path, wanted = edited
    settings = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", KERAS, str(path), str(tmp_path / "found.npz")],
                          env=settings, check=False, capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = np.load(tmp_path / "found.npz")
    assert str(found["status"]) == "success"
    for number, value in enumerate(wanted):
        np.testing.assert_array_equal(found[f"arr_{number}"], value)


def test_each_difference_is_counted_once_and_told(tmp_path, capsys):
    stack(2).save_weights(tmp_path / "x.weights.h5")
    editor = KerasFileEditor(tmp_path / "x.weights.h5")
    assert editor.compare(stack(3))["error_count"] == 1
    assert "Object layers/dense_2 is in the model, and missing from the file" in (
        capsys.readouterr().out
    )
    editor.delete_weight("dense_1", "1")
    editor.add_weights("dense", {"1": np.zeros(7), "2": np.zeros(())})
    assert editor.compare(stack(2)) == {"status": "error", "error_count": 3, "match_count": 2}
    told = capsys.readouterr().out
    assert "Weight layers/dense/1 has the shape (7,) in the file, and (3,) in the model" in told
    assert "Weight layers/dense_1/1 is in the model, and missing from the file" in told
    assert "Weight layers/dense/2 is in the file, and missing from the model" in told
    editor.summary()
    assert "layers/dense_1\n    0  (3, 3)  float32\n" in capsys.readouterr().out


def test_a_keras_file_with_nested_models_and_an_optimizer_is_written_as_it_was(tmp_path):
    x = k.Input((2,))
    inner = k.Sequential([k.Input((2,)), k.layers.Dense(3), k.layers.BatchNormalization()])
    model = k.Model(x, k.layers.Dense(1)(inner(x)))
    model.compile("adam", "mse")
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    model.save(tmp_path / "x.keras")
    editor = KerasFileEditor(tmp_path / "x.keras")
    assert editor.config["class_name"] == "Functional" and "keras_version" in editor.metadata
    editor.save(tmp_path / "x.weights.h5")
    other = k.models.model_from_json(json.dumps(json.loads(model.to_json())))
    other.compile("adam", "mse")
    other.load_weights(tmp_path / "x.weights.h5")
    for a, b in zip([*model.weights, *model.optimizer.variables],
                    [*other.weights, *other.optimizer.variables], strict=True):  # fmt: skip
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


@pytest.mark.parametrize(("change", "message"), [
    (lambda e: e.delete_object("none"), "There is no object 'none' in the file"),
    (lambda e: e.delete_object("layers/none"), "There is no object 'layers/none'"),
    (lambda e: e.delete_object("none/dense"), "Path 'none/dense' not found in model"),
    (lambda e: e.delete_object("layers/dense/0"), "There is no object"),
    (lambda e: e.rename_object("dense", "layers/x"), "not a path"),
    (lambda e: e.rename_object("dense", "dense_1"), "already"),
    (lambda e: e.add_object("none/x", {}), "Path 'none/x' not found"),
    (lambda e: e.add_object("layers/x", 3), "should be a dict"),
    (lambda e: e.add_weights("dense", {"0": {}}), "should be a dict"),
    (lambda e: e.delete_weight("dense", "7"), r"Weights found: \['0', '1'\]"),
    (lambda e: e.save("x.keras"), "expected a `.weights.h5` extension"),
])  # fmt: skip
def test_a_change_that_cannot_be_made_changes_nothing(tmp_path, change, message):
    stack(2).save_weights(tmp_path / "x.weights.h5")
    editor = KerasFileEditor(tmp_path / "x.weights.h5")
    with pytest.raises(ValueError, match=message):
        change(editor)
    assert editor.compare(stack(2))["status"] == "success"


def test_a_name_that_two_objects_have_needs_its_path(tmp_path):
    stack(1).save_weights(tmp_path / "x.weights.h5")
    editor = KerasFileEditor(tmp_path / "x.weights.h5")
    editor.add_object("dense", {"0": np.zeros(1)})
    with pytest.raises(ValueError, match="occurs more than once"):
        editor.delete_object("dense")
    editor.delete_object("layers/dense")
    assert list(editor.weights_dict) == ["layers", "dense"]


def test_other_and_damaged_files_are_refused(tmp_path):
    (tmp_path / "x.weights.h5").write_bytes(b"nonsense")
    with pytest.raises(FileFormatError, match=r"x\.weights\.h5"):
        KerasFileEditor(tmp_path / "x.weights.h5")
    (tmp_path / "x.h5").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="Invalid filename"):
        KerasFileEditor(tmp_path / "x.h5")
