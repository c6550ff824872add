"""What the networks compute, by NumPy in float64: the right results of all workers."""

from __future__ import annotations

import math

import numpy as np

from benchmarks.description import EPSILON, Network, Node, paddings
from benchmarks.networks import evaluate, weights


def forward(network: Network, inputs: list[np.ndarray], training: bool = False) -> list[np.ndarray]:
    """The outputs; in training, normalised by the statistics of the batch."""
    wide = {name: [w.astype(np.float64) for w in group] for name, group in weights(network).items()}

    def activated(node: Node, y: np.ndarray) -> np.ndarray:
        return np.maximum(y, 0) if node.relu else y

    def dense(node: Node, x: np.ndarray) -> np.ndarray:
        kernel, bias = wide[node.layer]
        return activated(node, x @ kernel + bias)

    def convolution(node: Node, x: np.ndarray) -> np.ndarray:
        kernel, *bias = wide[node.layer]
        rank = x.ndim - 2
        views = _windows(node, x, kernel.shape[:rank])
        if node.kind == "depthwise":
            y = np.einsum("...ct,tc->...c", views.reshape(*views.shape[: -rank], -1),
                          kernel.reshape(-1, kernel.shape[-2]))
        else:
            y = np.einsum("...ct,tcn->...n", views.reshape(*views.shape[: -rank], -1),
                          kernel.reshape(-1, *kernel.shape[-2:]), optimize=True)
        return activated(node, y + bias[0] if bias else y)

    def norm(node: Node, x: np.ndarray) -> np.ndarray:
        gamma, beta, mean, variance = wide[node.layer]
        if training:
            axes = tuple(range(x.ndim - 1))
            mean, variance = x.mean(axes), x.var(axes)
        return activated(node, (x - mean) / np.sqrt(variance + EPSILON) * gamma + beta)

    def lstm(node: Node, x: np.ndarray) -> np.ndarray:
        kernel, recurrent, bias = wide[node.layer]
        h = c = np.zeros((len(x), len(recurrent)))
        for t in range(x.shape[1]):
            i, f, g, o = np.split(x[:, t] @ kernel + h @ recurrent + bias, 4, -1)
            c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
            h = _sigmoid(o) * np.tanh(c)
        return h

    def lstm_step(node: Node, x: np.ndarray, h: np.ndarray, c: np.ndarray) -> np.ndarray:
        kernel, recurrent, bias = wide[node.layer]
        i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4, -1)
        c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
        return np.concatenate([_sigmoid(o) * np.tanh(c), c], -1)

    def gru(node: Node, x: np.ndarray) -> np.ndarray:
        kernel, recurrent, bias = wide[node.layer]
        h = np.zeros((len(x), len(recurrent)))
        for t in range(x.shape[1]):
            given = np.split(x[:, t] @ kernel + bias[0], 3, -1)
            before = np.split(h @ recurrent + bias[1], 3, -1)
            z, r = (_sigmoid(a + b) for a, b in zip(given[:2], before))
            h = z * h + (1 - z) * np.tanh(given[2] + r * before[2])
        return h

    def attention(node: Node, x: np.ndarray) -> np.ndarray:
        *projections, kernel, bias = wide[node.layer]
        q, k, v = (np.einsum("btd,dhe->bhte", x, w) + b[:, None]
                   for w, b in zip(projections[::2], projections[1::2]))
        scores = np.einsum("bhte,bhse->bhts", q, k) / np.sqrt(q.shape[-1])
        if node.padding == "causal":
            scores = np.where(np.tri(x.shape[1], dtype=bool), scores, -np.inf)
        p = np.exp(scores - scores.max(-1, keepdims=True))
        p = p / p.sum(-1, keepdims=True)
        return np.einsum("bhts,bhse,hed->btd", p, v, kernel, optimize=True) + bias

    def layer_norm(node: Node, x: np.ndarray) -> np.ndarray:
        gamma, beta = wide[node.layer]
        mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return (x - mean) / np.sqrt(variance + EPSILON) * gamma + beta

    functions = {
        "attention": attention, "layer_norm": layer_norm,
        "gelu": lambda node, x: x * (1 + _erf(x / np.sqrt(2))) / 2,
        "embedding": lambda node, rows: wide[node.layer][0][rows],
        "lstm": lstm, "gru": gru, "lstm_step": lstm_step,
        "half": lambda node, x: x[:, : x.shape[1] // 2],
        "dense": dense, "conv": convolution, "depthwise": convolution, "norm": norm,
        "add": lambda node, *parts: activated(node, sum(parts)),
        "concat": lambda node, *parts: np.concatenate(parts, -1),
        "max_pool": lambda node, x: _windows(node, x, (node.size,) * (x.ndim - 2)).max((-1, -2)),
        "mean": lambda node, x: x.mean(tuple(range(1, x.ndim - 1))),
        "flatten": lambda node, x: x.reshape(len(x), -1),
    }
    given = [x if x.dtype == np.int32 else x.astype(np.float64) for x in inputs]
    return evaluate(network, given, functions)


_erf = np.vectorize(math.erf, otypes=[np.float64])


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def _windows(node: Node, x: np.ndarray, taps: tuple[int, ...]) -> np.ndarray:
    """(batch, positions, channels, taps) of the padded tensor."""
    around = paddings(node, taps, x.shape[1:])
    axes = tuple(range(1, x.ndim - 1))
    wide = np.pad(x, [(0, 0), *around, (0, 0)])
    reach = tuple((size - 1) * node.dilation + 1 for size in taps)
    views = np.lib.stride_tricks.sliding_window_view(wide, reach, axes)
    along = (slice(None), *[slice(None, None, node.stride)] * len(taps), slice(None),
             *[slice(None, None, node.dilation)] * len(taps))
    return views[along]


def loss(network: Network, outputs: list[np.ndarray], targets: list[np.ndarray]) -> float:
    """The loss of the batch."""
    if network.loss == "mse":
        return float(sum(np.mean((y - t) ** 2) for y, t in zip(outputs, targets)))
    y, t = outputs[0].reshape(-1, outputs[0].shape[-1]), targets[0].ravel()
    top = y.max(1)
    return float(np.mean(np.log(np.exp(y - top[:, None]).sum(1)) + top - y[np.arange(len(t)), t]))
