"""Steps that run by the interpreter, batch by batch: the oracle of the compiled ones."""

from __future__ import annotations

import numpy as np

from fncompile.autodiff import gradients
from fncompile.graph.eager import evaluate_trace
from fncompile.graph.tensor import Tensor
from fncompile.graph.trace import Trace, current_trace, placeholder
from fncompile.ir.types import TensorType
from fncompile.training.compile import objective_of


class InterpretedSteps:
    """`calls` records (what, number of rows, batch size) of each call."""

    def __init__(self, model):
        self.model = model
        self.calls = []
        self.plans = {}
        self.trains = bool(model.trainable_variables)

    def plan(self, verb, arrays, sources=None, parts=None):
        return PlanOf(self, verb, len(arrays[0]))

    def train(self, arrays, index, batch_size):
        self._run("train", arrays, index, batch_size)

    def evaluate(self, arrays, index, batch_size):
        self._run("evaluate", arrays, index, batch_size)

    def predict(self, arrays, batch_size):
        self.calls.append(("predict", len(arrays[0]), batch_size))
        return self._evaluated(False, arrays, lambda tensors: self.model.run_graph(tensors, False))

    def _run(self, what, arrays, index, batch_size):
        self.calls.append((what, len(index), batch_size))
        for start in range(0, len(index), batch_size):
            rows = [a[index[start : start + batch_size]] for a in arrays]
            self._evaluated(what == "train", rows, self._train if what == "train" else self._loss)

    def _evaluated(self, training, arrays, fn):
        trace = Trace(training)
        bound = {}
        with trace.active():
            tensors = []
            for k, a in enumerate(arrays):
                tensor = placeholder(f"arg{k}", TensorType(a.dtype.name, a.shape))
                bound[tensor.node] = a
                tensors.append(tensor)
            result = fn(tensors)
        trace.bound = bound
        return evaluate_trace(trace, result)

    def _loss(self, tensors):
        model, objective = self.model, objective_of(self.model)
        count = len(getattr(model, "inputs", None) or [0])
        outputs = model.run_graph(tensors[:count], current_trace().training)
        n = len(objective.targets)
        targets, weights = tensors[count : count + n], tensors[count + n :]
        y, w = [None] * len(outputs), [None] * len(outputs)
        for k, target in zip(objective.targets, targets, strict=True):
            y[k] = target
        for k, weight in zip(objective.targets, weights, strict=False):
            w[k] = weight
        return objective.trace(y, outputs, w, current_trace().losses)

    def _train(self, tensors):
        trace, model = current_trace(), self.model
        loss = self._loss(tensors)
        variables = model.trainable_variables
        grads = gradients(loss.node, [trace.read(v) for v in variables])
        model.optimizer.apply([Tensor(g) for g in grads], variables)
        return loss


class PlanOf:
    """A `training.CallPlan` of steps that have methods `train`, `evaluate` and `predict`."""

    sources = parts = None

    def __init__(self, steps, verb, rows):
        self.steps, self.verb, self.rows = steps, verb, rows

    def holds(self, model):
        return False

    def batch(self, arrays):
        rows = len(arrays[0])
        if self.verb == "predict":
            return self.predict(arrays, rows)
        return self.stretch(arrays, np.arange(rows), rows)

    def predict(self, arrays, batch_size):
        return self.steps.predict(arrays, batch_size)

    def stretch(self, arrays, index, batch_size):
        getattr(self.steps, self.verb)(arrays, index, batch_size)


def use_interpreter(model):
    """Let `model` run by the interpreter; gives its steps."""
    steps = InterpretedSteps(model)
    model.steps = lambda: steps
    return steps


def toy_data(rows=20, features=4, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, features)).astype("float32")
    return x, (x[:, :classes].argmax(1)).astype("int32")
