"""Training equals real Keras': losses, logs, weights, predictions, evaluate and History.

Numbers come from training.json, made by make_reference.py; tolerances are argued in compare.py.
The C compiler is the slow part. So every model runs in whole by the interpreter in float64, where
Keras is met to the stored digits; every model's training step is compiled in float32; and what
predict, evaluate and fit compile besides is compiled for the models of WHOLE, as optimized as users
see it. One test runs a model once and lists every field that is off, so that parallel workers
compile nothing twice.
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
STEPS = {"losses": LOSSES, "final": WEIGHTS}
WHOLE = [
    "softmax_sparse",
    "multi_input_output",
    "nested_models",
    "batchnorm",
    "masked_loss",
    "sample_weight",
    "custom_layers",
    "activations_zoo",
]
DOUBLE_COMPILED = ["batchnorm", "residual"]
# A schedule differs in one scalar of the step: two of them are compiled.
OPTIMIZERS_COMPILED = [
    name
    for name in OPTIMIZERS
    if not name.endswith(("decay", "staircase", "cycle", "time", "warmup", "restarts"))
    or name in ("adam_weight_decay", "sgd_weight_decay", "exponential_decay", "cosine_restarts")
]


# Keras takes means of scores and a mask's weights in float32 there, also where floatx is float64.
IN_FLOAT32 = ("counting_metrics", "scores_of_classes", "circle_of_embeddings")
NARROWED = 1e-6


@pytest.fixture
def double():
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    yield
    keras.config.set_floatx(before)


def assert_same(expected, actual, tolerances):
    """`tolerances` by field; lists of names and shapes must be equal."""
    assert tolerances.keys() <= actual.keys() <= expected.keys()
    wrong = [field for field in EXACT if field in actual and expected[field] != actual[field]]
    report = [f"{field}\nKeras: {expected[field]}\nhere:  {actual[field]}" for field in wrong]
    for field, tolerance in tolerances.items():
        report += difference(field, expected[field], actual[field], tolerance)
    assert not report, "\n\n".join(report)


def test_every_model_is_stored_and_every_stored_model_is_run():
    names = [f"model {n}" for n in MODELS] + [f"optimizer {n}" for n in OPTIMIZERS]
    assert sorted(names) == sorted(EXPECTED)


def optimizer_steps(name):
    return training.record_steps(keras, lambda keras: build_with_optimizer(keras, name))


@pytest.mark.parametrize("name", WHOLE)
def test_whole_model(name):
    assert_same(EXPECTED[f"model {name}"], training.record(keras, MODELS[name]), FLOAT)


@pytest.mark.parametrize("name", [name for name in MODELS if name not in WHOLE])
def test_model(name, quickly_compiled):
    assert_same(EXPECTED[f"model {name}"], training.record_steps(keras, MODELS[name]), STEPS)


@pytest.mark.parametrize("name", MODELS)
def test_model_in_double_precision(name, double, quickly_compiled):
    with contextlib.nullcontext() if name in DOUBLE_COMPILED else interpreted():
        actual = training.record(keras, MODELS[name])
    tolerance = NARROWED if name in IN_FLOAT32 else DOUBLE
    assert_same(EXPECTED[f"model {name}"], actual, dict.fromkeys(FLOAT, tolerance))


@pytest.mark.parametrize("name", OPTIMIZERS_COMPILED)
def test_optimizer(name, quickly_compiled):
    assert_same(EXPECTED[f"optimizer {name}"], optimizer_steps(name), STEPS)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer_in_double_precision(name, double):
    with interpreted():
        actual = optimizer_steps(name)
    assert_same(EXPECTED[f"optimizer {name}"], actual, dict.fromkeys(STEPS, DOUBLE))
