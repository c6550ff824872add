"""Training that is saved and taken up in another process ends with the same bits."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import fncompile as keras
from fncompile import layers
from tests.training.interpreted import toy_data

RESUME = """
import sys, numpy as np, fncompile as keras
from tests.training.interpreted import toy_data
source, target, *steps = sys.argv[1:]
model = keras.models.load_model(source)
model.fit(*toy_data(50), batch_size=8, epochs=4, initial_epoch=2, verbose=0,
          steps_per_epoch=int(steps[0]) if steps else None)
np.savez(target, *model.get_weights(), *[np.array(v) for v in model.optimizer.variables])
"""


def dropout_model():
    keras.utils.set_random_seed(11)
    i = keras.Input((4,), name="img")
    x = layers.BatchNormalization()(layers.Dense(7, activation="relu")(i))
    x = layers.Dropout(0.4)(x)
    model = keras.Model(i, layers.Dense(3, activation="softmax")(x))
    model.compile(
        keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def state(model):
    return [*model.get_weights(), *[np.array(v) for v in model.optimizer.variables]]


@pytest.mark.parametrize(("ending", "steps"), [("keras", None), ("h5", 5)])
def test_resumed_training_is_bit_identical(tmp_path, ending, steps):
    fit = {"batch_size": 8, "verbose": 0, "steps_per_epoch": steps}
    whole = dropout_model()
    whole.fit(*toy_data(50), epochs=4, **fit)
    half = dropout_model()
    half.fit(*toy_data(50), epochs=2, **fit)
    half.save(tmp_path / f"half.{ending}")
    arguments = [
        str(tmp_path / f"half.{ending}"),
        str(tmp_path / "end.npz"),
        *([str(steps)] if steps else []),
    ]
    subprocess.run(
        [sys.executable, "-c", RESUME, *arguments],
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with np.load(tmp_path / "end.npz") as resumed:
        expected = state(whole)
        assert len(resumed.files) == len(expected)
        for name, value in zip(resumed.files, expected, strict=True):
            np.testing.assert_array_equal(resumed[name], value)


def test_stretches_do_not_change_what_is_computed():
    """Batch by batch, with callbacks that look at every batch, and in long stretches."""
    weights = []
    for callback in (
        None,
        keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None),
    ):
        model = dropout_model()
        model.fit(*toy_data(50), batch_size=8, epochs=3, callbacks=callback, verbose=0)
        weights.append(state(model))
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)
