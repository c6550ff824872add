"""Steps that a user's model says itself: `train_step`, `test_step`, `compute_loss` and their kin.

Such a step is a function over tensors like `call`: it is traced once, with whatever tapes,
optimizers and metrics it uses, and is then one compiled program. What it returns, a dict of scalars
and arrays by name, is kept in variables, so that many steps run without entering Python.

Requires: `compile` was called. Ensures: `OwnObjective` stands in for an `Objective` wherever the
training loop asks for one.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fncompile.config import floatx
from fncompile.gradients import GradientTape
from fncompile.graph.eager import wherever
from fncompile.graph.nest import NESTS, flatten, map_structure
from fncompile.graph.tensor import Tensor
from fncompile.graph.trace import (
    Trace,
    current_trace,
    default_dtype,
    placeholder,
    suspended,
    to_node,
)
from fncompile.graph.variable import Variable
from fncompile.ir import build
from fncompile.ir.dims import is_static
from fncompile.ir.node import Node
from fncompile.ir.types import DTYPES, TensorType, at_border
from fncompile.training.objective import Objective
from fncompile.training.places import Places
from fncompile.training.state_steps import of_state, run
from fncompile.training.step_data import Parts, pack, type_of, unpack
from fncompile.training.trained import TrainedModel

Types = Sequence[tuple[str, TensorType]]


def has_own_steps(model: TrainedModel) -> bool:
    """Does the model's class say itself what happens in a step?"""
    return bool(model._own_steps)


def parts_of(model: TrainedModel) -> Parts | None:
    """The structure of the data that was placed last for steps of the user's own."""
    return objective_of(model).parts if has_own_steps(model) and model.compiled else None


class OwnObjective:
    """What a user's own steps report; with what `compile` was given for `compute_loss` to use."""

    def __init__(self, model: TrainedModel):
        self._model = model
        self._base: Objective | None = None
        self._logs: dict[str, dict[str, Variable]] = {}
        self._verb = "train"
        self.parts: Parts | None = None  # of the data that was placed last
        self.seen: set[tuple] = set()  # kinds of data that a step was traced for
        self.own: list[Any] = []
        self.terms: list[Any] = []  # losses that a library could compute: the step is the user's
        self.targets: list[int] = []
        if hasattr(model, "outputs"):
            self.base(model.outputs)

    # inside a step ------------------------------------------------------------------------------

    def base(self, y_pred: Any) -> Objective:
        """Losses and metrics of `compile` for outputs like these."""
        if self._base is None:
            names = [f"output_{k}" for k in range(len(flatten(y_pred)))]
            names = getattr(self._model, "output_names", None) or names
            structure = map_structure(lambda x: None, y_pred)
            with suspended():
                self._base = objective_for(self._model, Places(structure, names))
        return self._base

    def log(self, verb: str, logs: Any) -> list[tuple[str, Any]]:
        """Keep what a step returned."""
        trace = current_trace()
        assert trace is not None  # a step is traced
        flat = _flat(logs) if isinstance(logs, Mapping) else {}
        if not isinstance(logs, Mapping) or any(isinstance(v, NESTS) for v in flat.values()):
            raise ValueError(
                f"`{verb}_step` of {type(self._model).__name__} must return a dict of scalars by "
                f"name. Received: {logs}"
            )
        found = [(name, to_node(value)) for name, value in flat.items()]
        kept: dict[str, Variable] = {}
        for name, node in found:
            if not is_static(node.shape):
                raise ValueError(
                    f"`{verb}_step` of {type(self._model).__name__} returned {name!r} of shape "
                    f"{Tensor(node).shape}, whose size depends on the batch. Reduce it, for "
                    "instance by `ops.mean`."
                )
            kept[name] = self._log_variable(name, node)
            trace.write(kept[name], node)
        self._logs[verb] = kept
        return found

    def _log_variable(self, name: str, node: Node) -> Variable:
        """Steps that return the same name share the variable."""
        for variable in self.log_variables():
            if variable.name == name and variable.type == node.type:
                return variable
        with suspended():
            zeros, path = np.zeros(node.shape), f"logs/{name}"
            return Variable(zeros, dtype=node.dtype, trainable=False, name=name, path=path)

    # between steps ------------------------------------------------------------------------------

    @property
    def named_metrics(self) -> list[tuple[str, Any]]:
        """Those that callbacks may ask about."""
        return [] if self._base is None else self._base.named_metrics

    @property
    def loss_trackers(self) -> list[Any]:
        """The means of single losses, where there are several."""
        return [] if self._base is None else self._base.loss_trackers

    @property
    def variables(self) -> list[Variable]:
        return [v for metric in self._model.metrics for v in metric.variables]

    def reset(self, verb: str | None = None) -> None:
        """Forget what metrics have seen; the next results are those of the verb's steps."""
        self._verb = verb or self._verb
        for metric in [self._model._loss_tracker, *self._model.metrics]:
            metric.reset_state()

    def results(self) -> list[tuple[str, Any]]:
        """What the last step returned, in its order."""
        logs = self._logs.get(self._verb, {})
        return [(name, _number(variable.numpy())) for name, variable in logs.items()]

    def log_variables(self) -> list[Variable]:
        """Of all that steps return, in the order of names as they first came."""
        return list(dict.fromkeys(v for logs in self._logs.values() for v in logs.values()))

    def logs(self) -> dict[str, Any]:
        """`results` by name, sorted."""
        return dict(sorted(self.results()))


