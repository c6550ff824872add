"""What a model gives to `export`: its compiled entries, and where its variables live.

Requires a built model; for training, a compiled one with a loss. Ensures: the entries are those
that `predict`, `fit` and `evaluate` run for arrays of these types, and the blocks hold the
present values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
from fncompile.runtime.entry import CompiledEntry, Entry
from fncompile.session.memory import Memory
from fncompile.session.signature import Signature, step_signature
from fncompile.training.model import GraphModel, TrainedModel

if TYPE_CHECKING:
    from fncompile.session.compiled import CompiledSteps


@dataclass
class Training:
    """The entries of training; `report` gives the metrics, then the learning rate. `gradient` and
    `optimizer` are the parts of a step, `input_gradient` gives the gradients of inputs, where there
    are real ones."""

    train_step: CompiledEntry
    evaluate: CompiledEntry
    report: CompiledEntry
    gradient: CompiledEntry
    optimizer: CompiledEntry
    input_gradient: CompiledEntry | None
    signature: Signature
    targets: list[str]  # names of the outputs that have targets
    metrics: list[str]
    metric_variables: list[Variable]
    reset_values: list[np.ndarray]  # of the metric variables, before any batch


@dataclass
class Native:
    """`memories` has the weights, and with training the state that a step changes."""

    model: TrainedModel
    predict: CompiledEntry
    training: Training | None
    memories: list[Memory]
    runs: list[Run]


def native(steps: CompiledSteps, training: bool, sample_weight: bool) -> Native:
    """The entries of the model of `steps`, compiled where they have not been."""
    with override(interp=False):
        entry = _predict_entry(steps)
        found = _training(steps, sample_weight) if training else None
    steps._adopt(steps.weights, steps.train_memory)
    return Native(
        steps.model,
        entry,
        found,
        [m for m in (steps.weights, steps.train_memory if training else None) if m],
        steps.runs,
    )


def can_train(model: TrainedModel) -> bool:
    """Is there a loss to train with? Raises nothing."""
    if not getattr(model, "compiled", False) or not model.trainable_variables:
        return False
    from fncompile.training.compile import objective_of

    return bool(objective_of(model).terms)


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
    from fncompile.training.compile import objective_of

    signature = _signature(steps, sample_weight)
    train = _compiled(steps.step_entry("train", signature))
    evaluate = _compiled(steps.step_entry("evaluate", signature))
    objective = objective_of(steps.model)
    metrics, report = _report(steps, objective)
    variables = list(dict.fromkeys(objective.variables))
    names = [steps.label(objective.outputs.names[k]) for k in objective.targets]
    return Training(
        train,
        evaluate,
        report,
        _compiled(steps.gradient_entry(signature)),
        _compiled(steps.optimizer_entry(signature)),
        _input_gradient(steps, signature),
        signature,
        names,
        metrics,
        variables,
        _reset_values(objective, variables),
    )


def _input_gradient(steps: CompiledSteps, signature: Signature) -> CompiledEntry | None:
    real = [t for _, t in signature.inputs if t.kind == "f"]
    outputs = [o.type for o in getattr(steps.model, "outputs", ())]
    if not real or not any(t.kind == "f" for t in outputs):
        return None
    return _compiled(steps.input_gradient_entry(signature.inputs))


def _signature(steps: CompiledSteps, sample_weight: bool) -> Signature:
    """The types that the model was last trained with, or those that its losses ask for."""
    from fncompile.training.compile import objective_of

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
    graph = cast(GraphModel, steps.model)
    shapes = [output.type.shape for output in graph.outputs]
    closed = [[1 if isinstance(d, Poly) else d for d in shape] for shape in shapes]
    targets = target_arrays(objective, closed)
    weights = [np.zeros(t.shape[:1], floatx()) for t in targets] if sample_weight else []
    arrays: list[Any] = [*[None] * len(graph.inputs), *targets, *weights]
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


def _report(steps: CompiledSteps, objective: Any) -> tuple[list[str], CompiledEntry]:
    """Names of the metrics, and the entry that computes them and the learning rate."""
    optimizer = steps.model.optimizer
    trace = Trace(training=False, names=steps.names, label=steps.label)
    with trace.active():
        results = dict(_results(objective))
        rate = optimizer.current_learning_rate(Tensor(trace.read(optimizer.iterations)))
        outputs = {
            k: ops.cast(v, floatx()).node for k, v in {**results, "learning rate": rate}.items()
        }
    used = set(toposort(outputs.values()))
    program = Program((), tuple(p for p in trace.params.values() if p in used), outputs, {})
    return list(results), _compiled(steps._build(program, "infer", "report", Context()))


def _results(objective: Any) -> Sequence[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, metric in objective.named_metrics:
        result = metric.result()
        found += result.items() if isinstance(result, dict) else [(name, result)]
    for name, value in found:
        if np.prod(getattr(value, "shape", ()), dtype=int) != 1:
            raise ValueError(
                f"The metric {name!r} is not a single number, so a library cannot report it."
            )
    return [(name, ops.reshape(value, ())) for name, value in found]


def _reset_values(objective: Any, variables: Sequence[Variable]) -> list[np.ndarray]:
    """What the metric variables are after a reset, which is undone."""
    present = [v.numpy() for v in variables]
    objective.reset()
    values = [v.numpy() for v in variables]
    for variable, value in zip(variables, present, strict=True):
        variable.assign(value)
    return values
