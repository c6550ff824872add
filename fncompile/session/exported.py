"""What a model gives to `export`: its compiled entries, and where its variables live.

Requires a built model; for training, a compiled one with a loss. Ensures: the entries are those
that `predict`, `fit` and `evaluate` run for arrays of these types, and the blocks hold the
present values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from fncompile import ops
from fncompile.config import floatx
from fncompile.flags import override
from fncompile.graph.tensor import Tensor
from fncompile.graph.trace import Trace
from fncompile.graph.variable import Variable
from fncompile.ir.dims import Poly
from fncompile.ir.node import Program, toposort
from fncompile.passes.apply_optimizer import Run
from fncompile.passes.manager import Context
from fncompile.runtime.entry import CompiledEntry, Entry, postponed
from fncompile.session import exported_own as own
from fncompile.session.memory import Memory
from fncompile.session.signature import Signature, step_signature
from fncompile.training.compile import objective_of
from fncompile.training.own_step import has_own_steps
from fncompile.training.trained import TrainedGraph, TrainedModel

if TYPE_CHECKING:
    from fncompile.session.compiled import CompiledSteps


@dataclass
class Training:
    """The entries of training; `report` gives the metrics, then the learning rate. `gradient` and
    `optimizer` are the parts of a step, where it has any, `input_gradient` gives the gradients of
    inputs, where there are real ones; `evaluate` is missing where the user wrote steps and never
    evaluated."""

    memory: Memory
    train_step: CompiledEntry
    evaluate: CompiledEntry | None
    report: CompiledEntry
    gradient: CompiledEntry | None
    optimizer: CompiledEntry | None
    input_gradient: CompiledEntry | None
    roles: dict[str, list[str]]  # of the arrays of each step, as own.roles has them, or input
    targets: list[str]  # names of the outputs that have targets
    metrics: list[str]
    metric_variables: list[Variable]
    reset_values: list[np.ndarray]  # of the metric variables, before any batch
    counts: bool = True  # does the model's own optimizer take the steps?


@dataclass
class Native:
    """`memories` has the weights, and with training the state that a step changes. `state` is what
    one prediction leaves to the next, `first_state` what it is before any."""

    model: TrainedModel
    predict: CompiledEntry
    training: Training | None
    memories: list[Memory]
    runs: list[Run]
    state: Memory | None
    first_state: np.ndarray

    @property
    def blocks(self) -> list[Memory]:
        """All memories."""
        return [*self.memories, *([self.state] if self.state else [])]


def native(steps: CompiledSteps, training: bool, sample_weight: bool) -> Native:
    """The entries of the model of `steps`; of those that are new it takes the text, and compiles
    what the self-test calls."""
    with override(interp=False), postponed():
        entry = _predict_entry(steps)
        make = _own_training if has_own_steps(steps.model) else _training
        found = make(steps, sample_weight) if training else None
    memories = [steps.weights, *([found.memory] if found else [])]
    steps._adopt(*memories, steps.state)
    state, first = steps.state, _first_state(steps)
    return Native(steps.model, entry, found, memories, steps.runs, state, first)


def _first_state(steps: CompiledSteps) -> np.ndarray:
    """The bytes of the state where layers that can be reset have been; this is undone."""
    if steps.state is None:
        return np.empty(0, np.uint8)
    memory = steps.state.block.memory
    present = memory.copy()
    for layer in steps.model._flatten_layers():
        if hasattr(layer, "reset_state"):
            layer.reset_state()
    first = memory.copy()
    memory[:] = present
    return first


def can_train(model: TrainedModel) -> bool:
    """Is there a loss to train with? Raises nothing."""
    if not getattr(model, "compiled", False) or not model.trainable_variables:
        return False
    return bool(objective_of(model).terms) or has_own_steps(model)


def _compiled(entry: Entry) -> CompiledEntry:
    assert isinstance(entry, CompiledEntry)  # as the interpreter was switched off
    return entry


def _predict_entry(steps: CompiledSteps) -> CompiledEntry:
    if hasattr(steps.model, "inputs"):
        return _compiled(steps.predict_entry([]))
    entries = [e for key, e in steps.entries.items() if key[0] == "predict"]
    known = [e for e in entries if isinstance(e, CompiledEntry)]
    if not known:
        raise ValueError(
            f"The model {steps.model.name!r} has no fixed inputs: call `predict` on an array of "
            "the kind that the library is for, then export it."
        )
    return known[-1]


def _training(steps: CompiledSteps, sample_weight: bool) -> Training:
    signature = _signature(steps, sample_weight)
    train = _compiled(steps.step_entry("train", signature))
    evaluate = _compiled(steps.step_entry("evaluate", signature))
    objective = objective_of(steps.model)
    assert steps.train_memory is not None
    metrics, report = _report(steps, steps.train_memory, partial(_results, objective))
    variables = list(dict.fromkeys(objective.variables))
    names = [steps.label(objective.outputs.names[k]) for k in objective.targets]
    roles = [
        *("input" for _ in signature.inputs),
        *("target" for _ in signature.targets),
        *("weight" for _ in signature.weights),
    ]
    return Training(
        steps.train_memory,
        train,
        evaluate,
        report,
        _compiled(steps.gradient_entry(signature)),
        _compiled(steps.optimizer_entry(signature)),
        _input_gradient(steps, signature),
        dict.fromkeys(("train_step", "evaluate", "gradient"), roles),
        names,
        metrics,
        variables,
        _reset_values(objective, variables),
    )


def _own_training(steps: CompiledSteps, sample_weight: bool) -> Training:
    """Of steps that the user wrote: there are sample weights where the last batch had any."""
    entries, memory = own.own_entries(steps)
    objective, optimizer = objective_of(steps.model), steps.model.optimizer
    state, logs = list(dict.fromkeys(objective.variables)), objective.log_variables()
    metrics, report = _report(steps, memory, lambda: [(v.name, v) for v in logs])
    train, evaluate = entries["train"], entries.get("evaluate")
    names = {"train_step": "train", "evaluate": "evaluate"}
    given = {n: steps.own_signatures[v] for n, v in names.items() if v in entries}
    return Training(
        memory=memory,
        train_step=_compiled(train),
        evaluate=_compiled(evaluate) if evaluate else None,
        report=report,
        gradient=None,
        optimizer=None,
        input_gradient=None,
        roles={name: own.roles(signature) for name, signature in given.items()},
        targets=[],
        metrics=metrics,
        metric_variables=[*state, *logs],
        reset_values=[*_reset_values(objective, state), *own.zeros(logs)],
        counts=own.advances(train, memory, optimizer._iterations),
    )


def _input_gradient(steps: CompiledSteps, signature: Signature) -> CompiledEntry | None:
    real = [t for _, t in signature.inputs if t.kind == "f"]
    outputs = [o.type for o in getattr(steps.model, "outputs", ())]
    if not real or not any(t.kind == "f" for t in outputs):
        return None
    return _compiled(steps.input_gradient_entry(signature.inputs))


def _signature(steps: CompiledSteps, sample_weight: bool) -> Signature:
    """The types that the model was last trained with, or those that its losses ask for."""
    known = [
        key[1] for key in steps.entries if key[0] == "train" and (not sample_weight or key[1][2])
    ]
    if known:
        return Signature(*map(list, known[-1][:3]))  # type: ignore[arg-type]
    objective = objective_of(steps.model)
    if not hasattr(steps.model, "outputs"):
        raise ValueError(
            f"The model {steps.model.name!r} has no fixed outputs: train it on a batch, then "
            "export it."
        )
    graph = cast(TrainedGraph, steps.model)
    shapes = [output.type.shape for output in graph.outputs]
    closed = [[1 if isinstance(d, Poly) else d for d in shape] for shape in shapes]
    targets = target_arrays(objective, closed)
    weights = [np.zeros(t.shape[:1], floatx()) for t in targets] if sample_weight else []
    arrays: list[Any] = [*[None] * len(graph.compiled_inputs), *targets, *weights]
    return step_signature(steps.model, steps.label, arrays)


def target_arrays(objective: Any, shapes: Sequence[Sequence[int]]) -> list[np.ndarray]:
    """Zeros of the kinds that the losses take, for outputs of these `shapes`."""
    return [_target(shapes[k], objective, k) for k in objective.targets]


def _target(shape: Sequence[int], objective: Any, place: int) -> np.ndarray:
    """An array of the kind that the loss of an output takes: class numbers, or what the output
    is."""
    loss = next((t.loss for t in objective.terms if t.place == place), None)
    function = getattr(getattr(loss, "function", None), "__name__", "")
    classes = (
        not getattr(loss, "float_targets", True) or function == "sparse_categorical_crossentropy"
    )
    return np.zeros(shape[:-1] if classes else shape, "int32" if classes else floatx())


def _report(
    steps: CompiledSteps, memory: Memory, results: Callable[[], Iterable[tuple[str, Any]]]
) -> tuple[list[str], CompiledEntry]:
    """Names of the metrics, and the entry that computes them and the learning rate."""
    optimizer = steps.model.optimizer
    trace = Trace(training=False, names=memory.names, label=steps.label)
    with trace.active():
        found = dict(map(_single, results()))
        rate = optimizer.current_learning_rate(Tensor(trace.read(optimizer._iterations)))
        outputs = {
            k: ops.cast(v, floatx()).node for k, v in {**found, "learning rate": rate}.items()
        }
    used = set(toposort(outputs.values()))
    program = Program((), tuple(p for p in trace.params.values() if p in used), outputs, {})
    memories = steps.weights, memory
    return list(found), _compiled(steps._build(program, "infer", "report", Context(), memories))


def _results(objective: Any) -> Iterable[tuple[str, Any]]:
    """Of the metrics that `compile` was given."""
    for name, metric in objective.named_metrics:
        result = metric.result()
        yield from result.items() if isinstance(result, dict) else [(name, result)]


def _single(named: tuple[str, Any]) -> tuple[str, Any]:
    name, value = named
    if np.prod(getattr(value, "shape", ()), dtype=int) != 1:
        raise ValueError(
            f"The metric {name!r} is not a single number, so a library cannot report it."
        )
    return name, ops.reshape(value, ())


def _reset_values(objective: Any, variables: Sequence[Variable]) -> list[np.ndarray]:
    """What the metric variables are after a reset, which is undone."""
    present = [v.numpy() for v in variables]
    objective.reset()
    values = [v.numpy() for v in variables]
    for variable, value in zip(variables, present, strict=True):
        variable.assign(value)
    return values
