"""OpenVINO, inference only: compiled for the batch, one stream, inputs bound beforehand."""

from __future__ import annotations

from functools import partial

import numpy as np
import openvino

from benchmarks import channels_first, networks
from benchmarks.cases import Case
from benchmarks.workers import Run, onnx_graph

PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}


class Worker:
    def __init__(self, cores: int):
        self.cores = cores
        self.core = openvino.Core()

    def versions(self) -> dict[str, str]:
        return {"openvino": openvino.__version__}

    def ways(self, case: Case) -> list[str]:
        known = self.core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        good = case.kind == "predict" and (case.dtype == "float32" or "BF16" in known)
        return ["bound"] if good else []

    def build(self, case: Case, way: str) -> Run:
        network = case.spec()
        model = self.core.read_model(onnx_graph.make(network), b"")
        model.reshape({name: [case.batch, *channels_first.shape(network, shape)]
                       for name, shape in network.inputs.items()})
        compiled = self.core.compile_model(model, "CPU", {
            "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1",
            "INFERENCE_NUM_THREADS": str(self.cores), "ENABLE_CPU_PINNING": "NO",
            "INFERENCE_PRECISION_HINT": PRECISIONS[case.dtype]})
        request = compiled.create_infer_request()
        inputs, _ = networks.data(network, case.batch)
        arrays = [channels_first.array(network, x) for x in inputs]
        tensors = [openvino.Tensor(array, shared_memory=True) for array in arrays]
        for name, tensor in zip(network.inputs, tensors):
            request.set_tensor(name, tensor)
        outputs = [request.get_tensor(compiled.output(name)) for name in network.outputs]

        def call():
            request.infer()
            return tensors and [np.asarray(output.data) for output in outputs]

        return Run(call, partial(channels_first.last, network))
