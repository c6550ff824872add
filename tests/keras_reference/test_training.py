"""Training equals real Keras': losses, logs, weights, predictions, evaluate and History.

Numbers come from training.json, made by make_reference.py; tolerances are argued in compare.py.
Each model is trained once per precision; the tests then look at one side of the record each.
"""

from __future__ import annotations

import contextlib
import functools
import json
from pathlib import Path

import pytest

from tests.keras_reference import training
from tests.keras_reference.compare import DOUBLE, LOSSES, WEIGHTS, assert_close
from tests.keras_reference.models import MODELS, OPTIMIZERS, build_with_optimizer
from tests.keras_reference.target import interpreted, keras

EXPECTED = json.loads((Path(__file__).parent / "training.json").read_text())
DOUBLE_MODELS = [
    "softmax_sparse",
    "multi_input_output",
    "regularizers",
    "batchnorm",
    "custom_layers",
    "activations_zoo",
    "sample_weight",
]


@functools.cache
def recorded(name):
    return training.record(keras, MODELS[name])


@pytest.fixture
def double():
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    yield
    keras.config.set_floatx(before)


def check(name, field, tolerance):
    assert_close(EXPECTED[f"model {name}"][field], recorded(name)[field], tolerance, field)


def test_every_model_is_stored_and_every_stored_model_is_run():
    names = [f"model {n}" for n in MODELS] + [f"optimizer {n}" for n in OPTIMIZERS]
    assert sorted(names) == sorted(EXPECTED)


@pytest.mark.parametrize("name", MODELS)
def test_weights_have_keras_order_and_predictions_agree_before_training(name):
    assert recorded(name)["weights"] == EXPECTED[f"model {name}"]["weights"]
    check(name, "before", LOSSES)


@pytest.mark.parametrize("name", MODELS)
def test_losses_of_twenty_steps(name):
    check(name, "losses", LOSSES)


@pytest.mark.parametrize("name", MODELS)
def test_logs_of_single_steps(name):
    check(name, "logs", LOSSES)


@pytest.mark.parametrize("name", MODELS)
def test_final_weights_and_predictions(name):
    check(name, "final", WEIGHTS)
    check(name, "after", 5 * WEIGHTS)


@pytest.mark.parametrize("name", MODELS)
def test_evaluate_weighs_the_partial_batch(name):
    check(name, "evaluate", LOSSES)


@pytest.mark.parametrize("name", MODELS)
def test_history_of_fit(name):
    expected = EXPECTED[f"model {name}"]["history"]
    assert sorted(recorded(name)["history"]) == sorted(expected)
    check(name, "history", LOSSES)
    check(name, "fitted", WEIGHTS)


@pytest.mark.parametrize("name", MODELS)
def test_optimizer_variables_have_keras_order(name):
    assert recorded(name)["slots"] == EXPECTED[f"model {name}"]["slots"]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer(name):
    expected = EXPECTED[f"optimizer {name}"]
    actual = training.record_steps(keras, lambda keras: build_with_optimizer(keras, name))
    assert_close(expected["losses"], actual["losses"], LOSSES, "losses")
    assert_close(expected["final"], actual["final"], WEIGHTS, "final weights")
    assert actual["slots"] == expected["slots"]


@pytest.mark.parametrize("name", DOUBLE_MODELS)
def test_double_precision_agrees_to_the_stored_digits(name, double):
    """By the interpreter, but for two: the float32 tests compile them all."""
    expected = EXPECTED[f"model {name}"]
    with contextlib.nullcontext() if name in DOUBLE_COMPILED else interpreted():
        actual = training.record(keras, MODELS[name])
    for field in ("before", "losses", "logs", "final", "after", "evaluate", "history", "fitted"):
        assert_close(expected[field], actual[field], DOUBLE, field)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer_in_double_precision(name, double):
    expected = EXPECTED[f"optimizer {name}"]
    with interpreted():
        actual = training.record_steps(keras, lambda keras: build_with_optimizer(keras, name))
    assert_close(expected["losses"], actual["losses"], DOUBLE, "losses")
    assert_close(expected["final"], actual["final"], DOUBLE, "final weights")
