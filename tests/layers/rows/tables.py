"""Layers that look up ranges and vocabularies, as far as they compile; `test_vocabularies.py` has
those of strings."""

# ruff: noqa: E501
from __future__ import annotations

import numpy as np

ints = dict(input_dtype="int32")


def ranges(*steps):
    return lambda x: np.digitize(x, steps)


def hot(count):
    return lambda x: (x[..., None] == np.arange(count)).max(1).astype("float32")


CASES = [
    ("normalization", "Normalization", dict(mean=[1.0, -1.0, 0.0], variance=[4.0, 1.0, 0.25]), (2, 3), (2, 3), dict(formula=lambda x: (x - [1.0, -1.0, 0.0]) / [2.0, 1.0, 0.5], supports_masking=True)),
    ("normalization_learnt", "Normalization", dict(axis=(1, 2)), (2, 3), (2, 3), dict(non_trainable=3, formula=lambda x, *weights: x)),
    ("normalization_back", "Normalization", dict(axis=None, mean=2.0, variance=9.0, invert=True), (3,), (3,), dict(formula=lambda x: x * 3 + 2)),
    ("discretization", "Discretization", dict(bin_boundaries=[-0.5, 0.0, 0.7]), (5,), (5,), dict(output_dtype="int32", formula=ranges(-0.5, 0.0, 0.7))),
    ("discretization_one_hot", "Discretization", dict(bin_boundaries=[0.0], output_mode="one_hot"), (1,), (2,), dict(train=False)),
    ("category_encoding", "CategoryEncoding", dict(num_tokens=4), (3,), (4,), dict(**ints, formula=hot(4))),
    ("category_one_hot", "CategoryEncoding", dict(num_tokens=3, output_mode="one_hot"), (2,), (2, 3), dict(**ints)),
    ("category_count", "CategoryEncoding", dict(num_tokens=3, output_mode="count"), (5,), (3,), dict(**ints)),
    ("integer_lookup", "IntegerLookup", dict(vocabulary=[3, 1]), (4,), (4,), dict(input_dtype="int64", output_dtype="int64", formula=lambda x: np.select([x == 3, x == 1], [1, 2], 0))),
    ("stft", "STFTSpectrogram", dict(frame_length=4, frame_step=3), (10, 2), (3, 6), dict(trainable=2, train=False)),
    ("mel", "MelSpectrogram", dict(fft_length=8, sequence_stride=4, num_mel_bins=3, sampling_rate=16, min_freq=1.0), (16,), (3, 5), {}),
]  # fmt: skip
