"""A network as an ONNX model, for ONNX Runtime and OpenVINO: channels come first."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from benchmarks import channels_first
from benchmarks.description import EPSILON, GATES, Layer, Network, Node, Shape, paddings


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


def _nodes(network: Network, node: Node, shapes: dict[str, Shape]) -> list[onnx.NodeProto]:
    if node.kind in GATES:
        return _recurrent(network, node)
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
    "add": ("Add", _none),
    "concat": ("Concat", lambda node, weights, x: {"axis": 1}),
    "max_pool": ("MaxPool", lambda node, weights, x: {
        "kernel_shape": [node.size] * 2, "strides": [node.stride] * 2}),
    "mean": ("GlobalAveragePool", _none),
    "flatten": ("Flatten", _none),
}


def _value(network: Network, name: str) -> onnx.ValueInfoProto:
    shape = ["batch", *channels_first.shape(network, network.shapes()[name])]
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _constants(network: Network) -> list[onnx.TensorProto]:
    found = {f"{layer}.{kind}": value for layer, group in channels_first.weights(network).items()
             for kind, value in _named(network.layers[layer], group)}
    found["first"] = np.array([0])  # the axis of directions
    return [numpy_helper.from_array(np.ascontiguousarray(value), name)
            for name, value in found.items()]


def _named(layer: Layer, group: list[np.ndarray]) -> Iterable[tuple[str, np.ndarray]]:
    if layer.kind not in GATES:
        return zip(layer.weights(), group)
    order = "iofc" if layer.kind == "lstm" else "zrh"
    kernel, recurrent, *biases = channels_first.by_gates(layer, group, order)
    return {"W": kernel[None], "R": recurrent[None], "B": np.concatenate(biases)[None]}.items()
