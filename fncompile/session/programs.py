"""The Programs of a model: what it predicts, how it is evaluated, and one step of training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from fncompile.graph.tensor import Tensor
from fncompile.graph.trace import Trace, placeholder, unique_name
from fncompile.graph.variable import Variable
from fncompile.ir import build
from fncompile.ir.node import Node, Program, current_origins, recording, toposort
from fncompile.ir.ranges import of_inputs
from fncompile.ir.types import TensorType, at_border
from fncompile.passes.apply_optimizer import Run, member_of
from fncompile.session.signature import Signature
from fncompile.training import own_step
from fncompile.training.absent import is_absent
from fncompile.training.trained import TrainedModel


def predict_program(
    model: TrainedModel,
    types: Sequence[tuple[str, TensorType]],
    names: Mapping[Variable, str],
    label: Callable[[str], str],
    as_users_say: bool = False,
) -> tuple[Program, Trace]:
    """Flat outputs of flat inputs; `types` names and types the inputs, `label` layers. With
    `as_users_say` those of the model's own `predict_step`, where it has one."""
    trace = Trace(training=False, names=names, label=label)
    with trace.active():
        inputs = [placeholder(name, at_border(type)) for name, type in types]
        given = _inside(trace, model, inputs, types)
        if as_users_say:
            outputs = model.run_predictions(given)
        else:
            outputs = model.run_graph(given, training=False)
        named = _outputs(trace, model, outputs, label)
        trace.masks = [t._keras_mask for t in outputs]
    return program_of(trace, inputs, named, trace.updates()), trace


def masks_program(program: Program, trace: Trace) -> Program:
    """The masks of what a prediction gives, each by the place of its output."""
    masks = {str(k): mask.node for k, mask in enumerate(trace.masks) if mask is not None}
    params = tuple(n for n in toposort(masks.values()) if n.op == "param")
    return Program(program.inputs, params, masks, {})


def input_gradient_program(
    model: TrainedModel,
    types: Sequence[tuple[str, TensorType]],
    names: Mapping[Variable, str],
    label: Callable[[str], str],
) -> tuple[Program, Trace, dict[str, str]]:
    """What predicts, with further inputs for the gradients of its real outputs, whose names are
    given by those of the outputs. Nothing is updated."""
    program, trace = predict_program(model, types, names, label)
    taken = {p["name"] for p in program.inputs}
    real = {k: n.type for k, n in program.outputs.items() if n.type.kind == "f"}
    seeds = {k: unique_name(f"d_{k}", taken) for k in real}
    given = tuple(build.input(seeds[k], type) for k, type in real.items())
    outputs = {k: n for k, n in program.outputs.items() if k in real}
    inputs = (*program.inputs, *given)
    return replace(program, inputs=inputs, outputs=outputs, updates={}), trace, seeds


def _outputs(
    trace: Trace,
    model: TrainedModel,
    outputs: Sequence[Tensor],
    label: Callable[[str], str],
    taken: Iterable[str] = (),
) -> dict[str, Node]:
    """The outputs by name, as callers get them."""
    with trace.scope("outputs"):
        nodes = [build.cast(t.node, at_border(t.type).dtype) for t in outputs]
    return _named(map(label, _output_names(model, len(outputs))), nodes, taken)


def objective_program(
    model: TrainedModel,
    objective: Any,
    signature: Signature,
    names: Mapping[Variable, str],
    label: Callable[[str], str],
    training: bool,
    with_outputs: bool = False,
) -> tuple[Program, Trace]:
    """The loss of a batch as output `loss`, behind the model's outputs where these are wanted, and
    the updates of metrics and of the model's own state."""
    trace = Trace(training=training, names=names, label=label)
    with trace.active():
        inputs, targets, weights = (
            [placeholder(name, at_border(type)) for name, type in group]
            for group in (signature.inputs, signature.targets, signature.weights)
        )
        given = _inside(trace, model, inputs, signature.inputs)
        outputs = model.run_graph(given, training=training)
        true, sample = [None] * len(outputs), [None] * len(outputs)
        for k, tensor in zip(objective.targets, targets):
            true[k] = tensor
        for k, tensor in zip(objective.targets, weights):
            sample[k] = tensor
        penalties = [*trace.losses, *regularization(model, trace)]
        total = objective.trace(true, outputs, sample, penalties)
        wanted = _outputs(trace, model, outputs, label, {"loss"}) if with_outputs else {}
    results = {**wanted, "loss": total.node}
    program = program_of(trace, [*inputs, *targets, *weights], results, trace.updates())
    return program, trace


def own_step_program(
    model: TrainedModel,
    verb: str,
    signature: Signature,
    names: Mapping[Variable, str],
    label: Callable[[str], str],
) -> tuple[Program, Trace]:
    """A step that the user's model says itself. What it returns goes to variables; the output
    `loss` is what it calls so, or the first of it."""
    assert signature.parts is not None
    trace = Trace(training=verb == "train", names=names, label=label)
    inputs, results = own_step.trace_step(model, verb, signature.parts, signature.inputs, trace)
    by_name = dict(results)
    loss = by_name.get("loss", results[0][1] if results else build.const(0, "float32"))
    return program_of(trace, inputs, {"loss": loss}, trace.updates()), trace


def _inside(
    trace: Trace,
    model: TrainedModel,
    inputs: Sequence[Tensor],
    types: Sequence[tuple[str, TensorType]],
) -> list[Tensor | None]:
    """What the model gets for these placeholders: None for inputs that are left out."""
    own = getattr(model, "compiled_inputs", None)
    declared = [type for _, type in types] if own is None else [t.type for t in own]
    with trace.scope("inputs"):
        return [
            None if is_absent(type, as_declared) else Tensor(build.cast(x.node, type.dtype))
            for x, (_, type), as_declared in zip(inputs, types, declared)
        ]


