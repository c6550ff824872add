"""What the networks compute, by NumPy in float64: the right results of all workers."""

from __future__ import annotations

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

    def gru(node: Node, x: np.ndarray) -> np.ndarray:
        kernel, recurrent, bias = wide[node.layer]
        h = np.zeros((len(x), len(recurrent)))
        for t in range(x.shape[1]):
            given = np.split(x[:, t] @ kernel + bias[0], 3, -1)
            before = np.split(h @ recurrent + bias[1], 3, -1)
            z, r = (_sigmoid(a + b) for a, b in zip(given[:2], before))
            h = z * h + (1 - z) * np.tanh(given[2] + r * before[2])
        return h

    functions = {
        "lstm": lstm, "gru": gru,
        "dense": dense, "conv": convolution, "depthwise": convolution, "norm": norm,
        "add": lambda node, *parts: activated(node, sum(parts)),
        "concat": lambda node, *parts: np.concatenate(parts, -1),
        "max_pool": lambda node, x: _windows(node, x, (node.size,) * (x.ndim - 2)).max((-1, -2)),
        "mean": lambda node, x: x.mean(tuple(range(1, x.ndim - 1))),
        "flatten": lambda node, x: x.reshape(len(x), -1),
    }
    return evaluate(network, [x.astype(np.float64) for x in inputs], functions)


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
    (y,), (t,) = outputs, targets
    top = y.max(1)
    return float(np.mean(np.log(np.exp(y - top[:, None]).sum(1)) + top - y[np.arange(len(t)), t]))
