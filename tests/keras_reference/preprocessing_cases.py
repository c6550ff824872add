"""Layers of spectra, learnt normalization and images, as rows for `layer_cases`.

Those of images that change by chance are here as far as their results are certain; with a batch of
3, since `predict` would leave images alone.
"""

# ruff: noqa: E501
from __future__ import annotations

from tests.keras_reference.placeholders import F, L

FRAMES = dict(frame_length=8, frame_step=3)
MEL = dict(fft_length=16, sequence_stride=6, num_mel_bins=5, sampling_rate=64, min_freq=1.0)
ROWS = {
    "stft_log": ("STFTSpectrogram", FRAMES, (2, 20, 2)),
    "stft_psd_same": ("STFTSpectrogram", dict(**FRAMES, mode="psd", padding="same", fft_length=16), (2, 11, 1)),
    "stft_expanded": ("STFTSpectrogram", dict(**FRAMES, mode="stft", scaling="spectrum", expand_dims=True), (2, 14, 2)),
    "stft_first": ("STFTSpectrogram", dict(**FRAMES, mode="imag", window="hamming", periodic=True, data_format="channels_first"), (2, 2, 14)),
    "stft_magnitude": ("STFTSpectrogram", dict(frame_length=4, mode="magnitude", window=None, scaling=None), (1, 9, 3)),
    "mel": ("MelSpectrogram", MEL, (2, 40)),
    "mel_power": ("MelSpectrogram", dict(**MEL, power_to_db=False, mag_exp=1.0, sequence_length=9, window="hamming"), (2, 31)),
    "mel_of_one": ("MelSpectrogram", dict(**MEL, top_db=5.0, ref_power=2.0, max_freq=20.0), (40,)),
    "spectral_dense": ("SpectralNormalization", dict(layer=L("Dense", units=3), power_iterations=2), (2, 4)),
    "spectral_conv": ("SpectralNormalization", dict(layer=L("Conv1D", filters=2, kernel_size=2)), (2, 5, 3)),
    "normalization_given": ("Normalization", dict(axis=(1, 2), mean=[1.0, 2.0], variance=[4.0, 0.25]), (3, 3, 2)),
    "normalization_back": ("Normalization", dict(axis=None, mean=3.0, variance=4.0, invert=True), (3, 2)),
    "saturation": ("RandomSaturation", dict(factor=(0.3, 0.3), value_range=(0, 1)), (3, 4, 2, 3)),
    "saturation_first": ("RandomSaturation", dict(factor=(0.7, 0.7), value_range=(0, 1), data_format="channels_first"), (3, 3, 2, 4)),
    "sharpness": ("RandomSharpness", dict(factor=(0.9, 0.9), value_range=(-2, 2)), (3, 4, 5, 2)),
    "blur": ("RandomGaussianBlur", dict(factor=(1.0, 1.0), sigma=(0.7, 0.7), kernel_size=(3, 5), value_range=(-2, 2)), (3, 4, 5, 2)),
    "erasing_all": ("RandomErasing", dict(factor=(1.0, 1.0), scale=(1.0, 1.0), fill_value=1.5, value_range=(-2, 2)), (3, 4, 5, 2)),
    "equalization": ("Equalization", dict(value_range=(-3, 3)), (3, 4, 5, 2)),
    "equalization_of_few": ("Equalization", dict(value_range=(-3, 3), bins=8, data_format="channels_first"), (3, 2, 4, 5)),
    "clahe": ("ContrastLimitedAdaptiveHistogramEqualization", dict(value_range=(-3, 3), tile_grid_size=(2, 2)), (2, 7, 5, 2)),
    "clahe_clipped": ("ContrastLimitedAdaptiveHistogramEqualization", dict(value_range=(-3, 3), tile_grid_size=(3, 2), clip_limit=1.5), (3, 6, 6, 1)),
}  # fmt: skip
CASES = {name: (kind, init, (F(shape),), {}) for name, (kind, init, shape) in ROWS.items()}
