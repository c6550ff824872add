"""Training equals real Keras': losses, logs, weights, predictions, evaluate and History.

Numbers come from training.json, made by make_reference.py; tolerances are argued in compare.py.
One test trains a model once and compares all that was recorded, so that no model is compiled in
two workers; a failure lists every field that is off.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest

from tests.keras_reference import training
from tests.keras_reference.compare import DOUBLE, LOSSES, WEIGHTS, difference
from tests.keras_reference.models import MODELS, OPTIMIZERS, build_with_optimizer
from tests.keras_reference.target import interpreted, keras

EXPECTED = json.loads((Path(__file__).parent / "training.json").read_text())
FLOAT = {
    "before": LOSSES,
    "losses": LOSSES,
    "logs": LOSSES,
    "final": WEIGHTS,
    "after": 5 * WEIGHTS,
    "evaluate": LOSSES,
    "history": LOSSES,
    "fitted": WEIGHTS,
}
EXACT = ("weights", "slots")
# training.json is older than the names of these models' metrics (Keras repeats a name that stands in
# both `metrics` and `weighted_metrics`). Until make_reference.py has recorded them anew, all is compared
# but what carries names; tests/training compares those.
NAMES_NOT_RECORDED = ("sample_weight", "masked_loss")
WITH_NAMES = ("logs", "evaluate", "history")
DOUBLE_COMPILED = ["batchnorm", "residual"]
DOUBLE_MODELS = [
    *DOUBLE_COMPILED,
    "softmax_sparse",
    "multi_input_output",
    "regularizers",
    "custom_layers",
    "activations_zoo",
    "sample_weight",
    "layernorm",
    "embedding",
]


@pytest.fixture
def double():
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    yield
    keras.config.set_floatx(before)


def assert_same(expected, actual, tolerances):
    """`tolerances` by field; lists of names and shapes must be equal."""
    assert actual.keys() == expected.keys()
    wrong = [field for field in EXACT if expected.get(field) != actual.get(field)]
    report = [f"{field}\nKeras: {expected[field]}\nhere:  {actual[field]}" for field in wrong]
    for field, tolerance in tolerances.items():
        report += difference(field, expected[field], actual[field], tolerance)
    assert not report, "\n\n".join(report)


def recorded(name, tolerances):
    """The fields of `tolerances` that training.json has in today's form."""
    skipped = WITH_NAMES if name in NAMES_NOT_RECORDED else ()
    return {field: t for field, t in tolerances.items() if field not in skipped}


def test_every_model_is_stored_and_every_stored_model_is_run():
    names = [f"model {n}" for n in MODELS] + [f"optimizer {n}" for n in OPTIMIZERS]
    assert sorted(names) == sorted(EXPECTED)


@pytest.mark.parametrize("name", MODELS)
def test_model(name):
    assert_same(EXPECTED[f"model {name}"], training.record(keras, MODELS[name]), recorded(name, FLOAT))


@pytest.mark.parametrize("name", DOUBLE_MODELS)
def test_model_in_double_precision(name, double):
    """To the stored digits. By the interpreter, but for two: `test_model` compiles them all."""
    with contextlib.nullcontext() if name in DOUBLE_COMPILED else interpreted():
        actual = training.record(keras, MODELS[name])
    tolerances = recorded(name, dict.fromkeys(FLOAT, DOUBLE))
    assert_same(EXPECTED[f"model {name}"], actual, tolerances)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer(name):
    actual = training.record_steps(keras, lambda keras: build_with_optimizer(keras, name))
    tolerances = {"losses": LOSSES, "final": WEIGHTS}
    assert_same(EXPECTED[f"optimizer {name}"], actual, tolerances)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer_in_double_precision(name, double):
    with interpreted():
        actual = training.record_steps(keras, lambda keras: build_with_optimizer(keras, name))
    tolerances = {"losses": DOUBLE, "final": DOUBLE}
    assert_same(EXPECTED[f"optimizer {name}"], actual, tolerances)
