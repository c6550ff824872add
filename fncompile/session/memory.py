"""Where the variables of a model live once it is compiled.

`weights` holds the model's weights, the trainable ones first and end to end; `state` what a
prediction leaves to the next one, such as the states of a stateful layer; `train` all else that a
step changes: optimizer state, metrics, seeds. Variables keep their identity: their storage
moves into the block. A variable that two models share is where the one that ran last has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from fncompile.graph.trace import unique_name
from fncompile.graph.variable import Variable
from fncompile.ir.dims import evaluate
from fncompile.ir.types import DTYPES, TensorType
from fncompile.passes.apply_optimizer import Member, Run
from fncompile.runtime.binding import return_memory
from fncompile.runtime.block import Block

LARGE = 1 << 22  # bytes


class Memory:
    """One block and the variables in it; `version` counts the times that they may have changed."""

    version = 0

    def __init__(
        self,
        name: str,
        variables: Sequence[Variable],
        names: dict[Variable, str],
        slots: Iterable[tuple[str, TensorType]] = (),
    ):
        self.variables = list(variables)
        self.names = names
        self.block = Block(name, [*((names[v], v.type) for v in self.variables), *slots])
        self.state_bytes = self.block.nbytes  # from here on what no call but those in parts uses
        self.lost = True

    def adopt(self) -> None:
        """Move the variables here, if another model has taken any of them away."""
        if not self.lost:
            return
        for variable in self.variables:
            owner = variable._owner
            if owner is not self:
                variable.move_to(self.block.view(self.names[variable]))
                variable._owner = self
                if owner is not None:
                    owner.lost = True
        if self.block.nbytes >= LARGE:
            return_memory()  # of what the variables had
        self.version += 1  # before `lost`, so that no short call takes old prepared values for new
        self.lost = False


class StateMemory(Memory):
    """The `train` block: variables, and the optimizer's slots as one array per run and slot. Behind
    these `state_bytes` bytes is what steps that are done in parts use besides: the sum of gradients
    of each run, and which of its elements are frozen. Nobody touches it otherwise."""

    def __init__(
        self,
        variables: Sequence[Variable],
        names: dict[Variable, str],
        runs: Sequence[Run],
        optimizer: Any,
    ):
        slots = slot_items(runs, optimizer.slots_of)
        parts = [(p["name"], p.type) for run in runs for p in (run.gradient, run.frozen)]
        super().__init__("train", variables, dict(names), [*slots, *parts])
        self.state_bytes = self.block.offsets[parts[0][0]] if parts else self.block.nbytes
        by_name = {name: v for v, name in names.items()}
        for run in runs:
            for slot in optimizer.slots_of(run.overwrite):
                self._place_slot(run, slot, optimizer, by_name)

    def _place_slot(
        self, run: Run, slot: str, optimizer: Any, by_name: dict[str, Variable]
    ) -> None:
        """Let the slot variables of the run's members live inside the slot of the run."""
        whole = f"{run.name}.{slot}"
        start, size = self.block.offsets[whole], self.block.view(whole).itemsize
        for member in run.members:
            variable, key = optimizer.slot(slot, by_name[member.name]), f"{whole}.{member.name}"
            self.block.alias(key, member.type, start + member.offset * size)
            self.variables.append(variable)
            self.names[variable] = key


def name_variables(
    groups: Iterable[Sequence[Variable]], label: Callable[[str], str]
) -> dict[Variable, str]:
    """A parameter name for each variable: the label of its path, made unique."""
    names: dict[Variable, str] = {}
    taken: set[str] = set()
    for variables in groups:
        for v in variables:
            if v not in names:
                names[v] = unique_name(label(v.path), taken)
    return names


def weights_memory(weights: Sequence[Variable], names: dict[Variable, str]) -> Memory:
    trained = [v for v in weights if v.trainable]
    return Memory("weights", [*trained, *(v for v in weights if not v.trainable)], names)


def find_runs(memory: Memory, trained: Sequence[Variable], treatment: Any) -> list[Run]:
    """Trainable variables that lie side by side, have one dtype, and are treated alike."""
    runs: list[list[Variable]] = []
    wanted = set(trained)
    previous: Variable | None = None
    for v in memory.variables:
        if v in wanted:
            alike = (
                previous is not None
                and previous.dtype == v.dtype
                and treatment(previous) == treatment(v)
            )
            if alike:
                runs[-1].append(v)
            else:
                runs.append([v])
        previous = v if v in wanted else None
    return [_run(i, memory, run, *treatment(run[0])) for i, run in enumerate(runs)]


def _run(
    number: int, memory: Memory, variables: Sequence[Variable], decay: bool, overwrite: bool
) -> Run:
    block, size = memory.block, DTYPES[variables[0].dtype].size
    start = block.offsets[memory.names[variables[0]]]
    members = tuple(
        Member(memory.names[v], v.type, (block.offsets[memory.names[v]] - start) // size)
        for v in variables
    )
    last = members[-1]
    total = last.offset + evaluate(last.type.size, {})
    elements = -(-total * size // 64) * 64 // size
    name = f"weights_{number + 1}" if number else "weights"
    run = Run(name, variables[0].dtype, elements, members, decay, overwrite)
    block.alias(run.name, TensorType(run.dtype, (run.size,)), start)
    return run


def slot_items(
    runs: Sequence[Run], slots_of: Callable[[bool], Sequence[str]]
) -> list[tuple[str, TensorType]]:
    """The optimizer's slots: one array as long as its run, for each run and slot."""
    return [
        (f"{run.name}.{slot}", TensorType(run.dtype, (run.size,)))
        for run in runs
        for slot in slots_of(run.overwrite)
    ]
