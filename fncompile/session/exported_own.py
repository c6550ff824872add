"""What a model whose steps the user wrote gives to `export`.

As `session.exported`, for `train_step` and, where there was one, `test_step` on data like those of
the last batch. Such a step is one program, with its gradients and updates, so the library has no
split form. The metrics of the library are what the steps return, by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fncompile.passes.manager import Context
from fncompile.runtime.entry import Entry
from fncompile.session import programs
from fncompile.session.memory import Memory, name_variables
from fncompile.session.signature import Signature
from fncompile.training.compile import objective_of

if TYPE_CHECKING:
    from fncompile.session.compiled import CompiledSteps


def own_entries(steps: CompiledSteps) -> tuple[dict[str, Entry], Memory]:
    """The entries of "train" and, where a batch was evaluated, "evaluate", in one memory.
    ValueError where no batch was trained on."""
    signatures = steps.own_signatures
    if "train" not in signatures:
        raise ValueError(
            f"What the steps of {steps.model.name!r} take is known from data alone: train it on a "
            "batch, and evaluate it on one where the library is to evaluate, then export it."
        )
    memory = _memory(steps, signatures)
    found = {}
    for verb, name in (("train", "train_step"), ("evaluate", "evaluate")):
        if verb in signatures:
            program, _ = _traced(steps, verb, signatures[verb], memory.names)
            memories = steps.weights, memory
            found[verb] = steps._build(program, "own_step", name, Context(), memories)
    return found, memory


def _memory(steps: CompiledSteps, signatures: dict[str, Signature]) -> Memory:
    """Of all that the steps read and write besides weights."""
    model, objective = steps.model, objective_of(steps.model)
    traces = [_traced(steps, verb, given, steps.names)[1] for verb, given in signatures.items()]
    read = [v for trace in traces for v in trace.params]
    state = [*model.optimizer.variables, *objective.variables, *objective.log_variables(), *read]
    weights = set(steps.weights.variables)
    state = [v for v in dict.fromkeys([*state, *model.variables]) if v not in weights]
    return Memory("train", state, name_variables([model.weights, state], steps.label))


def _traced(steps: CompiledSteps, verb: str, signature: Signature, names: Any) -> tuple[Any, Any]:
    return programs.own_step_program(steps.model, verb, signature, names, steps.label)


def advances(entry: Any, memory: Memory, variable: Any) -> bool:
    """Does a step of `entry` change this variable?"""
    return any(p["name"] == memory.names.get(variable) for p in entry.program.updates)


def roles(signature: Signature) -> list[str]:
    """Of the arrays of a step: data, target or weight, as data has x, y and sample weights."""
    words = {"x": "data", "y": "target", "w": "weight"}
    assert signature.parts is not None
    return [words[name.split(":")[0]] for name in signature.parts.names]


def zeros(variables: Any) -> list[np.ndarray]:
    return [np.zeros_like(v.numpy()) for v in variables]
