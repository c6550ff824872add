"""ONNX Runtime, inference only: `run` on arrays, and with inputs and outputs bound beforehand."""

from __future__ import annotations

from functools import partial

import numpy as np
import onnxruntime

from benchmarks import channels_first, networks
from benchmarks.cases import Case
from benchmarks.description import Network
from benchmarks.workers import Run, onnx_graph


class Worker:
    def __init__(self, cores: int):
        self.options = onnxruntime.SessionOptions()
        self.options.intra_op_num_threads = cores
        self.options.inter_op_num_threads = 1

    def versions(self) -> dict[str, str]:
        return {"onnxruntime": onnxruntime.__version__}

    def ways(self, case: Case) -> list[str]:
        return ["bound", "run"] if case.kind == "predict" and case.dtype == "float32" else []

    def build(self, case: Case, way: str) -> Run:
        network = case.spec()
        session = onnxruntime.InferenceSession(onnx_graph.make(network), self.options,
                                               providers=["CPUExecutionProvider"])
        inputs, _ = networks.data(network, case.batch)
        feed = {n: channels_first.array(network, x) for n, x in zip(network.inputs, inputs)}
        if way == "run":
            return Run(lambda: session.run(None, feed), partial(channels_first.last, network))
        return _bound(session, network, feed, case.batch)


def _bound(session, network: Network, feed: dict, batch: int) -> Run:
    binding, shapes = session.io_binding(), network.shapes()
    outputs = [np.empty((batch, *channels_first.shape(network, shapes[name])), np.float32)
               for name in network.outputs]
    for name, array in feed.items():
        binding.bind_cpu_input(name, array)
    for name, array in zip(network.outputs, outputs):
        binding.bind_output(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)

    def call():
        session.run_with_iobinding(binding)
        return outputs

    return Run(call, partial(channels_first.last, network))
