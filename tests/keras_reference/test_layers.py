"""Layers give what Keras gives, eagerly in float64 and compiled in float32, and so do their files.

Expected results come from layers.json, made by make_reference.py.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.keras_reference import layer_cases
from tests.keras_reference.target import keras
from tests.layers.harness import double_precision

EXPECTED = json.loads((Path(__file__).parent / "layers.json").read_text())
RTOL, ATOL = 2e-5, 2e-6


def _tolerance(name, rtol, atol):
    """Keras has the bands of a MelSpectrogram in float32 where all else is float64."""
    return (rtol, 2e-4) if name.startswith("mel") else (rtol, atol)


def test_every_case_is_stored():
    assert list(EXPECTED) == list(layer_cases.CASES)


@pytest.mark.parametrize("name", layer_cases.CASES)
def test_eager(name):
    with double_precision():
        found, expected = layer_cases.results(keras, name), EXPECTED[name]
    assert found["weights"] == expected["weights"]
    assert len(found["results"]) == len(expected["results"])
    for (shape, values), (wanted_shape, wanted) in zip(found["results"], expected["results"]):
        assert shape == wanted_shape
        # JAX takes the softmax of attention in float32, whatever its inputs are.
        np.testing.assert_allclose(values, wanted, *_tolerance(name, 2e-6, 1e-6))


def symbolic(x):
    if isinstance(x, list):
        return [symbolic(part) for part in x]
    return keras.Input(x.shape[1:])


def flat(structure):
    if isinstance(structure, (list, tuple)):
        return [x for part in structure for x in flat(part)]
    return [structure]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """All cases as one model of float32, predicted, saved, loaded and predicted again."""
    keras.utils.clear_session()
    inputs, outputs, arrays, counts = [], [], [], {}
    for name in layer_cases.CASES:
        layer, given, kwargs = layer_cases.called(keras, name)
        if len(flat(given)[0]) != 2:
            continue
        ours = layer_cases.layer_of(keras, name, name=name)
        tensors = [symbolic(x) for x in given]
        found = ours(*tensors, **kwargs)
        ours.set_weights(layer.get_weights())
        found = list(found) if isinstance(found, (list, tuple)) else [found]
        inputs += flat(tensors)
        arrays += [x.astype("float32") for x in flat(list(given))]
        counts[name] = slice(len(outputs), len(outputs) + len(found))
        outputs += found
    model = keras.Model(inputs, outputs)
    before = model.predict(arrays, verbose=0)
    path = tmp_path_factory.mktemp("layers") / "all.keras"
    model.save(path)
    again = keras.models.load_model(path).predict(arrays, verbose=0)
    return before, again, counts


def test_compiled(compiled):
    before, _, counts = compiled
    for name, place in counts.items():
        for found, (shape, values) in zip(before[place], EXPECTED[name]["results"], strict=True):
            assert list(found.shape) == shape, name
            close = _tolerance(name, RTOL, ATOL)
            np.testing.assert_allclose(found.ravel(), values, *close, err_msg=name)


def test_saved_and_loaded(compiled):
    before, again, _ = compiled
    for a, b in zip(before, again, strict=True):
        np.testing.assert_array_equal(a, b)
