"""fncompile: from Python, and the exported library from C.

Inference: model(x), a bound call, C. A step: train_on_batch; what `fit` runs, a stretch of steps a
call; C.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np

import fncompile
from benchmarks import networks
from benchmarks.cases import Case, stretch
from benchmarks.description import Network
from benchmarks.native import Native
from benchmarks.workers import CHECK_RATE, CHECK_STEPS, Run
from benchmarks.workers.functional import compile_model, model_of

WAYS = {"predict": ["call", "bind", "C"], "train": ["train_on_batch", "fit", "C"]}
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


class Worker:
    def __init__(self, cores: int):
        os.environ["FNC_THREADS"] = str(cores)
        self.folder = tempfile.TemporaryDirectory()
        self.natives: dict[tuple[str, str], Native] = {}

    def versions(self) -> dict[str, str]:
        return {"fncompile": fncompile.__version__, "numpy": np.__version__}

    def ways(self, case: Case) -> list[str]:
        return WAYS[case.kind]

    def build(self, case: Case, way: str) -> Run:
        if way == "C":
            return self._native(case)
        network = case.spec()
        inputs, targets = networks.data(network, case.batch)
        model = _model(network, case)
        if way == "fit":
            return _stretch(model, inputs, targets, stretch(case))
        make = {"call": _call, "bind": _bind, "train_on_batch": _step}[way]
        return make(model, inputs, targets)

    def _native(self, case: Case) -> Run:
        native = self._exported(case)
        if case.kind == "predict":
            return Run(lambda: native.results(case), seconds=lambda s: native.seconds(case, s))
        return Run(lambda: None, losses=lambda: native.results(case)[0],
                   seconds=lambda s: native.seconds(case, s))

    def _exported(self, case: Case) -> Native:
        key = (case.network, case.dtype)
        if key not in self.natives:
            directory = Path(self.folder.name) / "_".join(key)
            model = _model(case.spec(), Case(case.network, "train", 1, case.dtype))
            self.natives[key] = Native(model, case.spec(), directory)
        return self.natives[key]

    def end_to_end(self, x: np.ndarray, y: np.ndarray, epochs: int, batch: int):
        network = networks.NETWORKS["mlp784"]
        model = model_of(fncompile, network)
        compile_model(fncompile, model, network, rate=1e-3)
        model.fit(x, y, batch_size=batch, epochs=epochs, verbose=0)
        return lambda: float(model.evaluate(x, y, batch_size=1000, verbose=0))


def _model(network: Network, case: Case):
    fncompile.config.set_dtype_policy(POLICIES[case.dtype])
    try:
        model = model_of(fncompile, network)
    finally:
        fncompile.config.set_dtype_policy("float32")
    if case.kind == "train":
        compile_model(fncompile, model, network, CHECK_RATE)
    return model


def _call(model, inputs, _) -> Run:
    given = inputs if len(inputs) > 1 else inputs[0]
    return Run(lambda: model(given), _listed)


def _bind(model, inputs, _) -> Run:
    return Run(model.bind(inputs if len(inputs) > 1 else inputs[0]), _listed)


def _listed(outputs) -> list:
    return outputs if isinstance(outputs, list) else [outputs]


def _step(model, inputs, targets) -> Run:
    wanted = targets if len(targets) > 1 else targets[0]

    def call():
        logs = model.train_on_batch(inputs, wanted)
        return logs[0] if isinstance(logs, list) else logs

    return Run(call, rate=model.optimizer.learning_rate.assign)


def _stretch(model, inputs, targets, count: int) -> Run:
    """What `fit` does between two looks at the clock: `count` steps, rows gathered, in C."""
    arrays, rows = [*inputs, *targets], np.arange(len(inputs[0]))
    index, plan = np.tile(rows, count), model.steps().plan("train", arrays)

    def losses():
        return [_step(model, inputs, targets).call() for _ in range(CHECK_STEPS)]

    return Run(lambda: plan.stretch(arrays, index, len(rows)), steps=count, losses=losses,
               rate=model.optimizer.learning_rate.assign)
