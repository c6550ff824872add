"""How a network is described: nodes over named tensors, and the weights that they name.

Tensors have channels last; the batch, which comes first, is not in their shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

Shape = tuple[int, ...]
GATES = {"lstm": 4, "gru": 3}  # of recurrent layers, in the order of Keras
RECURRENT = (*GATES, "lstm_step")  # kinds whose weights are of gates
OF_SEQUENCES = {*RECURRENT, "attention", "embedding"}
PROJECTIONS = ("query", "key", "value")
EPSILON, MOMENTUM = 1e-3, 0.99  # of normalisations: statistics keep so much of what they were


@dataclass(frozen=True)
class Node:
    """One operation. `layer` names its weights; `size` is that of a pool's windows."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    layer: str = ""
    relu: bool = False
    size: int = 1
    stride: int = 1
    dilation: int = 1
    padding: str = "valid"  # same (as TensorFlow has it) or causal, of an attention too


@dataclass(frozen=True)
class Layer:
    """Weights. Of a `dense` layer `shape` is (inputs, units), of a `conv` (taps, inputs, filters),
    of a `depthwise` (taps, channels, 1), of a `norm` or `layer_norm` (channels,), of
    recurrent ones (inputs, units), of an `attention` (width, heads, width of a head), of an
    `embedding` (rows, width)."""

    kind: str
    shape: Shape
    bias: bool = True

    def weights(self) -> dict[str, Shape]:
        """The shape of each, in the order of Keras."""
        if self.kind == "norm":
            return dict.fromkeys(("gamma", "beta", "mean", "variance"), self.shape)
        if self.kind == "layer_norm":
            return dict.fromkeys(("gamma", "beta"), self.shape)
        if self.kind == "embedding":
            return {"table": self.shape}
        if self.kind == "attention":
            width, *heads = self.shape
            of_each = [(f"{n}{end}", shape) for n in PROJECTIONS
                       for end, shape in (("", self.shape), ("_bias", tuple(heads)))]
            return {**dict(of_each), "output": (*heads, width), "output_bias": (width,)}
        if self.kind == "lstm_step":
            return Layer("lstm", self.shape).weights()
        if self.kind in GATES:
            inputs, units = self.shape
            wide = GATES[self.kind] * units
            bias = (wide,) if self.kind == "lstm" else (2, wide)  # a gru's: before and after reset
            return {"kernel": (inputs, wide), "recurrent": (units, wide), "bias": bias}
        return {"kernel": self.shape, **({"bias": self.shape[-1:]} if self.bias else {})}

    def trained(self) -> int:
        """How many weights are trained."""
        return 2 * self.shape[0] if self.kind == "norm" else sum(map(prod, self.weights().values()))


@dataclass(frozen=True)
class Network:
    """`loss` is mse (mean over all outputs' elements, outputs added) or crossentropy of logits, of
    each step where the output has steps."""

    name: str
    inputs: dict[str, Shape]
    layers: dict[str, Layer]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    loss: str

    @property
    def of_sequences(self) -> bool:
        """Are its tensors sequences that no framework wants in another order?"""
        return any(node.kind in OF_SEQUENCES for node in self.nodes)

    def numbers(self) -> dict[str, int]:
        """Inputs that are numbers of rows of a table, int32: how many rows it has."""
        return {node.inputs[0]: self.layers[node.layer].shape[0] for node in self.nodes
                if node.kind == "embedding"}

    def shapes(self) -> dict[str, Shape]:
        """The shape of every tensor, without the batch."""
        shapes = dict(self.inputs)
        for node in self.nodes:
            weights = self.layers[node.layer].shape if node.layer else ()
            shapes[node.name] = KINDS[node.kind](node, weights, *[shapes[n] for n in node.inputs])
        return shapes

    def widths(self) -> dict[str, int]:
        """The elements of every tensor in a sample."""
        return {name: prod(shape) for name, shape in self.shapes().items()}

    def parameters(self) -> int:
        return sum(layer.trained() for layer in self.layers.values())


def extent(node: Node, size: int, axis: int) -> int:
    """Of the result along a windowed axis of so many elements."""
    if node.padding != "valid":
        return -(-axis // node.stride)
    return (axis - (size - 1) * node.dilation - 1) // node.stride + 1


def padding(node: Node, size: int, axis: int) -> tuple[int, int]:
    """Zeros before and behind an axis."""
    if node.padding == "valid":
        return 0, 0
    if node.padding == "causal":
        return (size - 1) * node.dilation, 0
    around = (extent(node, size, axis) - 1) * node.stride + (size - 1) * node.dilation + 1 - axis
    return max(around, 0) // 2, max(around, 0) - max(around, 0) // 2


def paddings(node: Node, taps: Shape, x: Shape) -> list[tuple[int, int]]:
    """Of each windowed axis; `x` is the shape of a sample."""
    return [padding(node, size, axis) for size, axis in zip(taps, x[:-1])]


def seen(node: Node, weights: Shape, x: Shape) -> Shape:
    return tuple(extent(node, size, axis) for size, axis in zip(weights, x[:-1]))


def joined(node: Node, weights: Shape, *shapes: Shape) -> Shape:
    return (*shapes[0][:-1], sum(shape[-1] for shape in shapes))


# kind -> (node, shape of its weights, shapes of its inputs) -> shape of the result
KINDS: Mapping[str, Callable[..., Shape]] = {
    "dense": lambda node, weights, x: (*x[:-1], weights[-1]),
    "conv": lambda node, weights, x: (*seen(node, weights, x), weights[-1]),
    "depthwise": lambda node, weights, x: (*seen(node, weights, x), x[-1]),
    "norm": lambda node, weights, x, *others: x,
    "add": lambda node, weights, x, *others: x,
    "concat": joined,
    "max_pool": lambda node, weights, x: (*seen(node, (node.size,) * len(x), x), x[-1]),
    "mean": lambda node, weights, x: x[-1:],
    "flatten": lambda node, weights, x: (prod(x),),
    **dict.fromkeys(GATES, lambda node, weights, x: weights[-1:]),  # the last step's
    **dict.fromkeys(("attention", "layer_norm", "gelu"), lambda node, weights, x: x),
    "embedding": lambda node, weights, x: (*x, weights[-1]),
    "lstm_step": lambda node, weights, x, h, c: (2 * weights[-1],),  # new h, c side by side
    "half": lambda node, weights, x: (x[-1] // 2,),  # the first
}


@dataclass
class Stack:
    """A network that is made node by node, each by default on the one before."""

    name: str
    inputs: dict[str, Shape]
    loss: str
    layers: dict[str, Layer] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)

    @property
    def top(self) -> str:
        return self.nodes[-1].name if self.nodes else next(iter(self.inputs))

    def network(self) -> Network:
        return Network(
            self.name, self.inputs, self.layers, tuple(self.nodes), (self.top,), self.loss)

    def put(self, kind: str, inputs: tuple[str, ...] = (), **node: Any) -> str:
        """The name of the new node: its kind and number."""
        name = f"{kind}{len(self.nodes)}"
        self.nodes.append(Node(name, kind, inputs or (self.top,), **node))
        return name

    def weigh(self, kind: str, shape: Shape, at: str = "", bias: bool = True, **node: Any) -> str:
        """A node with a layer of its own, of its name."""
        name = f"{kind}{len(self.nodes)}"
        self.layers[name] = Layer(kind, shape, bias)
        return self.put(kind, (at or self.top,), layer=name, **node)
