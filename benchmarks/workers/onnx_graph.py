"""A network as an ONNX model, for ONNX Runtime and OpenVINO: channels come first."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from benchmarks import channels_first
from benchmarks.description import (
    EPSILON,
    GATES,
    PROJECTIONS,
    RECURRENT,
    Layer,
    Network,
    Node,
    Shape,
    paddings,
)


def make(network: Network) -> bytes:
    """The serialized model; the batch is open."""
    shapes = network.shapes()
    graph = helper.make_graph(
        [made for node in network.nodes for made in _nodes(network, node, shapes)], network.name,
        [_value(network, name) for name in network.inputs],
        [_value(network, name) for name in network.outputs], _constants(network))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _recurrent(network: Network, node: Node) -> list[onnx.NodeProto]:
    """Steps first, and of the result the last step of the only direction."""
    weights = [f"{node.layer}.{kind}" for kind in ("W", "R", "B")]
    more = {"linear_before_reset": 1} if node.kind == "gru" else {}
    units, y = network.layers[node.layer].shape[1], node.name
    return [
        helper.make_node("Transpose", node.inputs, [f"{y}.steps"], perm=[1, 0, 2]),
        helper.make_node(node.kind.upper(), [f"{y}.steps", *weights], ["", f"{y}.last"],
                         hidden_size=units, **more),
        helper.make_node("Squeeze", [f"{y}.last", "first"], [y]),
    ]


def _lstm_step(network: Network, node: Node) -> list[onnx.NodeProto]:
    weights = [f"{node.layer}.{kind}" for kind in ("W", "R", "B")]
    (x, *state), y = node.inputs, node.name
    given = [f"{n}.given" for n in (x, *state)]
    made = [f"{y}.h", f"{y}.c"]
    return [
        *[helper.make_node("Unsqueeze", [n, "first"], [g]) for n, g in zip(node.inputs, given)],
        helper.make_node("LSTM", [given[0], *weights, "", *given[1:]],
                         ["", *[f"{n}.last" for n in made]],
                         hidden_size=network.layers[node.layer].shape[1]),
        *[helper.make_node("Squeeze", [f"{n}.last", "first"], [n]) for n in made],
        helper.make_node("Concat", made, [y], axis=1),
    ]


def _half(network: Network, node: Node) -> list[onnx.NodeProto]:
    return [helper.make_node("Split", node.inputs, [node.name, f"{node.name}.rest"], axis=1)]


def _attention(network: Network, node: Node) -> list[onnx.NodeProto]:
    """All projections as one product; then samples, heads, steps, columns."""
    y, layer = node.name, node.layer
    make = helper.make_node
    heads = [f"{y}.{n}" for n in PROJECTIONS]
    causal = node.padding == "causal"
    masked = [make("Add", [f"{y}.scaled", f"{layer}.mask"], [f"{y}.masked"])] if causal else []
    return [
        make("MatMul", [*node.inputs, f"{layer}.W"], [f"{y}.product"]),
        make("Add", [f"{y}.product", f"{layer}.B"], [f"{y}.all"]),
        make("Reshape", [f"{y}.all", f"{layer}.as_heads"], [f"{y}.apart"]),
        make("Transpose", [f"{y}.apart"], [f"{y}.turned"], perm=[2, 0, 3, 1, 4]),
        make("Split", [f"{y}.turned"], [f"{n}.one" for n in heads], axis=0),
        *[make("Squeeze", [f"{n}.one", "first"], [n]) for n in heads],
        make("Transpose", [heads[1]], [f"{y}.keys"], perm=[0, 1, 3, 2]),
        make("MatMul", [heads[0], f"{y}.keys"], [f"{y}.scores"]),
        make("Mul", [f"{y}.scores", f"{layer}.scale"], [f"{y}.scaled"]),
        *masked,
        make("Softmax", [f"{y}.masked" if causal else f"{y}.scaled"], [f"{y}.shares"], axis=-1),
        make("MatMul", [f"{y}.shares", heads[2]], [f"{y}.means"]),
        make("Transpose", [f"{y}.means"], [f"{y}.steps"], perm=[0, 2, 1, 3]),
        make("Reshape", [f"{y}.steps", f"{layer}.as_steps"], [f"{y}.together"]),
        make("MatMul", [f"{y}.together", f"{layer}.output"], [f"{y}.before"]),
        make("Add", [f"{y}.before", f"{layer}.output_bias"], [y]),
    ]


def _dense(network: Network, node: Node) -> list[onnx.NodeProto]:
    """Of each step."""
    y = node.name
    return [
        helper.make_node("MatMul", [*node.inputs, f"{node.layer}.kernel"], [f"{y}.product"]),
        helper.make_node("Add", [f"{y}.product", f"{node.layer}.bias"], [y]),
    ]


GELU = {"root": 2**0.5, "one": 1, "half": 0.5}


def _gelu(network: Network, node: Node) -> list[onnx.NodeProto]:
    (x,), y = node.inputs, node.name
    return [
        helper.make_node("Div", [x, "root"], [f"{y}.scaled"]),
        helper.make_node("Erf", [f"{y}.scaled"], [f"{y}.erf"]),
        helper.make_node("Add", [f"{y}.erf", "one"], [f"{y}.share"]),
        helper.make_node("Mul", [x, f"{y}.share"], [f"{y}.twice"]),
        helper.make_node("Mul", [f"{y}.twice", "half"], [y]),
    ]


def _embedding(network: Network, node: Node) -> list[onnx.NodeProto]:
    return [helper.make_node("Gather", [f"{node.layer}.table", *node.inputs], [node.name])]


# kinds that are several operators, or one with its weights before its input
MADE = {**dict.fromkeys(GATES, _recurrent), "attention": _attention, "gelu": _gelu,
        "embedding": _embedding, "lstm_step": _lstm_step, "half": _half}


def _nodes(network: Network, node: Node, shapes: dict[str, Shape]) -> list[onnx.NodeProto]:
    if node.kind in MADE:
        return MADE[node.kind](network, node)
    if node.kind == "dense" and len(shapes[node.name]) > 1:
        return _dense(network, node)
    operator, attributes = OPERATORS[node.kind]
    layer = network.layers.get(node.layer)
    weights = [f"{node.layer}.{kind}" for kind in layer.weights()] if layer else []
    given = attributes(node, layer.shape if layer else (), shapes[node.inputs[0]])
    made = f"{node.name}.before" if node.relu else node.name
    nodes = [helper.make_node(operator, [*node.inputs, *weights], [made], **given)]
    if node.relu:
        nodes.append(helper.make_node("Relu", [made], [node.name]))
    if node.kind == "mean":  # gives pixels of extent 1
        nodes[0].output[0] = f"{node.name}.wide"
        nodes.append(helper.make_node("Flatten", [f"{node.name}.wide"], [node.name]))
    return nodes


def _none(node: Node, weights: Shape, x: Shape) -> dict:
    return {}


def _convolution(node: Node, weights: Shape, x: Shape) -> dict:
    taps = weights[:-2]
    around = paddings(node, taps, x)
    return {"kernel_shape": taps, "strides": [node.stride] * len(taps),
            "dilations": [node.dilation] * len(taps),
            "group": x[-1] if node.kind == "depthwise" else 1,
            "pads": [low for low, _ in around] + [high for _, high in around]}


# kind -> operator, (node, shape of its weights, shape of its input) -> attributes
OPERATORS: dict[str, tuple[str, Callable[[Node, Shape, Shape], dict]]] = {
    "dense": ("Gemm", lambda node, weights, x: {"transB": 1}),
    "conv": ("Conv", _convolution),
    "depthwise": ("Conv", _convolution),
    "norm": ("BatchNormalization", lambda node, weights, x: {"epsilon": EPSILON}),
    "layer_norm": ("LayerNormalization", lambda node, weights, x: {"epsilon": EPSILON}),
    "add": ("Add", _none),
    "concat": ("Concat", lambda node, weights, x: {"axis": 1}),
    "max_pool": ("MaxPool", lambda node, weights, x: {
        "kernel_shape": [node.size] * 2, "strides": [node.stride] * 2}),
    "mean": ("GlobalAveragePool", _none),
    "flatten": ("Flatten", _none),
}


def _value(network: Network, name: str) -> onnx.ValueInfoProto:
    shape = ["batch", *channels_first.shape(network, network.shapes()[name])]
    number = TensorProto.INT32 if name in network.numbers() else TensorProto.FLOAT
    return helper.make_tensor_value_info(name, number, shape)


def _constants(network: Network) -> list[onnx.TensorProto]:
    found = {f"{layer}.{kind}": value for layer, group in channels_first.weights(network).items()
             for kind, value in _named(network.layers[layer], group)}
    kinds, shapes = {node.kind for node in network.nodes}, network.shapes()
    if not kinds.isdisjoint((*RECURRENT, "attention")):
        found["first"] = np.array([0])  # the axis of directions, or of projections
    if "gelu" in kinds:
        found |= {name: np.array(value, "f") for name, value in GELU.items()}
    for node in network.nodes:
        if node.kind == "attention" and node.padding == "causal":
            found[f"{node.layer}.mask"] = _causal(shapes[node.name][0])
        if node.kind == "dense" and len(shapes[node.name]) > 1:
            found[f"{node.layer}.kernel"] = found[f"{node.layer}.kernel"].T
    return [numpy_helper.from_array(np.ascontiguousarray(value), name)
            for name, value in found.items()]


def _causal(steps: int) -> np.ndarray:
    return np.where(np.tri(steps, dtype=bool), 0, -1e9).astype(np.float32)


def _of_attention(layer: Layer, group: list[np.ndarray]) -> dict[str, np.ndarray]:
    _, heads, size = layer.shape
    return {
        **dict(zip(("W", "B", "output", "output_bias"), channels_first.by_heads(group))),
        "scale": np.array(size**-0.5, "f"), "as_steps": np.array([0, 0, heads * size]),
        "as_heads": np.array([0, 0, len(PROJECTIONS), heads, size]),
    }


def _named(layer: Layer, group: list[np.ndarray]) -> Iterable[tuple[str, np.ndarray]]:
    if layer.kind == "attention":
        return _of_attention(layer, group).items()
    if layer.kind not in RECURRENT:
        return zip(layer.weights(), group)
    order = "zrh" if layer.kind == "gru" else "iofc"
    kernel, recurrent, *biases = channels_first.by_gates(layer, group, order)
    return {"W": kernel[None], "R": recurrent[None], "B": np.concatenate(biases)[None]}.items()
