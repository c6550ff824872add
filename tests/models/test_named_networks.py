"""`applications`: Keras' networks, layer by layer, with what Keras predicts for seeded weights."""

from __future__ import annotations

import json

import numpy as np
import pytest

import fncompile
from fncompile import applications, layers
from tests.conftest import FULL
from tests.models.named_networks import CASES, STORED, built, images, record

EXPECTED = json.loads(STORED.read_text())


# The 140 million weights of each of these take most of this file's time: `make test-full` has them.
LARGE = () if FULL else ("VGG16", "VGG19")


@pytest.mark.parametrize("name", [name for name in CASES if name not in LARGE])
def test_a_network_is_keras(name):
    with fncompile.flags(interp=True):
        found, expected = record(fncompile, name), EXPECTED[name]
    np.testing.assert_allclose(found.pop("outputs"), expected["outputs"], rtol=2e-3, atol=1e-5)
    assert found == {key: expected[key] for key in found}


def test_a_compiled_network():
    model = built(fncompile, "MobileNet")
    expected = EXPECTED["MobileNet"]["outputs"]
    np.testing.assert_allclose(model.predict(images(), verbose=0), expected, rtol=2e-3, atol=1e-5)


def test_weights_of_a_file(tmp_path):
    model = built(fncompile, "MobileNet")
    for file in ("m.weights.h5", "m.h5", "m.keras"):
        save = model.save_weights if "weights" in file else model.save
        save(tmp_path / file)
        again = applications.MobileNet(**{**CASES["MobileNet"], "weights": tmp_path / file})
        for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_features_of_all_layers():
    """The guide's feature extraction, on any size of image."""
    vgg19 = applications.VGG19(include_top=False)
    extractor = fncompile.Model(vgg19.input, [layer.output for layer in vgg19.layers])
    with fncompile.flags(interp=True):
        features = extractor(np.ones((1, 32, 48, 3), "float32"))
    assert len(features) == 22
    assert features[-1].shape == (1, 1, 1, 512)
    whole = sum(layer.count_params() for layer in vgg19.layers) + sum(
        layers.Dense(units).compute_output_shape((None, n))[1] * (n + 1)
        for n, units in ((25088, 4096), (4096, 4096), (4096, 1000))
    )
    assert whole == 143667240


@pytest.mark.parametrize(("arguments", "words"), [
    (dict(weights="imagenet"), "downloads nothing"),
    (dict(input_shape=(3, 4)), "must be a tuple of three integers"),
    (dict(include_top=False, pooling="sum"), "`pooling` must be None, 'avg' or 'max'"),
    (dict(input_tensor=3), "`input_tensor` must be an Input"),
])  # fmt: skip
def test_what_is_wrong_is_said(arguments, words):
    with pytest.raises(ValueError, match=words):
        applications.MobileNet(**{"alpha": 0.25, **arguments})


@pytest.mark.parametrize(("mode", "expected"), [
    ("caffe", [-73.939, -96.779, -113.68]),
    ("tf", [10 / 127.5 - 1, 20 / 127.5 - 1, 30 / 127.5 - 1]),
    ("torch", [(10 / 255 - 0.485) / 0.229, (20 / 255 - 0.456) / 0.224, (30 / 255 - 0.406) / 0.225]),
])  # fmt: skip
def test_images_as_a_network_wants_them(mode, expected):
    x = np.array([10.0, 20.0, 30.0], "float32").reshape(1, 1, 1, 3)
    make = applications.imagenet_utils.preprocess_input
    np.testing.assert_allclose(make(x, mode=mode).ravel(), expected, 1e-5)
    first = make(x.reshape(1, 3, 1, 1), "channels_first", mode)
    np.testing.assert_allclose(first.ravel(), expected, 1e-5)


def test_names_of_classes_come_from_a_file_of_the_users(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    scores = np.arange(1000.0)[None]
    with pytest.raises(FileNotFoundError, match="Fetch https://.*imagenet_class_index.json"):
        applications.vgg16.decode_predictions(scores)
    names = {str(i): [f"n{i}", f"class {i}"] for i in range(1000)}
    path = tmp_path / "models" / "imagenet_class_index.json"
    path.parent.mkdir()
    path.write_text(json.dumps(names))
    with pytest.raises(ValueError, match="another content than expected"):
        applications.vgg16.decode_predictions(scores)
    monkeypatch.setattr("fncompile.utils.files._has_hash", lambda *a: True)
    found = applications.vgg16.decode_predictions(scores, top=2)
    assert found == [[("n999", "class 999", 999.0), ("n998", "class 998", 998.0)]]
