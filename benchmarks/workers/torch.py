"""PyTorch: eager in inference mode, fused Adam, images by channels and by pixels; `torch.compile`
where the case table says so."""

from __future__ import annotations

from operator import attrgetter

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks import channels_first, networks
from benchmarks.cases import COMPILED, Case
from benchmarks.description import EPSILON as NORM_EPSILON
from benchmarks.description import GATES, MOMENTUM, RECURRENT, Layer, Network, Node, paddings
from benchmarks.workers import BETA1, BETA2, EPSILON, TIMED_RATE, Run

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
LAYER = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
CELL = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
ATTENTION = ("into.weight", "into.bias", "out.weight", "out.bias")
WEIGHTS = ("weight", "bias", "running_mean", "running_var")


class Net(nn.Module):
    def __init__(self, network: Network):
        super().__init__()
        self.network, self.around = network, {}
        self.functions = {
            "dense": self.weighed, "norm": self.weighed, "conv": self.convolution,
            "depthwise": self.convolution, "add": lambda node, a, b: activated(node, a + b),
            "concat": lambda node, *parts: torch.cat(parts, 1),
            "max_pool": lambda node, x: functional.max_pool2d(x, node.size, node.stride),
            "mean": lambda node, x: x.mean((2, 3)), "flatten": lambda node, x: x.flatten(1),
            "lstm": self.recurrent, "gru": self.recurrent,
            **dict.fromkeys(("attention", "layer_norm", "embedding"), self.weighed),
            "gelu": lambda node, x: functional.gelu(x),
            "lstm_step": lambda node, x, h, c: torch.cat(self.layers[node.layer](x, (h, c)), 1),
            "half": lambda node, x: x[:, : x.shape[1] // 2],
        }
        self.layers = nn.ModuleDict()
        weights, shapes = channels_first.weights(network), network.shapes()
        for node in (n for n in network.nodes if n.layer):
            if node.kind in ("conv", "depthwise"):
                taps = network.layers[node.layer].shape
                self.around[node.layer] = paddings(node, taps, shapes[node.inputs[0]])
            layer = self.made(node, network.layers[node.layer])
            self.layers[node.layer] = layer
            names, values = WEIGHTS, weights[node.layer]
            if node.kind in RECURRENT:
                order = "rzh" if node.kind == "gru" else "ifco"
                values = channels_first.by_gates(network.layers[node.layer], values, order)
                names = LAYER if node.kind in GATES else CELL
            if node.kind == "attention":
                names, values = ATTENTION, _side_by_side(values)
            for name, value in zip(names, values):
                attrgetter(name)(layer).data = torch.tensor(value)

    def made(self, node: Node, layer: Layer) -> nn.Module:
        """Padding that is the same before and behind is the convolution's own."""
        if layer.kind == "dense":
            return nn.Linear(*layer.shape)
        if layer.kind in GATES:
            make = nn.LSTM if layer.kind == "lstm" else nn.GRU
            return make(*layer.shape, batch_first=True)
        if layer.kind == "lstm_step":
            return nn.LSTMCell(*layer.shape)
        if layer.kind == "attention":
            return Attention(*layer.shape, node.padding == "causal")
        if layer.kind == "layer_norm":
            return nn.LayerNorm(layer.shape, NORM_EPSILON)
        if layer.kind == "embedding":
            return nn.Embedding(*layer.shape)
        if layer.kind == "norm":
            return nn.BatchNorm2d(layer.shape[0], eps=NORM_EPSILON, momentum=1 - MOMENTUM)
        *taps, inputs, filters = layer.shape
        groups = inputs if layer.kind == "depthwise" else 1
        own = [0] * len(taps)
        if all(low == high for low, high in self.around[node.layer]):
            own = [low for low, _ in self.around.pop(node.layer)]
        make = nn.Conv1d if len(taps) == 1 else nn.Conv2d
        return make(inputs, filters * groups, taps, node.stride, own, node.dilation, groups,
                    layer.bias)

    def recurrent(self, node: Node, x):
        return self.layers[node.layer](x)[0][:, -1]

    def weighed(self, node: Node, x):
        return activated(node, self.layers[node.layer](x))

    def convolution(self, node: Node, x):
        if node.layer in self.around:
            x = functional.pad(x, [n for pair in reversed(self.around[node.layer]) for n in pair])
        return self.weighed(node, x)

    def forward(self, *inputs):
        return networks.evaluate(self.network, inputs, self.functions)


class Attention(nn.Module):
    """Of several heads; projections of queries, keys and values are one product."""

    def __init__(self, width: int, heads: int, size: int, causal: bool):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.into, self.out = nn.Linear(width, 3 * heads * size), nn.Linear(heads * size, width)

    def forward(self, x):
        parts = self.into(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        y = functional.scaled_dot_product_attention(*parts, is_causal=self.causal)
        return self.out(y.transpose(1, 2).flatten(2))


def _side_by_side(values: list[np.ndarray]) -> list[np.ndarray]:
    """Weights and biases of the two layers of Attention, (units, inputs)."""
    into, biases, out, bias = channels_first.by_heads(values)
    return [np.ascontiguousarray(into.T), biases, out.T, bias]


def activated(node: Node, y):
    return functional.relu(y) if node.relu else y


class Worker:
    def __init__(self, cores: int):
        torch.set_num_threads(cores)
        torch.set_num_interop_threads(1)

    def versions(self) -> dict[str, str]:
        return {"torch": torch.__version__}

    def ways(self, case: Case) -> list[str]:
        usual = case.cores == 1 and case.dtype == "float32"
        compiled = usual and (case.network, case.kind, case.batch) in COMPILED
        last = ["channels_last"] if _rank(case.spec()) == 4 else []
        return ["eager", *last, "compile"] if compiled else ["eager", *last]

    def build(self, case: Case, way: str) -> Run:
        network = case.spec()
        inputs, targets = networks.data(network, case.batch)
        inputs = [torch.tensor(channels_first.array(network, x)) for x in inputs]
        targets = [torch.tensor(t) for t in targets]
        net = Net(network)
        if _rank(network) == 4 and way != "eager":
            inputs = [x.to(memory_format=torch.channels_last) for x in inputs]
            net = net.to(memory_format=torch.channels_last)
        make = _predict if case.kind == "predict" else _train
        return make(net, inputs, targets, DTYPES[case.dtype], way)

    def end_to_end(self, x: np.ndarray, y: np.ndarray, epochs: int, batch: int):
        """The loop of the tutorials: a permutation, slices, zero_grad, backward, step."""
        net = Net(networks.NETWORKS["mlp784"])
        adam = torch.optim.Adam(net.parameters(), 1e-3, fused=True)
        images, labels = torch.from_numpy(x), torch.from_numpy(y).long()
        for _ in range(epochs):
            order = torch.randperm(len(images))
            for at in range(0, len(images), batch):
                rows = order[at : at + batch]
                adam.zero_grad()
                functional.cross_entropy(net(images[rows])[0], labels[rows]).backward()
                adam.step()

        @torch.inference_mode()
        def loss() -> float:
            return functional.cross_entropy(net(images)[0], labels).item()

        return loss


def _rank(network: Network) -> int:
    """Axes of the first input, the batch among them."""
    return 1 + len(next(iter(network.inputs.values())))


def _channels_last(network: Network, y):
    return y if network.of_sequences else y.movedim(1, -1)


def _predict(net: Net, inputs, _, dtype, way: str) -> Run:
    net = net.to(dtype).eval()
    inputs = [x if x.dtype == torch.int32 else x.to(dtype) for x in inputs]
    function = torch.compile(net, dynamic=False) if way == "compile" else net

    def call():
        with torch.inference_mode():
            return function(*inputs)

    return Run(call, lambda outputs: [_channels_last(net.network, y.float()) for y in outputs])


def _train(net: Net, inputs, targets, dtype, way: str) -> Run:
    adam = torch.optim.Adam(net.parameters(), TIMED_RATE, (BETA1, BETA2), EPSILON, fused=True)
    targets = [t.long().flatten() if t.dtype == torch.int32 else t for t in targets]
    mixed = dtype != torch.float32
    of_classes = net.network.loss == "crossentropy"

    def measure(y, t):
        y = _channels_last(net.network, y.float())
        if of_classes:
            return functional.cross_entropy(y.flatten(0, -2), t)
        return functional.mse_loss(y, t)

    def forward(*inputs):
        with torch.autocast("cpu", dtype, enabled=mixed):
            outputs = net(*inputs)
        return sum(measure(y, t) for y, t in zip(outputs, targets))

    function = torch.compile(forward, dynamic=False) if way == "compile" else forward

    def call():
        adam.zero_grad()
        loss = function(*inputs)
        loss.backward()
        adam.step()
        return loss.detach()

    def rate(value: float) -> None:
        adam.param_groups[0]["lr"] = value

    return Run(call, rate=rate)