def _flat(logs: Mapping) -> dict[str, Any]:
    """The results of a metric that has several are results of their own."""
    out: dict[str, Any] = {}
    for name, value in logs.items():
        out.update(_flat(value) if isinstance(value, Mapping) else {name: value})
    return out


def _number(value: np.ndarray) -> Any:
    return value.item() if value.ndim == 0 else value


def objective_of(model: TrainedModel) -> Any:
    from fncompile.training.compile import objective_of

    return objective_of(model)


def objective_for(model: TrainedModel, places: Places) -> Objective:
    from fncompile.training.compile import objective_for

    return objective_for(model, places)


# what the methods of `Model` do -------------------------------------------------------------------


def usual_step(model: TrainedModel, name: str, *given: Any) -> Any:
    """The step of this name of a model that does not say it itself, in both manners."""
    steps = {"train_step": train_step, "test_step": test_step, "predict_step": predict_step}
    return of_state(model, name, lambda data: steps[name](model, data), *given)


def train_step(model: TrainedModel, data: Any) -> dict[str, Any]:
    """Forward, loss, gradients and the optimizer's step for one batch."""
    x, y, sample_weight = unpack(data)
    with GradientTape() as tape:
        y_pred = model(x, training=True)
        loss = _loss_of(model, x, y, y_pred, sample_weight, training=True)
        scaled = model.optimizer.scale_loss(loss)
    _track(model, loss, y_pred)
    weights = model.trainable_variables
    model.optimizer.apply(tape.gradient(scaled, weights, unconnected_gradients="zero"), weights)
    return model.compute_metrics(x, y, y_pred, sample_weight=sample_weight)


def test_step(model: TrainedModel, data: Any) -> dict[str, Any]:
    """Forward, loss and metrics for one batch."""
    x, y, sample_weight = unpack(data)
    y_pred = model(x, training=False)
    loss = _loss_of(model, x, y, y_pred, sample_weight, training=False)
    _track(model, loss, y_pred)
    return model.compute_metrics(x, y, y_pred, sample_weight=sample_weight)


def predict_step(model: TrainedModel, data: Any) -> Any:
    """The outputs for one batch."""
    x, _, _ = unpack(data)
    return model(x, training=False)


def _loss_of(model: TrainedModel, x: Any, y: Any, y_pred: Any, weight: Any, training: bool) -> Any:
    """What `compute_loss` gives; older classes write it without `training`."""
    taken = inspect.signature(model.compute_loss).parameters
    takes = "training" in taken or any(p.kind is p.VAR_KEYWORD for p in taken.values())
    flag = {"training": training} if takes else {}
    return model.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=weight, **flag)


def _track(model: TrainedModel, loss: Any, y_pred: Any) -> None:
    rows = Tensor(build.extent(to_node(flatten(y_pred)[0]).shape[0], floatx()))
    model._loss_tracker.update_state(loss, sample_weight=rows)


