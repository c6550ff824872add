"""The compiled steps of a model: what `model.steps()` gives to the training loop.

A program is compiled when it is first needed, for the types of the arrays at hand; extents that the
model leaves open stay open. Compiling again, or changing what is trainable, starts anew.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fncompile.export.prefix import model_prefix
from fncompile.flags import looked_into, of_entries
from fncompile.graph.naming import local_names
from fncompile.graph.trace import Trace
from fncompile.graph.variable import Variable
from fncompile.ir import interp
from fncompile.ir.node import Program
from fncompile.passes.apply_optimizer import Run
from fncompile.passes.manager import Context
from fncompile.runtime.calls import Bound, Short, ShortOfSeveral, short_way
from fncompile.runtime.entry import CompiledEntry, Entry, build_entry
from fncompile.session import programs
from fncompile.session.call_plan import CallPlan
from fncompile.session.fingerprint import Fingerprint
from fncompile.session.memory import Memory, StateMemory, find_runs, name_variables, weights_memory
from fncompile.session.programs import PartsOptimizer, StepOptimizer
from fncompile.session.shared_plan import shared_plan
from fncompile.session.signature import (
    Signature,
    Types,
    has_fixed_batch,
    input_types,
    step_signature,
)
from fncompile.training.compile import objective_of, optimizer_of
from fncompile.training.step_data import Parts
from fncompile.training.trained import TrainedModel

if TYPE_CHECKING:
    from fncompile.session.exported import Native

Arrays = Sequence[np.ndarray]
memory_lock = threading.RLock()  # variables may move between the memories of any two models


def steps(model: TrainedModel) -> CompiledSteps:
    """The steps of `model`, made anew when its variables, its optimizer or what is trainable
    changed."""
    with memory_lock:
        found = getattr(model, "_steps", None)
        if found is not None:
            known = found.fingerprint
            if known.holds(model) or known.renewed(model):
                return found
        found = model._steps = CompiledSteps(model)
        return found


class CompiledSteps:
    """Implements `training.Steps`."""

    weights: Memory  # once there is an entry

    def __init__(self, model: TrainedModel):
        self.model = model
        self.fingerprint = Fingerprint(model)
        self.trains = bool(model.trainable_variables)
        self._build_lock = threading.RLock()
        self.train_memory: Memory | None = None
        self.own_memory: dict[Entry, Memory] = {}  # of steps that the user wrote
        self.own_signatures: dict[str, Signature] = {}  # of the last of each verb
        self.state: Memory | None = None  # what one prediction leaves to the next
        self.runs: list[Run] = []
        self.entries: dict[tuple, Entry] = {}
        self.plans: dict[tuple, CallPlan] = {}  # that `training.call_plan` remembers
        self.names: dict[Variable, str] = {}
        operations = model, *getattr(model, "operations", ()), *model._flatten_layers()
        self.label = local_names(operations)
        self._adds_losses = False
        self._masks: dict[Entry, Program] = {}  # of predictions that have some
        self.fixed_batch = has_fixed_batch(model)

    # the protocol ---------------------------------------------------------------------------------

    def plan(
        self, verb: str, arrays: Arrays, sources: Any = None, parts: Parts | None = None
    ) -> CallPlan:
        """How `verb` ("train", "evaluate", "predict", or "predict_step" where that is the user's)
        is done for arrays like these, of the structure `parts` where the user wrote the step."""
        shared = shared_plan(self, verb, arrays, sources, parts)
        return CallPlan(self, verb, arrays, sources, parts) if shared is None else shared

    @property
    def changes(self) -> int | None:
        """Counts how often weights and training state changed; None before there is a step."""
        if self.train_memory is None:
            return None
        return self.weights.version + self.train_memory.version

    def predict(self, arrays: Arrays, batch_size: int) -> list[np.ndarray]:
        """Flat outputs for all rows of flat inputs."""
        return self.plan("predict", arrays).predict(arrays, batch_size)

    def train(self, arrays: Arrays, index: np.ndarray, batch_size: int) -> None:
        """A stretch of steps: see `CallPlan.stretch`."""
        self.plan("train", arrays).stretch(arrays, index, batch_size)

    def adds_losses(self, arrays: Arrays) -> bool:
        """Do layers add losses when they are called?"""
        self.predict_entry(arrays)
        return self._adds_losses

    def masks(self, arrays: Arrays) -> list[np.ndarray | None]:
        """Those of the outputs for `arrays`; empty where none has any."""
        entry = self.predict_entry(arrays)
        program = self._masks.get(entry)
        if program is None:
            return []
        values = {self.names[v]: v._storage for v in self._placed()}
        found, _ = interp.run(program, arrays, values)
        return [found.get(str(k)) for k in range(len(entry.program.outputs))]

    def short_call(self, arrays: Arrays) -> Short | ShortOfSeveral | None:
        """The short way for calls like this one, if there is one."""
        entry = self.predict_entry(arrays)
        return None if entry in self._masks else short_way(entry, self.weights)

    def bind(self, arrays: Arrays, out: Arrays | None) -> Bound:
        """The prediction for `arrays` as a function of no arguments."""
        entry = self.predict_entry(arrays)
        if not isinstance(entry, CompiledEntry):
            raise RuntimeError("bind() needs compiled code; FNC_INTERP is set.")
        self.make_ready(entry, self.weights, self.state)
        return Bound(entry, arrays, out, self.weights, self.state)

    def make_ready(self, entry: Entry, *memories: Memory | None) -> None:
        """Weights in place, and what follows from them alone computed: by the first thread."""
        with memory_lock:
            self._adopt(*memories)
            entry.prepare(self.weights.version)

    def _adopt(self, *memories: Memory | None) -> None:
        for memory in memories:
            if memory is not None and memory.lost:
                memory.adopt()

    # entries --------------------------------------------------------------------------------------

    def entry(self, verb: str, arrays: Arrays, parts: Parts | None = None) -> Entry:
        """What runs `verb`, one of those of `plan`."""
        if verb == "predict":
            return self.predict_entry(arrays)
        if verb == "predict_step":
            return self._own_predict_entry(input_types(self.model, self.label, arrays))
        return self.step_entry(verb, step_signature(self.model, self.label, arrays, parts))

    def predict_entry(self, arrays: Arrays) -> Entry:
        types = input_types(self.model, self.label, arrays)
        key = ("predict", tuple(types), of_entries())
        with self._build_lock:
            if key not in self.entries:
                traced = self._prepare_weights(types)
                program, trace = traced or self._predict_program(types)
                self._adds_losses = bool(trace.losses)
                self._place_rest(trace)
                memories = (self.weights, self.state)
                entry = self._build(program, "infer", "predict", Context(), memories)
                masks = programs.masks_program(program, trace)
                if masks.outputs:
                    self._masks[entry] = masks
                self.entries[key] = entry
        return self.entries[key]

    def step_entry(self, verb: str, signature: Signature) -> Entry:
        make = self._train_entry if verb == "train" else self._evaluate_entry
        if signature.parts is not None:
            make = partial(self._own_entry, verb)
        return self._cached(verb, signature, make)

    def _cached(
        self, verb: str, signature: Signature, make: Callable[[Signature], Entry]
    ) -> Entry:
        key = (verb, signature.key, of_entries())
        with self._build_lock:
            if key not in self.entries:
                self._prepare_weights(None if signature.parts else signature.inputs)
                self.entries[key] = make(signature)
                self.fingerprint.keep_objective(self.model)
        return self.entries[key]

    def compiled_entries(self) -> list[CompiledEntry]:
        """What has been compiled, or prediction where nothing has."""
        if not self.entries:
            self.predict_entry(())
        return [e for e in self.entries.values() if isinstance(e, CompiledEntry)]

    def _own_entry(self, verb: str, signature: Signature) -> Entry:
        """A step of the user's own: all that it reads besides weights is memory of this entry."""
        program, trace = programs.own_step_program(
            self.model, verb, signature, self.names, self.label
        )
        name = "train_step" if verb == "train" else "evaluate"
        entry = self._build_own(program, trace, "own_step", name)
        self.own_signatures[verb] = signature
        return entry

    def _build_own(self, program: Program, trace: Trace, kind: str, name: str) -> Entry:
        placed = self._placed()
        memory = Memory("train", [v for v in trace.params if v not in placed], trace.names)
        memories = (self.weights, memory, self.state)
        entry = self._build(program, kind, name, Context(), memories)
        self.own_memory[entry] = memory
        return entry

    def _own_predict_entry(self, types: Types) -> Entry:
        """A prediction of the user's own, likewise."""
        key = ("predict_step", tuple(types), of_entries())
        with self._build_lock:
            if key not in self.entries:
                self._prepare_weights(types)
                program, trace = programs.predict_program(
                    self.model, types, self.names, self.label, as_users_say=True
                )
                self.entries[key] = self._build_own(program, trace, "infer", "predict_step")
        return self.entries[key]

    def _evaluate_entry(self, signature: Signature) -> Entry:
        program, trace = self._objective_program(signature, training=False)
        self._prepare_state(trace)
        return self._build(program, "infer", "evaluate", Context())

    def _train_entry(self, signature: Signature) -> Entry:
        optimizer, trained = self.model.optimizer, self.model.trainable_variables
        program, trace = self._objective_program(signature, training=True)
        self._prepare_state(trace)
        by_name = {self.names[v]: v for v in trained}
        context = self._train_context(StepOptimizer(optimizer, by_name, trace))
        return self._build(
            programs.with_all_trained(program, trained, trace), "train", "train_step", context
        )

    def gradient_entry(self, signature: Signature) -> Entry:
        """Forward and backward of a step that is done in parts: adds to the sums of gradients."""
        return self._cached("gradient", signature, self._gradient_entry)

    def optimizer_entry(self, signature: Signature) -> Entry:
        """The rest of it: what the optimizer makes of the sums."""
        return self._cached("optimizer", signature, self._optimizer_entry)

    def input_gradient_entry(self, types: Types) -> Entry:
        """The gradients of inputs of these types, from those of outputs."""
        key = ("input gradient", tuple(types), of_entries())
        with self._build_lock:
            if key not in self.entries:
                self._prepare_weights(types)
                program, trace, seeds = programs.input_gradient_program(
                    self.model, types, self.names, self.label
                )
                self._place_rest(trace)
                memories = (self.weights, self.state)
                context, name = Context(seeds=seeds), "input_gradient"
                self.entries[key] = self._build(program, name, name, context, memories)
        return self.entries[key]

    def _gradient_entry(self, signature: Signature) -> Entry:
        program, trace = self._objective_program(signature, True, with_outputs=True)
        self._prepare_state(trace)
        trained = self.model.trainable_variables
        program = programs.with_all_trained(program, trained, trace)
        return self._build(program, "gradient", "gradient", self._train_context(None))

    def _optimizer_entry(self, signature: Signature) -> Entry:
        trained = self.model.trainable_variables
        trace = Trace(training=True, names=self.names, label=self.label)
        program = programs.optimizer_program(trained, trace, self.runs)
        by_name = {self.names[v]: v for v in trained}
        optimizer = PartsOptimizer(self.model.optimizer, by_name, trace, self.runs)
        context = self._train_context(optimizer)
        return self._build(program, "optimizer", "optimizer", context)

    def _train_context(self, optimizer: StepOptimizer | None) -> Context:
        trained = set(self.model.trainable_variables)
        names = [self.names[v] for v in self.weights.variables if v in trained]
        return Context(trainable=names, runs=self.runs, optimizer=optimizer)

    def _objective_program(
        self, signature: Signature, training: bool, with_outputs: bool = False
    ) -> tuple[Program, Trace]:
        objective = objective_of(self.model)
        return programs.objective_program(
            self.model, objective, signature, self.names, self.label, training, with_outputs
        )

    def _build(
        self,
        program: Program,
        kind: str,
        name: str,
        context: Context,
        memories: Sequence[Memory | None] | None = None,
    ) -> Entry:
        memories = memories or (self.weights, self.train_memory, self.state)
        blocks = [m.block for m in memories if m is not None]
        if looked_into(("devtools",)):
            from fncompile import devtools  # not without being asked for

            return devtools.build_entry(program, kind, name, blocks, context, self.prefix)
        return build_entry(program, kind, name, blocks, context, self.prefix)

    @property
    def prefix(self) -> str:
        """What the C names of the model begin with."""
        return model_prefix(self.label(self.model.name))

    def can_train(self) -> bool:
        """Is there a loss, and anything to train?"""
        from fncompile.session.exported import can_train

        return can_train(self.model)

    def native(self, training: bool, sample_weight: bool) -> Native:
        """What `export` makes a library of; see `fncompile.session.exported`."""
        from fncompile.session.exported import native

        return native(self, training, sample_weight)

    # memory ---------------------------------------------------------------------------------------

    def _prepare_weights(self, types: Types | None) -> tuple[Program, Trace] | None:
        """Give the weights their memory, and what prediction carries from call to call its own,
        once. `types` of inputs, if they are known. Gives what was traced to know that."""
        if self.names:
            return None
        weights = self.model.weights
        self.names = name_variables([weights], self.label)
        traced = None
        may_change = [*self.model.variables, *self.model.metrics_variables]
        if types is not None and not all(v.trainable for v in may_change):
            traced = self._predict_program(types)
        carried = _carried(*traced, set(weights)) if traced else []
        self.names = name_variables([weights, carried], self.label)
        self.weights = weights_memory([v for v in weights if v not in set(carried)], self.names)
        if carried:
            self.state = Memory("state", carried, self.names)
        return traced

    def _place_rest(self, trace: Trace) -> None:
        """Memory for what prediction reads besides weights and is no part of the model."""
        placed = self._placed()
        rest = [v for v in trace.params if v not in placed]
        if rest and self.state is None:
            self.state = Memory("state", rest, trace.names)

    def _predict_program(self, types: Types) -> tuple[Program, Trace]:
        return programs.predict_program(self.model, types, self.names, self.label)

    def _placed(self) -> set[Variable]:
        """The variables that have their memory whatever is done with the model."""
        return {*self.weights.variables, *(self.state.variables if self.state else ())}

    def _prepare_state(self, trace: Any) -> None:
        """Give the variables of steps their memory; once, with all that any step may change."""
        if self.train_memory is not None:
            return
        optimizer, objective = optimizer_of(self.model), objective_of(self.model)
        placed = self._placed()
        state = [
            *optimizer.variables[: _plain_count(optimizer)],
            *objective.variables,
            *trace.params,
            *self.model.variables,
        ]
        state = [v for v in dict.fromkeys(state) if v not in placed]
        carried = self.state.variables if self.state else []
        self.names = name_variables([self.model.weights, carried, state], self.label)
        trained = self.model.trainable_variables
        self.runs = find_runs(self.weights, trained, optimizer.treatment)
        if not optimizer.built:  # the user's may build anew at each call
            optimizer.build(trained)
        self.train_memory = StateMemory(state, self.names, self.runs, optimizer)


def _carried(program: Program, trace: Trace, weights: set[Variable]) -> list[Variable]:
    """What prediction changes, and all else that it reads besides weights: states of layers, and
    seeds where dropout is always on."""
    return [v for v, p in trace.params.items() if v not in weights or p in program.updates]


def _plain_count(optimizer: Any) -> int:
    """How many of the optimizer's variables are not slots."""
    return len(optimizer.variables) - len(optimizer._slots)
