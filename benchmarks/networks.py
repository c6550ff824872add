"""The networks, each described once; a worker builds its own from the description.

A network is a list of nodes over named tensors: `dense` (with weights that several nodes may
share), `add` and `concat`. Weights and data come from NumPy's generator and a seed, so that all
workers have the same. `forward` is the oracle of all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Node:
    """One operation. A `dense` node has weights `layer` of shape (inputs, units) and a bias."""

    name: str
    kind: str  # dense, add, concat
    inputs: tuple[str, ...]
    layer: str = ""
    relu: bool = False


@dataclass(frozen=True)
class Network:
    """`loss` is mse (mean over all outputs' elements, outputs added) or crossentropy of logits."""

    name: str
    inputs: dict[str, int]  # name -> width
    layers: dict[str, tuple[int, int]]  # name -> (inputs, units)
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    loss: str

    def widths(self) -> dict[str, int]:
        """The width of every tensor."""
        widths = dict(self.inputs)
        for node in self.nodes:
            given = [widths[name] for name in node.inputs]
            joined = sum(given) if node.kind == "concat" else given[0]
            widths[node.name] = self.layers[node.layer][1] if node.layer else joined
        return widths

    def parameters(self) -> int:
        return sum(k * n + n for k, n in self.layers.values())


def chain(name: str, widths: tuple[int, ...], loss: str) -> Network:
    """Dense layers one after the other, relu between them."""
    layers = {f"d{i}": pair for i, pair in enumerate(pairwise(widths))}
    last = len(layers) - 1
    nodes = [Node(f"d{i}", "dense", (f"d{i - 1}" if i else "x",), f"d{i}", i < last)
             for i in range(len(layers))]
    return Network(name, {"x": widths[0]}, layers, tuple(nodes), (f"d{last}",), loss)


def residual(name: str, depth: int, width: int) -> Network:
    """h = h + relu(dense(h)), `depth` times."""
    nodes, at = [], "x"
    for i in range(depth):
        nodes += [Node(f"d{i}", "dense", (at,), f"d{i}", True), Node(f"h{i}", "add", (at, f"d{i}"))]
        at = f"h{i}"
    layers = {f"d{i}": (width, width) for i in range(depth)}
    return Network(name, {"x": width}, layers, tuple(nodes), (at,), "mse")


def three_inputs(name: str) -> Network:
    """Two inputs through the same two layers, joined with a third; two outputs."""
    nodes = (
        Node("p1", "dense", ("a",), "s1", True), Node("p2", "dense", ("p1",), "s2", True),
        Node("q1", "dense", ("b",), "s1", True), Node("q2", "dense", ("q1",), "s2", True),
        Node("r1", "dense", ("c",), "r1", True),
        Node("sum", "add", ("p2", "q2")), Node("all", "concat", ("sum", "r1")),
        Node("mix", "dense", ("all",), "mix", True),
        Node("out1", "dense", ("mix",), "out1"), Node("out2", "dense", ("all",), "out2"),
    )
    layers = {"s1": (128, 128), "s2": (128, 64), "r1": (32, 64), "mix": (128, 64),
              "out1": (64, 10), "out2": (128, 4)}
    return Network(name, {"a": 128, "b": 128, "c": 32}, layers, nodes, ("out1", "out2"), "mse")


NETWORKS = {network.name: network for network in (
    chain("tiny", (8, 16, 16, 1), "mse"),
    chain("mlp784", (784, 64, 64, 10), "crossentropy"),
    chain("mlp512", (512, 512, 512, 512), "mse"),
    chain("mlp1024", (1024, 2048, 2048, 1000), "crossentropy"),
    three_inputs("dag"),
    residual("res256", 20, 256),
)}


def weights(network: Network, seed: int = 0) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """(kernel, bias) of each layer, float32, of a size that keeps activations near one."""
    rng = np.random.default_rng(seed)
    scale = 0.5 if network.name.startswith("res") else 2.0
    return {name: (rng.normal(0, np.sqrt(scale / k), (k, n)).astype(np.float32),
                   rng.normal(0, 0.1, n).astype(np.float32))
            for name, (k, n) in network.layers.items()}


def data(network: Network, batch: int, seed: int = 1) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Inputs (batch, width) in float32, and targets: class numbers (int32) or float32 arrays."""
    rng = np.random.default_rng(seed)
    inputs = [rng.normal(size=(batch, n)).astype(np.float32) for n in network.inputs.values()]
    widths = network.widths()
    if network.loss == "crossentropy":
        return inputs, [rng.integers(0, widths[network.outputs[0]], batch).astype(np.int32)]
    return inputs, [rng.normal(size=(batch, widths[name])).astype(np.float32)
                    for name in network.outputs]


def evaluate(network: Network, inputs, dense, add, concat) -> list:
    """The outputs, by a framework's own three functions: dense(x, layer, relu), add, concat."""
    values = dict(zip(network.inputs, inputs))
    for node in network.nodes:
        given = [values[name] for name in node.inputs]
        if node.kind == "dense":
            values[node.name] = dense(given[0], node.layer, node.relu)
        else:
            values[node.name] = (add if node.kind == "add" else concat)(given)
    return [values[name] for name in network.outputs]


def forward(network: Network, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """The outputs by NumPy in float64."""
    values = weights(network)

    def dense(x: np.ndarray, layer: str, relu: bool) -> np.ndarray:
        kernel, bias = (v.astype(np.float64) for v in values[layer])
        return np.maximum(x @ kernel + bias, 0) if relu else x @ kernel + bias

    wide = [x.astype(np.float64) for x in inputs]
    return evaluate(network, wide, dense, sum, lambda parts: np.concatenate(parts, 1))


def loss(network: Network, outputs: list[np.ndarray], targets: list[np.ndarray]) -> float:
    """The loss of the batch by NumPy."""
    if network.loss == "mse":
        return float(sum(np.mean((y - t) ** 2) for y, t in zip(outputs, targets)))
    (y,), (t,) = outputs, targets
    top = y.max(1)
    return float(np.mean(np.log(np.exp(y - top[:, None]).sum(1)) + top - y[np.arange(len(t)), t]))