def regularization(model: TrainedModel, trace: Trace) -> list[Tensor]:
    """Penalties of regularized trainable weights."""
    found = []
    for v in model.trainable_variables:
        if v.regularizer is not None:
            with trace.scope(v.path):
                found.append(v.regularizer(v))
    return found


class StepOptimizer:
    """An optimizer as the pass `apply_optimizer` asks for it: functions of nodes."""

    def __init__(self, optimizer: Any, variables: Mapping[str, Variable], trace: Trace):
        self.optimizer, self.variables, self.trace = optimizer, variables, trace
        self.adds_up = bool(optimizer.gradient_accumulation_steps)
        self.slots_of = optimizer.slots_of
        self.path = f"optimizer/{optimizer.name}"

    @contextmanager
    def tracing(self) -> Iterator[None]:
        """Nodes made inside are the optimizer's, among the origins of the program at hand."""
        origins = current_origins()
        with self.trace.active(), recording(origins), self.trace.scope(self.path):
            yield

    def transform(self, grads: dict[str, Node]) -> dict[str, Node]:
        """Clipped, but for those that overwrite their variable."""
        used = {n: g for n, g in grads.items() if not self.variables[n].overwrite_with_gradient}
        with self.tracing():
            clipped = self.optimizer.transform_gradients([Tensor(g) for g in used.values()])
            pairs = zip(used.items(), clipped)
            return {**grads, **{n: build.cast(t.node, g.dtype) for (n, g), t in pairs}}

    def add_up(self, g: Node, before: Node, overwritten: bool) -> tuple[Node, Node]:
        """The sum of gradients, and what to follow of it."""
        with self.tracing():
            total, mean = self.optimizer.add_up(Tensor(g), Tensor(before), overwritten)
            return total.node, build.cast(mean.node, g.dtype)

    def update(
        self, run: Run, g: Node, slots: dict[str, Node], total: Node | None
    ) -> tuple[Node, dict[str, Node]]:
        w, sums = Tensor(run.param()), None if total is None else Tensor(total)
        with self.tracing():
            if run.overwrite:
                new, changed = self.optimizer.overwrite(w, Tensor(g), sums)
            else:
                tensors = {s: Tensor(n) for s, n in slots.items()}
                decay = self.optimizer.weight_decay if run.decay else None
                new, changed = self.optimizer.advance(w, Tensor(g), tensors, decay, sums)
            stored = {s: build.cast(t.node, slots[s].dtype) for s, t in changed.items()}
            return build.cast(new.node, w.node.dtype), stored

    def constrain(self, name: str, value: Node) -> Node:
        constraint = self.variables[name].constraint
        if constraint is None:
            return value
        with self.tracing():
            return constraint(Tensor(value)).node

    def settle(self, run: Run, old: Node, new: Node) -> Node:
        """The value to keep of a run, or of one of its slots."""
        return new

    def finish(self) -> dict[Node, Node]:
        with self.tracing():
            step = self.trace.read(self.optimizer._iterations)
            return {step: build.ew("add", step, build.const(1, step.dtype))}


class PartsOptimizer(StepOptimizer):
    """The same for steps that are done in parts, where some elements may be frozen: these stay as
    they are, and do not count in the norm of all gradients."""

    def __init__(
        self,
        optimizer: Any,
        variables: Mapping[str, Variable],
        trace: Trace,
        runs: Sequence[Run],
    ):
        super().__init__(optimizer, variables, trace)
        self.frozen = {m.name: member_of(run.frozen, m) for run in runs for m in run.members}

    def transform(self, grads: dict[str, Node]) -> dict[str, Node]:
        if self.optimizer.global_clipnorm:
            grads = {
                n: build.ew("select", self.frozen[n], build.like(g, 0), g)
                for n, g in grads.items()
            }
        return super().transform(grads)

    def settle(self, run: Run, old: Node, new: Node) -> Node:
        return build.ew("select", run.frozen, old, new)


def optimizer_program(trained: Sequence[Variable], trace: Trace, runs: Sequence[Run]) -> Program:
    """The sums of gradients as outputs `grad:<name>`, for the optimizer to take."""
    sums = {f"grad:{m.name}": member_of(run.gradient, m) for run in runs for m in run.members}
    beside = tuple(p for run in runs for p in (run.gradient, run.frozen))
    program = Program((), beside, sums, {}, origins=trace.origins)
    return with_all_trained(program, trained, trace)


def program_of(
    trace: Trace, inputs: Sequence[Tensor], outputs: dict[str, Node], updates: dict[Node, Node]
) -> Program:
    used = set(toposort([*outputs.values(), *updates.values()]))
    params = tuple(p for p in trace.params.values() if p in used or p in updates)
    leaves = tuple(t.node for t in inputs)
    ranges = of_inputs(trace.ranges, leaves)
    return Program(leaves, params, outputs, updates, origins=trace.origins, ranges=ranges)


def with_all_trained(program: Program, trained: Sequence[Variable], trace: Any) -> Program:
    """Trainable variables that the loss does not reach are parameters all the same: weight decay
    and the run they lie in concern them."""
    missing = []
    with trace.active():
        for v in trained:
            node = trace.params.get(v) or trace.read(v)
            if node not in program.params:
                missing.append(node)
    return replace(program, params=(*program.params, *missing))


def _output_names(model: TrainedModel, count: int) -> list[str]:
    names = getattr(model, "output_names", None)
    return names if names and len(names) == count else [f"output_{k}" for k in range(count)]


def _named(
    names: Iterable[str], nodes: Sequence[Node], others: Iterable[str] = ()
) -> dict[str, Node]:
    taken = set(others)
    return {unique_name(name, taken): node for name, node in zip(names, nodes)}
