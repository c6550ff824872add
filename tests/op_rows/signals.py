"""Rows of short-time spectra, rearranged axes, functions made of functions, and decoded labels."""

from __future__ import annotations

import itertools

import numpy as np
from scipy import special

from fncompile import ops
from tests.op_case import Array, OpCase
from tests.op_rows.alignment import _collapsed
from tests.op_rows.shaping import A, row

TONE = A(2, 13)


def stft(x, length, stride, bins, window="hann", center=True):
    """Frame by frame."""
    periodic = np.arange(length) / length
    waves = {"hann": 0.5 - 0.5 * np.cos(2 * np.pi * periodic),
             "hamming": 0.54 - 0.46 * np.cos(2 * np.pi * periodic)}  # fmt: skip
    waved = waves[window] if isinstance(window, str) else window
    faded = np.ones(bins) if window is None else waved
    before = (bins - len(faded)) // 2
    around = bins // 2 if center else 0
    x = np.pad(x, ((0, 0), (around, around)), mode="reflect")
    frames = [x[:, at : at + bins] for at in range(0, x.shape[1] - bins + 1, stride)]
    full = np.zeros(bins)
    full[before : before + len(faded)] = faded
    found = np.stack([np.fft.rfft(frame * full) for frame in frames], 1)
    return [found.real, found.imag]


def _there_and_back(x, window, length=None):
    return ops.istft(ops.stft(x, 5, 2, 6, window), 5, 2, 6, length, window)


def _sparsemax(x):
    """The root of sum(max(x - tau, 0)) = 1, by halving."""
    out = np.empty_like(x)
    for i, values in enumerate(x):
        low, high = values.min() - 1, values.max()
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (
                (middle, high) if np.maximum(values - middle, 0).sum() > 1 else (low, middle)
            )
        out[i] = np.maximum(values - low, 0)
    return out


def _multi_hot(x, n):
    return (x[:, :, None] == np.arange(n)).any(1).astype(float)


@ops.custom_gradient
def _softplus(x):
    e = ops.exp(x)
    return ops.log(1 + e), lambda upstream: upstream * (1.0 - 1.0 / (1.0 + e))


@ops.custom_gradient
def _both(x, y):
    def grad(*args, upstream=None):
        by_product, by_sum = (args if upstream is None else (upstream,))[-1]
        return by_product * y + by_sum, by_product * x + by_sum

    return (x * y, x + y), grad


def _paths(logits, steps):
    """Labels -> the logarithm of their chance, over all paths of one sample; class 0 is blank."""
    chances = logits - special.logsumexp(logits, axis=-1, keepdims=True)
    found: dict[tuple, float] = {}
    for path in itertools.product(range(logits.shape[1]), repeat=steps):
        labels = tuple(_collapsed(path, 0))
        chance = sum(chances[t, c] for t, c in enumerate(path))
        found[labels] = np.logaddexp(found.get(labels, -np.inf), chance)
    return sorted(found.items(), key=lambda item: -item[1])


def beams(logits, lengths, top):
    """The best labels of all paths."""
    each = [_paths(x, n)[:top] for x, n in zip(logits, lengths)]
    labels = np.full((top, *logits.shape[:2]), -1, "int32")
    for i, best in enumerate(each):
        for k, (path, _) in enumerate(best):
            labels[k, i, : len(path)] = path
    return [labels, np.array([[chance for _, chance in best] for best in each])]


def greedy(logits, lengths):
    labels = np.full((1, *logits.shape[:2]), -1, "int32")
    for i, (x, n) in enumerate(zip(logits, lengths)):
        path = _collapsed(x[:n].argmax(-1), 0)
        labels[0, i, : len(path)] = path
    sums = [-x[:n].max(-1).sum() for x, n in zip(logits, lengths)]
    return [labels, np.array(sums)[:, None]]


