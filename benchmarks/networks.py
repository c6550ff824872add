"""The networks, each described once; a worker builds its own from the description.

Weights and data come from NumPy's generator and a seed, so that all workers have the same.
`oracle.py` computes what is right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from math import prod

import numpy as np

from benchmarks.description import PROJECTIONS, Layer, Network, Node, Shape, Stack


def chain(name: str, widths: tuple[int, ...], loss: str) -> Network:
    """Dense layers one after the other, relu between them."""
    layers = {f"d{i}": Layer("dense", pair) for i, pair in enumerate(pairwise(widths))}
    last = len(layers) - 1
    nodes = [Node(f"d{i}", "dense", (f"d{i - 1}" if i else "x",), f"d{i}", i < last)
             for i in range(len(layers))]
    return Network(name, {"x": widths[:1]}, layers, tuple(nodes), (f"d{last}",), loss)


def residual(name: str, depth: int, width: int) -> Network:
    """h = h + relu(dense(h)), `depth` times."""
    nodes, at = [], "x"
    for i in range(depth):
        nodes += [Node(f"d{i}", "dense", (at,), f"d{i}", True), Node(f"h{i}", "add", (at, f"d{i}"))]
        at = f"h{i}"
    layers = {f"d{i}": Layer("dense", (width, width)) for i in range(depth)}
    return Network(name, {"x": (width,)}, layers, tuple(nodes), (at,), "mse")


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
    shapes = {"s1": (128, 128), "s2": (128, 64), "r1": (32, 64), "mix": (128, 64),
              "out1": (64, 10), "out2": (128, 4)}
    layers = {layer: Layer("dense", shape) for layer, shape in shapes.items()}
    inputs = {"a": (128,), "b": (128,), "c": (32,)}
    return Network(name, inputs, layers, nodes, ("out1", "out2"), "mse")


def lenet(name: str) -> Network:
    """Two convolutions with pools, and a dense layer, on digits."""
    made = Stack(name, {"x": (28, 28, 1)}, "crossentropy")
    for inputs, filters in ((1, 32), (32, 64)):
        made.weigh("conv", (3, 3, inputs, filters), relu=True)
        made.put("max_pool", size=2, stride=2)
    made.put("flatten")
    made.weigh("dense", (1600, 10))
    return made.network()


def _normed(made: Stack, kind: str, shape: Shape, at: str = "", relu: bool = True,
            stride: int = 1) -> str:
    """A convolution without a bias, and its normalisation."""
    made.weigh(kind, shape, at, bias=False, stride=stride, padding="same")
    channels = shape[-2] if kind == "depthwise" else shape[-1]
    return made.weigh("norm", (channels,), relu=relu)


def resnet20(name: str) -> Network:
    """Three stages of three blocks on CIFAR's images, with projections where a block changes the
    shape."""
    made = Stack(name, {"x": (32, 32, 3)}, "crossentropy")
    at, before = _normed(made, "conv", (3, 3, 3, 16)), 16
    for filters in (16, 32, 64):
        for block in range(3):
            stride = 2 if filters != before and block == 0 else 1
            _normed(made, "conv", (3, 3, before, filters), at, stride=stride)
            new = _normed(made, "conv", (3, 3, filters, filters), relu=False)
            if filters != before:
                at = _normed(made, "conv", (1, 1, before, filters), at, False, stride)
            at, before = made.put("add", (new, at), relu=True), filters
    made.put("mean")
    made.weigh("dense", (64, 10))
    return made.network()


def mobilenet(name: str) -> Network:
    """A convolution and six separable blocks on small images."""
    made = Stack(name, {"x": (32, 32, 3)}, "crossentropy")
    _normed(made, "conv", (3, 3, 3, 32))
    before = 32
    for filters, stride in ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (256, 1)):
        _normed(made, "depthwise", (3, 3, before, 1), stride=stride)
        _normed(made, "conv", (1, 1, before, filters))
        before = filters
    made.put("mean")
    made.weigh("dense", (256, 10))
    return made.network()


def causal(name: str, depth: int, filters: int, samples: int) -> Network:
    """Convolutions of three taps along time, twice as far apart each time; one value a sample."""
    made, before = Stack(name, {"x": (samples, 1)}, "mse"), 1
    for i in range(depth):
        made.weigh("conv", (3, before, filters), relu=True, dilation=2**i, padding="causal")
        before = filters
    made.weigh("conv", (1, before, 1))
    return made.network()


def recurrent(name: str, kind: str, units: int) -> Network:
    """One recurrent layer over 100 steps of 40 numbers, and what is decided of its last step."""
    made = Stack(name, {"x": (100, 40)}, "crossentropy")
    made.weigh(kind, (40, units))
    made.weigh("dense", (units, 10))
    return made.network()


def streamed(name: str, units: int) -> Network:
    """One step of an LSTM on one number, which takes its state and gives the next; and one number
    made of it, as amplifiers have a sample."""
    made = Stack(name, {"x": (1,), "h": (units,), "c": (units,)}, "mse")
    state = made.weigh("lstm_step", (1, units), "x")
    made.nodes[-1] = replace(made.nodes[-1], inputs=("x", "h", "c"))
    made.put("half")
    made.weigh("dense", (units, 1))
    return replace(made.network(), outputs=(made.top, state))


def _block(made: Stack, width: int, heads: int, padding: str = "valid") -> str:
    """A block of a transformer: attention and two dense layers, what goes in added, normalised."""
    at = made.top
    made.weigh("attention", (width, heads, width // heads), at, padding=padding)
    made.put("add", (at, made.top))
    at = made.weigh("layer_norm", (width,))
    made.weigh("dense", (width, 4 * width))
    made.put("gelu")
    made.weigh("dense", (4 * width, width))
    made.put("add", (at, made.top))
    return made.weigh("layer_norm", (width,))


def encoder(name: str, steps: int, width: int, heads: int) -> Network:
    """One block on sequences."""
    made = Stack(name, {"x": (steps, width)}, "mse")
    _block(made, width, heads)
    return made.network()


def language_model(name: str, blocks: int, steps: int, width: int, heads: int,
                   words: int) -> Network:
    """Numbers of words and of their places through causal blocks; logits of each next word."""
    made = Stack(name, {"words": (steps,), "places": (steps,)}, "crossentropy")
    parts = [made.weigh("embedding", (rows, width), at)
             for at, rows in (("words", words), ("places", steps))]
    made.put("add", (parts[0], parts[1]))
    for _ in range(blocks):
        _block(made, width, heads, "causal")
    made.weigh("dense", (width, words))
    return made.network()


NETWORKS: dict[str, Network] = {network.name: network for network in (
    chain("tiny", (8, 16, 16, 1), "mse"),
    chain("mlp784", (784, 64, 64, 10), "crossentropy"),
    chain("mlp512", (512, 512, 512, 512), "mse"),
    chain("mlp1024", (1024, 2048, 2048, 1000), "crossentropy"),
    three_inputs("dag"),
    residual("res256", 20, 256),
    lenet("lenet"),
    resnet20("resnet20"),
    mobilenet("mobilenet"),
    causal("tcn", 8, 16, 512),
    recurrent("lstm128", "lstm", 128),
    recurrent("gru64", "gru", 64),
    streamed("lstm16_step", 16),
    encoder("encoder128", 64, 128, 4),
    encoder("encoder256", 128, 256, 8),
    language_model("gpt", 4, 64, 128, 4, 256),
)}


def weights(network: Network, seed: int = 0) -> dict[str, list[np.ndarray]]:
    """Those of each layer as arrays of float32, of a size that keeps activations near one."""
    rng = np.random.default_rng(seed)
    scale = 0.5 if network.name == "res256" else 2.0
    return {name: [_drawn(rng, scale, kind, shape) for kind, shape in layer.weights().items()]
            for name, layer in network.layers.items()}


def _drawn(rng: np.random.Generator, scale: float, kind: str, shape: Shape) -> np.ndarray:
    if kind in PROJECTIONS:
        return rng.normal(0, np.sqrt(1 / shape[0]), shape).astype(np.float32)
    if kind in ("kernel", "recurrent", "output"):
        inputs = prod(shape[:-1]) if shape[-1] != 1 or len(shape) == 2 else prod(shape[:-2])
        return rng.normal(0, np.sqrt(scale / inputs), shape).astype(np.float32)
    around = 1.0 if kind in ("gamma", "variance") else 0.0
    return (around + rng.normal(0, 0.1, shape)).astype(np.float32)


def data(network: Network, batch: int, seed: int = 1) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Inputs in float32, or numbers of rows (int32); targets: class numbers (int32) or float32
    arrays."""
    rng, numbers, shapes = np.random.default_rng(seed), network.numbers(), network.shapes()
    inputs = [rng.integers(0, numbers[name], (batch, *n)).astype(np.int32) if name in numbers
              else rng.normal(size=(batch, *n)).astype(np.float32)
              for name, n in network.inputs.items()]
    if network.loss == "crossentropy":
        *steps, classes = shapes[network.outputs[0]]
        return inputs, [rng.integers(0, classes, (batch, *steps)).astype(np.int32)]
    return inputs, [rng.normal(size=(batch, *shapes[name])).astype(np.float32)
                    for name in network.outputs]


def evaluate(network: Network, inputs, functions: Mapping[str, Callable]) -> list:
    """The outputs, by a framework's own functions: of each kind, (node, values) -> value."""
    values = dict(zip(network.inputs, inputs))
    for node in network.nodes:
        values[node.name] = functions[node.kind](node, *[values[name] for name in node.inputs])
    return [values[name] for name in network.outputs]
