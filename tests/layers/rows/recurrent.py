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
    ("masking", "Masking", {}, (4, 2), (4, 2), dict(formula=lambda x: x, **masks)),
]  # fmt: skip
