"""Recurrent layers, by formulas that walk the steps in NumPy."""

# ruff: noqa: E501
from __future__ import annotations

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def walked(x, states, step):
    """The outputs of all steps."""
    outputs = []
    for t in range(x.shape[1]):
        states = step(x[:, t], *states)
        outputs.append(states[0])
    return np.stack(outputs, 1)


def simple(x, w, u, b):
    return walked(x, [np.zeros((len(x), len(u)))], lambda e, h: [np.tanh(e @ w + h @ u + b)])


def lstm(x, w, u, b):
    def step(e, h, c):
        i, f, g, o = np.split(e @ w + h @ u + b, 4, -1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c

    return walked(x, [np.zeros((len(x), len(u)))] * 2, step)


def gru(x, w, u, b):
    def step(e, h):
        (x_z, x_r, x_n), (h_z, h_r, h_n) = (np.split(v, 3, -1) for v in (e @ w + b[0], h @ u + b[1]))
        z = sigmoid(x_z + h_z)
        return [z * h + (1 - z) * np.tanh(x_n + sigmoid(x_r + h_r) * h_n)]

    return walked(x, [np.zeros((len(x), len(u)))], step)


def conv_lstm(x, w, u, b):
    """Of two taps: inputs as they are, states with a zero behind the last."""
    def conv(y, kernel):
        return y[:, :-1] @ kernel[0] + y[:, 1:] @ kernel[1]

    def step(e, h, c):
        padded = np.pad(h, ((0, 0), (0, 1), (0, 0)))
        i, f, g, o = np.split(conv(e, w) + conv(padded, u) + b, 4, -1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c

    state = np.zeros((len(x), x.shape[2] - 1, u.shape[1]))
    return walked(x, [state, state], step)


def last(formula):
    return lambda x, *weights: formula(x, *weights)[:, -1]


masks = dict(supports_masking=True)
SEQUENCES = dict(return_sequences=True)
CASES = [
    ("simple_rnn", "SimpleRNN", dict(units=3), (4, 2), (3,), dict(trainable=3, formula=last(simple), **masks)),
    ("simple_rnn_sequences", "SimpleRNN", dict(units=3, **SEQUENCES), (4, 2), (4, 3), dict(trainable=3, formula=simple)),
    ("lstm", "LSTM", dict(units=3), (4, 2), (3,), dict(trainable=3, formula=last(lstm), **masks)),
    ("lstm_sequences", "LSTM", dict(units=3, **SEQUENCES), (4, 2), (4, 3), dict(trainable=3, formula=lstm)),
    ("lstm_dropout", "LSTM", dict(units=3, dropout=0.3, recurrent_dropout=0.2, seed=1), (4, 2), (3,), dict(trainable=3, formula=last(lstm), stochastic=True)),
    ("gru", "GRU", dict(units=3), (4, 2), (3,), dict(trainable=3, formula=last(gru), **masks)),
    ("gru_dropout", "GRU", dict(units=3, dropout=0.3, seed=1, **SEQUENCES), (4, 2), (4, 3), dict(trainable=3, formula=gru, stochastic=True)),
    ("conv_lstm1d", "ConvLSTM1D", dict(filters=2, kernel_size=2), (4, 5, 3), (4, 2), dict(trainable=3, formula=last(conv_lstm), **masks)),
    ("conv_lstm1d_dropout", "ConvLSTM1D", dict(filters=2, kernel_size=2, dropout=0.3, recurrent_dropout=0.2, seed=1, **SEQUENCES), (4, 5, 3), (4, 4, 2), dict(trainable=3, formula=conv_lstm, stochastic=True)),
    ("conv_lstm2d", "ConvLSTM2D", dict(filters=2, kernel_size=2, padding="same", **SEQUENCES), (3, 4, 3, 2), (3, 4, 3, 2), dict(trainable=3)),
    ("conv_lstm3d", "ConvLSTM3D", dict(filters=2, kernel_size=2), (2, 3, 2, 3, 1), (2, 1, 2, 2), dict(trainable=3)),
    ("masking", "Masking", {}, (4, 2), (4, 2), dict(formula=lambda x: x, **masks)),
]  # fmt: skip
