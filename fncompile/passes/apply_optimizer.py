"""Turn gradients into updates of whole runs of parameters.

Requires: outputs `grad:<name>`; `context.runs` says which trainable parameters lie side by side in
memory. Ensures: those parameters are slices of one parameter per run, each run and each of its
optimizer slots is updated by one element-wise expression, and the gradient outputs are gone. So the
optimizer is one sweep over contiguous memory, whatever the number of layers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from fncompile.ir import build
from fncompile.ir.dims import evaluate, product
from fncompile.ir.node import Node, Origin, Program, coming_from, rebuild
from fncompile.ir.types import TensorType


@dataclass(frozen=True)
class Member:
    """One parameter of a run: it begins `offset` elements after the run does."""

    name: str
    type: TensorType
    offset: int


@dataclass(frozen=True)
class Run:
    """Adjacent trainable parameters of one dtype; `size` elements with the gaps between them.

    They are all decayed or none is; `overwrite` puts their gradients in their place.
    """

    name: str
    dtype: str
    size: int
    members: tuple[Member, ...]
    decay: bool = True
    overwrite: bool = False

    def param(self, slot: str | None = None, dtype: str | None = None) -> Node:
        """The run, or what its elements have besides; of its own dtype unless another is given."""
        name = self.name if slot is None else f"{self.name}.{slot}"
        return build.param(name, TensorType(dtype or self.dtype, (self.size,)))

    @property
    def gradient(self) -> Node:
        """The sum of gradients, where a step is done in parts."""
        return self.param("gradient")

    @property
    def frozen(self) -> Node:
        """Which elements stay as they are, where a step is done in parts."""
        return self.param("frozen", "bool")


class Update(Protocol):
    """What the pass asks of an optimizer; all tensors are nodes."""

    adds_up: bool  # are gradients added up over several steps?

    def slots_of(self, overwritten: bool) -> Sequence[str]:
        """The names of the slots of a run."""

    def add_up(self, g: Node, before: Node, overwritten: bool) -> tuple[Node, Node]:
        """The sum of the gradients of a run, and what to follow of it."""

    def transform(self, grads: dict[str, Node]) -> dict[str, Node]:
        """Gradients by name, clipped."""

    def update(
        self, run: Run, g: Node, slots: dict[str, Node], total: Node | None
    ) -> tuple[Node, dict[str, Node]]:
        """The new value of a run, and its slots; `total` is the sum of gradients, if there is."""

    def constrain(self, name: str, value: Node) -> Node:
        """What a new value of one parameter may be."""

    def settle(self, run: Run, old: Node, new: Node) -> Node:
        """Of the old and the new value of a run, or slot, that to keep."""

    def finish(self) -> dict[Node, Node]:
        """Updates of the optimizer's own state."""


def apply_optimizer(program: Program, context) -> Program:
    with coming_from(Origin("optimizer")):  # which says more of what it makes itself
        return _applied(program, context)


def _applied(program: Program, context) -> Program:
    runs, optimizer = context.runs, context.optimizer
    grads = {
        k.removeprefix("grad:"): n for k, n in program.outputs.items() if k.startswith("grad:")
    }
    totals, means = _added_up(runs, optimizer, grads) if optimizer.adds_up else ({}, {})
    grads = {**grads, **{m.name: member_of(means[r], m) for r in means for m in r.members}}
    grads = optimizer.transform(grads)
    updates, params = dict(program.updates), list(program.params)
    for run in runs:
        slots = {s: run.param(s) for s in optimizer.slots_of(run.overwrite)}
        g = gradient_of(run, grads, means.get(run))
        new, new_slots = optimizer.update(run, g, slots, totals.get(run))
        if not run.overwrite:
            new = _constrained(run, new, optimizer.constrain)
        updates[run.param()] = optimizer.settle(run, run.param(), new)
        updates.update({slots[s]: optimizer.settle(run, slots[s], n) for s, n in new_slots.items()})
        params += [run.param(), *slots.values()]
    updates.update(optimizer.finish())
    outputs = {k: n for k, n in program.outputs.items() if not k.startswith("grad:")}
    return slice_params(
        replace(program, outputs=outputs, updates=updates, params=tuple(params)), runs
    )


def _added_up(
    runs: Sequence[Run], optimizer: Update, grads: dict[str, Node]
) -> tuple[dict[Run, Node], dict[Run, Node]]:
    """The sum of the gradients of each run, and what to follow of it."""
    found = {
        run: optimizer.add_up(
            gradient_of(run, grads), run.param("gradient_accumulator"), run.overwrite
        )
        for run in runs
    }
    return {r: total for r, (total, _) in found.items()}, {r: m for r, (_, m) in found.items()}


def gradient_of(run: Run, grads: dict[str, Node], whole: Node | None = None) -> Node:
    """The gradient of a run, which is called that."""
    with coming_from(Origin("optimizer/gradient")):
        return gather_run(run, grads, whole)


def gather_run(run: Run, grads: dict[str, Node], whole: Node | None = None) -> Node:
    """The gradients of a run in one vector, zeros in the gaps: `whole`, or that of their sums,
    where they are its parts as they are."""
    whole = run.gradient if whole is None else whole
    if all(grads[m.name] is member_of(whole, m) for m in run.members):
        return whole
    parts: list[Node] = []
    end = 0
    for member in run.members:
        if member.offset > end:
            parts.append(build.full((member.offset - end,), 0, run.dtype))
        parts.append(build.reshape(grads[member.name], (member.type.size,)))
        end = member.offset + evaluate(product(member.type.shape), {})
    if run.size > end:
        parts.append(build.full((run.size - end,), 0, run.dtype))
    return build.concat(parts, 0)


def member_of(vector: Node, member: Member) -> Node:
    """The view of one parameter in the vector of its run."""
    return build.reshape(
        build.slice(vector, (member.offset,), (member.type.size,)), member.type.shape
    )


def _constrained(run: Run, new: Node, constrain: Callable[[str, Node], Node]) -> Node:
    values = {m.name: member_of(new, m) for m in run.members}
    allowed = {name: constrain(name, value) for name, value in values.items()}
    if all(allowed[name] is values[name] for name in values):
        return new
    return gather_run(run, allowed)


def slice_params(program: Program, runs: Sequence[Run]) -> Program:
    """Every parameter of a run as a slice of the run, so that there is one name for its memory."""
    views = {
        build.param(m.name, m.type): member_of(run.param(), m) for run in runs for m in run.members
    }
    new = rebuild(program.roots, lambda node, src: views.get(node))
    program = program.map(new.__getitem__)
    used = {n for n in program.nodes() if n.op == "param"}
    order = list(dict.fromkeys([*program.params, *sorted(used, key=lambda p: p["name"])]))
    return replace(
        program,
        params=tuple(p for p in order if p not in views and (p in used or p in program.updates)),
    )
