"""A network as an ONNX model, with its weights inside: for ONNX Runtime and OpenVINO."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from benchmarks import networks

OPERATORS = {"add": ("Add", {}), "concat": ("Concat", {"axis": 1})}


def make(network: networks.Network) -> bytes:
    """The serialized model; the batch is open."""
    widths = network.widths()
    graph = helper.make_graph(
        [node for n in network.nodes for node in _nodes(n)], network.name,
        [_value(name, widths) for name in network.inputs],
        [_value(name, widths) for name in network.outputs], _constants(network))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _nodes(node: networks.Node) -> list[onnx.NodeProto]:
    if node.kind != "dense":
        operator, attributes = OPERATORS[node.kind]
        return [helper.make_node(operator, node.inputs, [node.name], **attributes)]
    operands = [node.inputs[0], f"{node.layer}.kernel", f"{node.layer}.bias"]
    if not node.relu:
        return [helper.make_node("Gemm", operands, [node.name])]
    before = f"{node.name}.before"
    return [helper.make_node("Gemm", operands, [before]),
            helper.make_node("Relu", [before], [node.name])]


def _value(name: str, widths: dict[str, int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", widths[name]])


def _constants(network: networks.Network) -> list[onnx.TensorProto]:
    return [numpy_helper.from_array(np.ascontiguousarray(value), f"{layer}.{kind}")
            for layer, pair in networks.weights(network).items()
            for kind, value in zip(("kernel", "bias"), pair)]
