"""Networks that people build with Keras, trained here and exported: C equal to Python.

The trainings that take longer than a minute are for `make test-full`.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import fncompile
from fncompile import layers
from tests.conftest import FULL
from tests.tools import exported

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.skipif(not FULL, reason="trains for minutes")
def test_lenet_tells_98_and_a_half_of_100_digits(tmp_path):
    spec = importlib.util.spec_from_file_location("lenet", EXAMPLES / "lenet_mnist.py")
    lenet = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(lenet)
    assert lenet.main(tmp_path / "lenet") >= 0.985


def test_a_spotter_of_keywords_from_the_signal_on(tmp_path):
    """Tones of three heights in noise, told by a network that begins with the spectrum."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 120)
    time = np.arange(512) / 512
    turns = np.array([20, 50, 110])[y][:, None] * time + rng.random((120, 1))
    tones = np.sin(2 * np.pi * turns)
    x = (tones + 0.3 * rng.normal(size=tones.shape)).astype("float32")
    fncompile.utils.set_random_seed(1)
    inputs = fncompile.Input((512,), name="signal")
    h = layers.MelSpectrogram(64, 32, num_mel_bins=16, sampling_rate=512, min_freq=4.0)(inputs)
    h = layers.Rescaling(0.05)(layers.Reshape((16, 17, 1))(h))
    h = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(h)
    h = layers.ReLU()(layers.BatchNormalization()(h))
    h = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(h)
    h = layers.ReLU()(layers.BatchNormalization()(h))
    h = layers.Conv2D(16, 1, activation="relu")(h)
    outputs = layers.Dense(3, activation="softmax")(layers.Flatten()(h))
    model = fncompile.Model(inputs, outputs, name="spotter")
    model.compile(fncompile.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    model.fit(x[:90], y[:90], batch_size=16, epochs=8, verbose=0)
    told = exported(model, x[90:], tmp_path).argmax(1)
    assert np.mean(told == y[90:]) > 0.9


def test_an_autoencoder_of_beats_finds_odd_ones(tmp_path):
    """A Conv1D autoencoder of even beats: those with a dent are reproduced worse."""
    rng = np.random.default_rng(1)
    time = np.arange(64) / 64
    shift = rng.uniform(-0.1, 0.1, (80, 1))
    beats = np.exp(-(((time - 0.5 + shift) / 0.05) ** 2)) + 0.02 * rng.normal(size=(80, 64))
    odd = beats[:20] - 0.6 * np.exp(-(((time - 0.2) / 0.03) ** 2))
    x, odd = (part.astype("float32")[..., None] for part in (beats, odd))
    fncompile.utils.set_random_seed(1)
    inputs = fncompile.Input((64, 1), name="beat")
    h = layers.Conv1D(8, 7, strides=2, padding="same", activation="relu")(inputs)
    h = layers.Conv1D(4, 7, strides=2, padding="same", activation="relu")(h)
    h = layers.Conv1DTranspose(8, 7, strides=2, padding="same", activation="relu")(h)
    outputs = layers.Conv1DTranspose(1, 7, strides=2, padding="same")(h)
    model = fncompile.Model(inputs, outputs, name="beats")
    model.compile(fncompile.optimizers.Adam(0.01), "mse")
    model.fit(x[20:], x[20:], batch_size=10, epochs=15, verbose=0)
    errors = np.mean((exported(model, np.concatenate([x[:20], odd]), tmp_path)
                      - np.concatenate([x[:20], odd])) ** 2, axis=(1, 2))  # fmt: skip
    assert errors[20:].min() > np.median(errors[:20])
