"""Warnings point at the line of the user, wherever in the package they arise."""

from __future__ import annotations

import ast
import warnings
from pathlib import Path

import numpy as np
import pytest

import fncompile as keras
from fncompile import layers

PACKAGE = Path(keras.__file__).parent


def test_the_package_warns_by_its_own_function_alone():
    """`warnings.warn` with a number of frames is right only until a caller moves."""
    found = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("warnings.warn")
    ]
    assert found == ["caller.py"]


def deprecated_argument(tmp_path):
    layers.Embedding(3, 2, input_length=4)


def input_shape_in_a_sequential(tmp_path):
    keras.Sequential([layers.Dense(2, input_shape=(3,))])


def no_training_configuration(tmp_path):
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    model.save(tmp_path / "x.h5")
    keras.models.load_model(tmp_path / "x.h5")


def layers_that_do_not_fit(tmp_path):
    for units in (2, 3):
        model = keras.Sequential([keras.Input((2,)), layers.Dense(units)])
        if units == 2:
            model.save_weights(tmp_path / "x.weights.h5")
    model.load_weights(tmp_path / "x.weights.h5", skip_mismatch=True)


def data_that_run_out(tmp_path):
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    batches = iter([(np.zeros((2, 2)), np.zeros((2, 1)))])
    model.fit(batches, steps_per_epoch=3, epochs=1, verbose=0)


def metric_that_is_not_there(tmp_path):
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    stop = keras.callbacks.EarlyStopping("val_loss")
    model.fit(np.zeros((2, 2)), np.zeros((2, 1)), callbacks=[stop], verbose=0)


def cache_that_cannot_be_used(tmp_path):
    """Found in functions that the standard library's wrappers stand around."""
    (tmp_path / "file").write_text("not a directory")
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    with keras.flags(cache=str(tmp_path / "file"), verify=0):
        model.predict(np.zeros((2, 2)), verbose=0)


@pytest.mark.parametrize("cause", [
    deprecated_argument, input_shape_in_a_sequential, no_training_configuration,
    layers_that_do_not_fit, data_that_run_out, metric_that_is_not_there,
    cache_that_cannot_be_used,
])  # fmt: skip
def test_a_warning_is_at_the_user_s_line(cause, tmp_path):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        cause(tmp_path)
    assert seen and {warning.filename for warning in seen} == {__file__}
