"""Keras on TensorFlow: model(x), predict_on_batch and train_on_batch, compiled as Keras chooses."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow

from benchmarks import networks
from benchmarks.cases import Case
from benchmarks.description import Network
from benchmarks.workers import CHECK_STEPS, Run
from benchmarks.workers.functional import compile_model, model_of

POLICIES = {("float32", "predict"): "float32", ("float32", "train"): "float32",
            ("bfloat16", "predict"): "bfloat16", ("bfloat16", "train"): "mixed_bfloat16"}


class Worker:
    def __init__(self, cores: int):
        tensorflow.config.threading.set_intra_op_parallelism_threads(cores)
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)

    def versions(self) -> dict[str, str]:
        return {"keras": keras.__version__, "tensorflow": tensorflow.__version__}

    def ways(self, case: Case) -> list[str]:
        return ["call", "predict_on_batch"] if case.kind == "predict" else ["train_on_batch"]

    def build(self, case: Case, way: str) -> Run:
        network = case.spec()
        keras.config.set_dtype_policy(POLICIES[case.dtype, case.kind])
        model = model_of(keras, network)
        keras.config.set_dtype_policy("float32")
        inputs, targets = networks.data(network, case.batch)
        if case.kind == "train":
            return _train(model, network, inputs, targets)
        given = inputs if len(inputs) > 1 else inputs[0]
        if way == "predict_on_batch":
            return Run(lambda: model.predict_on_batch(given), _listed)
        tensors = [tensorflow.constant(x) for x in inputs]
        given_tensors = tensors if len(tensors) > 1 else tensors[0]
        return Run(lambda: model(given_tensors), _listed)

    def end_to_end(self, x: np.ndarray, y: np.ndarray, epochs: int, batch: int):
        network = networks.NETWORKS["mlp784"]
        model = model_of(keras, network)
        compile_model(keras, model, network, rate=1e-3)
        model.fit(x, y, batch_size=batch, epochs=epochs, verbose=0)
        return lambda: float(model.evaluate(x, y, batch_size=1000, verbose=0))


def _listed(outputs) -> list:
    return outputs if isinstance(outputs, list) else [outputs]


def _train(model, network: Network, inputs, targets) -> Run:
    compile_model(keras, model, network)

    wanted = targets if len(targets) > 1 else targets[0]

    def call():
        logs = model.train_on_batch(inputs, wanted)
        return logs[0] if isinstance(logs, list) else logs

    def losses():
        """Keras gives the mean since the last reset."""
        return [model.reset_metrics() or call() for _ in range(CHECK_STEPS)]

    return Run(call, rate=model.optimizer.learning_rate.assign, losses=losses)
