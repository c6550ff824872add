"""PyTorch: eager in inference mode, fused Adam; `torch.compile` where the case table says so."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks import networks
from benchmarks.cases import COMPILED, Case
from benchmarks.workers import BETA1, BETA2, EPSILON, TIMED_RATE, Run

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class Net(nn.Module):
    def __init__(self, network: networks.Network):
        super().__init__()
        self.network = network
        self.layers = nn.ModuleDict()
        for name, (kernel, bias) in networks.weights(network).items():
            layer = self.layers[name] = nn.Linear(*kernel.shape)
            layer.weight.data = torch.tensor(np.ascontiguousarray(kernel.T))
            layer.bias.data = torch.tensor(bias)

    def forward(self, *inputs):
        def dense(x, layer, relu):
            y = self.layers[layer](x)
            return functional.relu(y) if relu else y

        return networks.evaluate(self.network, inputs, dense, lambda ab: ab[0] + ab[1],
                                 lambda parts: torch.cat(parts, 1))


class Worker:
    def __init__(self, cores: int):
        torch.set_num_threads(cores)
        torch.set_num_interop_threads(1)

    def versions(self) -> dict[str, str]:
        return {"torch": torch.__version__}

    def ways(self, case: Case) -> list[str]:
        usual = case.cores == 1 and case.dtype == "float32"
        compiled = usual and (case.network, case.kind, case.batch) in COMPILED
        return ["eager", "compile"] if compiled else ["eager"]

    def build(self, case: Case, way: str) -> Run:
        network = case.spec()
        inputs, targets = ([torch.tensor(a) for a in group]
                           for group in networks.data(network, case.batch))
        net = Net(network)
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


def _predict(net: Net, inputs, _, dtype, way: str) -> Run:
    net = net.to(dtype).eval()
    inputs = [x.to(dtype) for x in inputs]
    function = torch.compile(net, dynamic=False) if way == "compile" else net

    def call():
        with torch.inference_mode():
            return function(*inputs)

    return Run(call, lambda outputs: [y.float() for y in outputs])


def _train(net: Net, inputs, targets, dtype, way: str) -> Run:
    adam = torch.optim.Adam(net.parameters(), TIMED_RATE, (BETA1, BETA2), EPSILON, fused=True)
    targets = [t.long() if t.dtype == torch.int32 else t for t in targets]
    mixed = dtype != torch.float32
    measure = functional.mse_loss if net.network.loss == "mse" else functional.cross_entropy

    def forward(*inputs):
        with torch.autocast("cpu", dtype, enabled=mixed):
            outputs = net(*inputs)
        return sum(measure(y.float(), t) for y, t in zip(outputs, targets))

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