def compute_loss(model: TrainedModel, y: Any, y_pred: Any, sample_weight: Any) -> Any:
    """The loss that `compile` was given, and what layers add to it."""

    def traced(y: Any, y_pred: Any, sample_weight: Any) -> Any:
        objective = _base(model, y_pred)
        true, weights = (_by_output(objective, v) for v in (y, sample_weight))
        return objective.total(true, flatten(y_pred), weights, model.losses)

    return wherever(traced, y, y_pred, sample_weight)


def compute_metrics(model: TrainedModel, y: Any, y_pred: Any, sample_weight: Any) -> dict[str, Any]:
    """Update the metrics that `compile` was given; their results by name."""

    def traced(y: Any, y_pred: Any, sample_weight: Any) -> None:
        objective = _base(model, y_pred)
        true, weights = (_by_output(objective, v) for v in (y, sample_weight))
        objective.update_metrics(true, flatten(y_pred), weights)

    wherever(traced, y, y_pred, sample_weight)
    return model.get_metrics_result()


def _base(model: TrainedModel, y_pred: Any) -> Objective:
    objective = objective_of(model)
    return objective.base(y_pred) if isinstance(objective, OwnObjective) else objective


def _by_output(objective: Objective, value: Any) -> list[Any]:
    """One entry for each output."""
    if value is None:
        return [None] * len(objective.outputs)

    def misfit() -> ValueError:
        return ValueError(
            "`compute_loss` got targets or weights that do not have the structure of the outputs "
            f"{objective.outputs.names}."
        )

    if len(objective.outputs) == 1:
        return flatten(value)
    if hasattr(value, "shape"):
        return [value] * len(objective.outputs)
    return objective.outputs.match(value, misfit)


# from arrays to a program -------------------------------------------------------------------------


def trace_step(
    model: TrainedModel, verb: str, parts: Parts, types: Types, trace: Trace
) -> tuple[list[Tensor], list[tuple[str, Node]]]:
    """The placeholders of a step of `verb` on data of these types, and what it returns by name."""
    step = "train_step" if verb == "train" else "test_step"
    with trace.active():
        inputs = [placeholder(name, at_border(type)) for name, type in types]
        with trace.scope("inputs"):
            given = [Tensor(build.cast(x.node, t.dtype)) for x, (_, t) in zip(inputs, types)]
        data = parts.data(given)
        logs = run(model, step, data, lambda: _make_all(model, data))
        with trace.scope("logs"):
            results = objective_of(model).log(verb, logs)
    return inputs, results


def run_predict_step(model: TrainedModel, x: Any) -> Any:
    """What the model's own `predict_step` gives, inside the active trace."""
    return run(model, "predict_step", pack(x), lambda: model(x, training=False))


def _make_all(model: TrainedModel, data: Any) -> None:
    """Call the model and let metrics see the outputs: weights and metrics are made thereby."""
    x, y, sample_weight = unpack(data)
    y_pred = model(x, training=False)
    if y is not None:
        compute_metrics(model, y, y_pred, sample_weight)


def place(
    model: TrainedModel, verb: str, x: Any, y: Any, sample_weight: Any
) -> dict[str, list[tuple[np.ndarray, np.dtype]]]:
    """The arrays of a step in the groups of `training.data`. The first of their kind runs through
    a trace that makes what weights, slots and metrics there are."""
    parts = Parts(x, y, sample_weight)
    groups = {
        name: [(a, DTYPES[default_dtype(a)].border) for a in flatten(part) if part is not None]
        for name, part in (("x", x), ("y", y), ("sample_weight", sample_weight))
    }
    objective = objective_of(model)
    objective.parts = parts
    arrays = [np.empty((min(len(a), 1), *a.shape[1:]), d) for g in groups.values() for a, d in g]
    kind = verb, parts.key, tuple((a.dtype, a.shape[1:]) for a in arrays)
    if kind not in objective.seen:
        types = [(name, type_of(a)) for name, a in zip(parts.names, arrays)]
        trace_step(model, verb, parts, types, Trace(training=verb == "train"))
        objective.seen.add(kind)
    return groups