LENGTHS = [4, 3]
VALUES = Array((3, 5), "below:6", "int32")
CASES = [
    row("stft", (TONE, 5, 2, 6), stft, batch=(0,)),
    row("stft", (TONE, 5, 3, 5, "hamming", False), stft, "hamming", batch=(0,)),
    row("stft", (TONE, 4, 2, 6, None), stft, "no window", batch=(0,)),
    row("stft", (TONE, 5, 2, 6, A(5)), stft, "own window"),
    OpCase("istft", lambda x: _there_and_back(x, "hamming"), (TONE,), lambda x: x[:, :12],
           differentiable=(0,), batch=(0,), rtol=1e-9),
    OpCase("istft:length", lambda x: _there_and_back(x, "hann", 9), (TONE,), lambda x: x[:, :9],
           differentiable=(0,), rtol=1e-9),
    OpCase("istft:no window", lambda x: _there_and_back(x, None), (TONE,), lambda x: x[:, :12],
           differentiable=(0,), rtol=1e-9),
    OpCase("rearrange", lambda x: ops.rearrange(x, "a (b c) d -> a c (d b)", b=2), (A(3, 4, 5),),
           lambda x: x.reshape(3, 2, 2, 5).transpose(0, 2, 3, 1).reshape(3, 2, 10),
           differentiable=(0,), batch=(0,)),
    OpCase("sparsemax", ops.sparsemax, (A(9, 7),), _sparsemax, differentiable=(0,), batch=(0,),
           rtol=1e-11),
    OpCase("sparsemax:columns", lambda x: ops.sparsemax(x, 0), (A(6, 2),),
           lambda x: _sparsemax(x.T).T, differentiable=(0,), rtol=1e-11),
    row("multi_hot", (Array((5, 3), "beyond:4", "int32"), 4), _multi_hot, grad=False, batch=(0,)),
    OpCase("unique", lambda x: ops.unique(x, return_counts=True, size=4), (VALUES,),
           lambda x: [v[:4] for v in np.unique(x, return_counts=True)]),
    OpCase("unique:rows", lambda x: ops.unique(
               x, axis=0, size=2, return_index=True, return_inverse=True, fill_value=9),
           (np.array([[1, 0], [1, 0], [0, 5]], "int32"),),
           lambda x: [v[:3] for v in np.unique(x, True, True, axis=0)]),
    OpCase("vectorize", lambda x, y: ops.vectorize(lambda a, b: a * b + 1)(x, y),
           (A(3, 4), A(4)), lambda x, y: x * y + 1, differentiable=(0, 1), batch=(0,)),
    OpCase("vectorize:signature",
           lambda x, y: ops.vectorize(ops.matmul, signature="(m,n),(n)->(m)")(x, y),
           (A(2, 3, 4), A(4)), lambda x, y: x @ y, differentiable=(0, 1), batch=(0,)),
    OpCase("custom_gradient", _softplus, (A(9),), lambda x: np.log1p(np.exp(x)),
           differentiable=(0,), batch=(0,), rtol=1e-11),
    OpCase("custom_gradient:two", _both, (A(3, 2), A(3, 2)), lambda x, y: [x * y, x + y],
           differentiable=(0, 1), batch=(0, 1)),
    OpCase("jvp", lambda x, w, t: ops.jvp(
               lambda x, w: (ops.tanh(ops.matmul(x, w)), ops.cumsum(x, 0)), (x, w), (t, w)),
           (A(3, 4), A(4, 2), A(3, 4)),
           lambda x, w, t: [np.tanh(x @ w), np.cumsum(x, 0),
                            (1 - np.tanh(x @ w) ** 2) * (t @ w + x @ w), np.cumsum(t, 0)],
           differentiable=(0, 1, 2), batch=(0, 2)),
    OpCase("ctc_decode", lambda x: ops.ctc_decode(x, LENGTHS), (A(2, 4, 3),),
           lambda x: greedy(x, LENGTHS), differentiable=(0,)),
    OpCase("ctc_decode:beams", lambda x: ops.ctc_decode(x, LENGTHS, "beam_search", 30, 3),
           (A(2, 4, 3),), lambda x: beams(x, LENGTHS, 3), rtol=1e-9),
    *(row(name, (A(5),), getattr(np, name), batch=(0,)) for name in ("real", "imag", "conjugate")),
]  # fmt: skip
