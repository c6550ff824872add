"""SpectralNormalization in training, Pipeline, and the tables of spectra."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import initializers, layers, models


def test_the_largest_singular_value_becomes_one(tmp_path):
    inner = layers.Dense(3, use_bias=False)
    inputs = fncompile.Input((4,))
    model = fncompile.Model(inputs, layers.SpectralNormalization(inner, 20)(inputs))
    model.compile(fncompile.optimizers.SGD(0.0), "mse")
    x, y = np.ones((2, 4), "float32"), np.zeros((2, 3), "float32")
    before = inner.get_weights()[0]
    losses = [model.train_on_batch(x, y) for _ in range(3)]
    found = np.linalg.svd(before)[1][0]
    np.testing.assert_allclose(losses[0], np.mean((x @ before / found) ** 2), 1e-4)
    np.testing.assert_allclose(losses[2], losses[0], 1e-4)
    after = model.predict(x, verbose=0)
    model.save(tmp_path / "m.keras")
    again = models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), after)


def test_a_kernel_of_zeros_stays():
    layer = layers.SpectralNormalization(layers.Dense(2, kernel_initializer="zeros"))
    found = layer(np.ones((1, 3), "float32"), training=True)
    np.testing.assert_array_equal(found, np.zeros((1, 2)))


@pytest.mark.parametrize(("wrong", "words"), [
    (lambda: layers.SpectralNormalization(layers.Dense(2), 0), "greater than zero"),
    (lambda: layers.SpectralNormalization(layers.ReLU())(np.ones((1, 2))), "nor 'embeddings'"),
    (lambda: layers.STFTSpectrogram("loud"), "Output mode is invalid"),
    (lambda: layers.STFTSpectrogram(frame_length=4, frame_step=5), "not greater than"),
    (lambda: layers.STFTSpectrogram(window="round"), "Unknown `window`"),
    (lambda: layers.MelSpectrogram(8, sequence_length=9), "must be greater than or equal to"),
    (lambda: initializers.STFT("left"), "'real' or 'imag'"),
    (lambda: layers.Pipeline.from_config({"layers": None}), "must contain a `layers` key"),
])  # fmt: skip
def test_what_is_wrong_is_said(wrong, words):
    with pytest.raises(ValueError, match=words):
        wrong()


@pytest.mark.parametrize("length", [8, 9])
def test_a_frame_is_numpys_transform(length):
    """Without a window one frame is the Fourier transform of the signal."""
    x = np.random.default_rng(0).normal(size=(1, length, 1)).astype("float32")
    layer = layers.STFTSpectrogram(
        "stft", frame_length=length, fft_length=16, window=None, scaling=None
    )
    found = layer(x)[0, 0]
    expected = np.fft.rfft(x[0, :, 0], 16)
    np.testing.assert_allclose(found, [*expected.real, *expected.imag], 1e-4, 1e-5)


def test_angles_are_numpys():
    x = np.random.default_rng(1).normal(size=(2, 14, 2)).astype("float32")
    layer = layers.STFTSpectrogram(
        "angle", frame_length=8, frame_step=3, window=None, scaling=None, expand_dims=True
    )
    frames = np.lib.stride_tricks.sliding_window_view(x, 8, axis=1)[:, ::3]
    expected = np.angle(np.fft.rfft(frames)).transpose(0, 1, 3, 2)
    turned = layer(x) - expected  # a real number below zero may have either angle of pi
    np.testing.assert_allclose(np.exp(1j * turned), 1.0, atol=1e-4)
    np.testing.assert_allclose(np.abs(layer(x)[:, :, 1:-1]), np.abs(expected)[:, :, 1:-1], 1e-4)


WINDOWS = {  # of five steps, symmetric and periodic, by scipy.signal.get_window
    "hann": ([0, 0.5, 1, 0.5, 0], [0, 0.345492, 0.904508, 0.904508, 0.345492]),
    "blackman": ([0, 0.34, 1, 0.34, 0], [0, 0.200770, 0.849230, 0.849230, 0.200770]),
    "bartlett": ([0, 0.5, 1, 0.5, 0], [0, 0.4, 0.8, 0.8, 0.4]),
    "boxcar": ([1] * 5, [1] * 5),
    "tukey": ([0, 1, 1, 1, 0], [0, 0.904508, 1, 1, 0.904508]),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_windows_are_scipys(name):
    for periodic, expected in enumerate(WINDOWS[name]):
        table = initializers.STFT("real", name, None, bool(periodic))((5, 1, 2))
        np.testing.assert_allclose(table[:, 0, 0], expected, atol=1e-6)


@pytest.mark.parametrize(("shape", "arguments"), [
    ((None, 3), {}), ((3, None), {"data_format": "channels_first"}),
    ((None, 2), {"expand_dims": True}), ((None, 1), {"frame_step": 3, "padding": "same"}),
])  # fmt: skip
def test_a_signal_of_any_length(shape, arguments):
    layer = layers.STFTSpectrogram("psd", frame_length=4, **arguments)
    model = fncompile.Sequential([fncompile.Input(shape), layer])
    x = np.random.default_rng(1).normal(size=(2, *(11 if d is None else d for d in shape)))
    np.testing.assert_allclose(model(x), layer(x.astype("float32")), 1e-5, 1e-6)


def test_a_pipeline_trains_saves_and_passes_the_flag(tmp_path):
    pipeline = layers.Pipeline([layers.GaussianNoise(1.0, seed=1), layers.Rescaling(2.0)])
    x = np.ones((2, 3), "float32")
    assert (pipeline(x) != 2.0).all()
    np.testing.assert_array_equal(pipeline(x, training=False), np.full((2, 3), 2.0))
    again = layers.Pipeline.from_config(pipeline.get_config())
    assert [type(layer).__name__ for layer in again.layers] == ["GaussianNoise", "Rescaling"]
    inputs = fncompile.Input((3,))
    model = fncompile.Model(inputs, pipeline(inputs))
    model.save(tmp_path / "m.keras")
    again = models.load_model(tmp_path / "m.keras")
    with fncompile.flags(interp=True):
        np.testing.assert_array_equal(again.predict(x, verbose=0), np.full((2, 3), 2.0))
