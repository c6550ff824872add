"""From what a model gives (`session.exported`) to the description of its library.

Requires entries that were lowered for the same blocks. Ensures names that are distinct in C,
sizes over one set of symbols, and a hash that tells models apart whose checkpoints do not fit
each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fncompile.codegen.c_names import distinct, identifier
from fncompile.export.api.library import (
    RESERVED,
    Checkpoint,
    Library,
    Param,
    Part,
    Port,
    State,
    Step,
    Training,
)
from fncompile.graph.variable import Variable
from fncompile.ir.dims import Poly
from fncompile.ir.node import Node, Program
from fncompile.ir.text import print_program
from fncompile.ir.types import DTYPES, TensorType, at_border
from fncompile.passes.memory import round_up
from fncompile.plan.types import reads, root_buffer
from fncompile.runtime.entry import CompiledEntry

if TYPE_CHECKING:
    from fncompile.session.exported import Native
    from fncompile.session.memory import Memory
    from fncompile.training.trained import TrainedModel

# FNC_CTX_SYMBOLS, FNC_STEPS_MAX_INPUTS and FNC_PENDING_ARRAYS of csrc
MAX_SYMBOLS, MAX_INPUTS, MAX_ARRAYS = 16, 64, 64


def describe(native: Native, prefix: str, checkpoint: Checkpoint, facts: dict[str, Any]) -> Library:
    """The library; `facts` are those of its fields that do not follow from the model. ValueError
    where C cannot have it."""
    weights = native.memories[0]
    changed = [p["name"] for p in native.predict.program.updates]
    shared = [name for name in changed if name in weights.block.offsets]
    if shared:
        raise ValueError(
            f"The model {native.model.name!r} changes the weights {', '.join(shared)} when it "
            "predicts, and was first trained by its own `train_step`, so that a library's contexts "
            "would share them. Call `predict` on an array before `fit`, then export it."
        )
    library = Library(
        prefix=prefix,
        title=native.model.name,
        steps=_steps(native, prefix),
        params=_params(native, weights),
        param_dtype=_param_dtype(native.model),
        weights_bytes=weights.block.nbytes,
        train_bytes=native.training.memory.state_bytes if native.training else 0,
        state_bytes=native.first_state.nbytes,
        parts_bytes=_parts_bytes(native),
        checkpoint=checkpoint,
        batch=_fixed_batch(native.predict.program),
        training=_training(native),
        **facts,
    )
    _check_limits(library)
    return library


def model_hash(program: Program, arrays: Sequence[tuple[str, TensorType]]) -> str:
    """A hash of what a model computes and of the arrays in its checkpoints; not of their values."""
    text = print_program(program, origins=False) + "".join(
        f"{path} {type}\n" for path, type in arrays
    )
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _check_limits(library: Library) -> None:
    if len(library.symbols) > MAX_SYMBOLS:
        raise ValueError(
            f"A library has at most {MAX_SYMBOLS} open sizes, and {library.title!r} has "
            f"{len(library.symbols)}: fix some of them in its Inputs."
        )
    for step in library.steps.values():
        if max(len(step.inputs), len(step.outputs)) > MAX_ARRAYS and step.halves:
            raise ValueError(
                f"A library takes or gives at most {MAX_ARRAYS} arrays a step, and "
                f"{library.title!r} has more: join some of them."
            )
        if len(step.inputs) > MAX_INPUTS and step.steps:
            raise ValueError(
                f"A library takes at most {MAX_INPUTS} arrays a step, and {library.title!r} has "
                f"{len(step.inputs)}: join some of them."
            )


# steps ------------------------------------------------------------------------------------------


TRAINING = ("train_step", "evaluate", "report", "gradient", "optimizer", "input_gradient")


def entries_of(native: Native) -> dict[str, CompiledEntry]:
    """The compiled entries of a library, by name."""
    found = {name: getattr(native.training, name, None) for name in TRAINING}
    return {"predict": native.predict, **{k: e for k, e in found.items() if e is not None}}


def _steps(native: Native, prefix: str) -> dict[str, Step]:
    entries = entries_of(native)
    return {name: _step(native, name, entry, prefix) for name, entry in entries.items()}


def _step(native: Native, name: str, entry: CompiledEntry, prefix: str) -> Step:
    lowered, ports = entry.lowered, _ports(native, name, entry, prefix)
    steps = lowered.has_steps and name in ("train_step", "evaluate")
    gathered = [round_up(s.type.nbytes) for s in entry.program.inputs] if steps else []
    return Step(
        name=name,
        inputs=tuple(p for p in ports if p.role != "output"),
        outputs=tuple(p for p in ports if p.role == "output"),
        symbols=lowered.symbols,
        arena=sum(gathered, round_up(lowered.arena)),
        prepared=lowered.prepared,
        steps=steps,
        reads_state=_reads_state(entry, native),
        halves=name == "gradient",
    )


def _ports(native: Native, name: str, entry: CompiledEntry, prefix: str) -> list[Port]:
    """Inputs, then outputs."""
    outputs = list(entry.program.outputs)
    roles = [*_roles(native, name, entry), *("output" for _ in outputs)]
    titles = _titles(native, [*(s["name"] for s in entry.program.inputs), *outputs], roles)
    types = [*(s.type for s in entry.program.inputs), *entry.lowered.outputs]
    known = [_known(entry.program, s) for s in entry.program.inputs] + [""] * len(outputs)
    return list(map(Port, _c_names(titles, prefix), titles, types, roles, known))


def _known(program: Program, node: Node) -> str:
    """Which numbers an input may have, where it is an index."""
    found = [r for name, r in program.ranges if name == node["name"]]
    if not found:
        return ""
    allowed = {r.allowed for r in found} - {0}
    also = "".join(f" or {n}" for n in sorted(allowed)) if len(found) == 1 else ""
    return f"0 to {min(r.count for r in found) - 1}{also}"


def _c_names(titles: Sequence[str], prefix: str) -> list[str]:
    """What parameters of the public functions are called: not as a function, table or type is."""
    ours = (f"{prefix}_", "fnc_", "step_")
    kept = (f"x_{t}" if identifier(t).startswith(ours) else t for t in titles)
    return distinct(kept, RESERVED)


def _roles(native: Native, name: str, entry: CompiledEntry) -> list[str]:
    known = native.training.roles if native.training else {}
    return known.get(name) or ["input"] * len(entry.program.inputs)


def _titles(native: Native, names: Sequence[str], roles: Sequence[str]) -> list[str]:
    """Targets and weights are called after their output, or by their role if it is the only one."""
    titles = list(names)
    for role, word in (("target", "target"), ("weight", "sample_weight")):
        places = [i for i, r in enumerate(roles) if r == role]
        named = native.training.targets if native.training and places else ()
        outputs = named or range(len(places))
        for place, output in zip(places, outputs, strict=True):
            titles[place] = word if len(places) == 1 else f"{word}_{output}"
    return titles


def _reads_state(entry: CompiledEntry, native: Native) -> bool:
    """Does `prepare` read more than weights?"""
    if not entry.lowered.has_prepare:
        return False
    weights = native.memories[0].block.offsets
    read = {root_buffer(b) for kernel in entry.plan.prepare for b in reads(kernel)}
    return any(b.kind == "param" and b.name not in weights for b in read)


def _fixed_batch(program: Program) -> int | None:
    firsts = {i.type.shape[0] for i in program.inputs if i.type.shape}
    known = [d for d in firsts if not isinstance(d, Poly)]
    return int(known[0]) if known and len(firsts) == 1 else None


# variables --------------------------------------------------------------------------------------


def _param_dtype(model: TrainedModel) -> str:
    """What the flat array of parameters holds: the type of the first weight of real numbers."""
    real = (at_border(v.type).dtype for v in model.weights if v.type.kind == "f")
    return next(real, "float32")


def _parts_bytes(native: Native) -> int:
    if native.training is None:
        return 0
    memory = native.memories[1]
    return int(memory.block.nbytes - memory.state_bytes)


def _part(native: Native, name: str) -> Part | None:
    """Where the sum of gradients of a weight lies, and what says that it is frozen."""
    if native.training is None:
        return None
    places = native.memories[1].block.offsets
    for run in native.runs:
        for member in run.members:
            if member.name == name:
                gradient = places[run.gradient["name"]] + member.offset * DTYPES[run.dtype].size
                return Part(gradient, places[run.frozen["name"]] + member.offset)
    return None


def _params(native: Native, memory: Memory) -> tuple[Param, ...]:
    model = native.model
    found, first, dtype = [], 0, _param_dtype(model)
    for v in model.weights:
        if v not in memory.names or memory.names[v] not in memory.block.offsets:
            continue  # it is state
        type, narrow = at_border(v.type), bool(DTYPES[v.dtype].outside)
        listed = type.dtype == dtype
        place = memory.block.offsets[memory.names[v]]
        part = _part(native, memory.names[v])
        at = first if listed else None
        found.append(Param(v.path, type, place, at, v.trainable, narrow, part))
        first += v.size if listed else 0
    return tuple(found)


def _training(native: Native) -> Training | None:
    found = native.training
    if found is None:
        return None
    memory, optimizer = native.memories[1], native.model.optimizer
    places = memory.block.offsets
    spans = tuple((places[memory.names[v]], int(v.type.nbytes)) for v in found.metric_variables)
    rate = getattr(optimizer, "_learning_rate", None)
    return Training(
        metrics=tuple(found.metrics),
        metric_spans=spans,
        rate=_state(memory, rate) if found.counts and isinstance(rate, Variable) else None,
        iterations=_state(memory, optimizer._iterations) if found.counts else None,
        real=found.report.lowered.outputs[-1].dtype,
    )


def _state(memory: Memory, variable: Any) -> State:
    return State(variable.dtype, memory.block.offsets[memory.names[variable]])
