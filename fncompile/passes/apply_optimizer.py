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

    slots: Sequence[str]

    def transform(self, grads: dict[str, Node]) -> dict[str, Node]:
        """Gradients by name, clipped."""

    def update(
        self, w: Node, g: Node, slots: dict[str, Node], decay: bool
    ) -> tuple[Node, dict[str, Node]]:
        """The new value of a run, and its slots."""

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
    grads = optimizer.transform(grads)
    updates, params = dict(program.updates), list(program.params)
    for run in runs:
        if run.overwrite:
            updates[run.param()] = optimizer.settle(run, run.param(), gradient_of(run, grads))
            params.append(run.param())
            continue
        slots = {s: run.param(s) for s in optimizer.slots}
        new, new_slots = optimizer.update(run.param(), gradient_of(run, grads), slots, run.decay)
        new = _constrained(run, new, optimizer.constrain)
        updates[run.param()] = optimizer.settle(run, run.param(), new)
        updates.update({slots[s]: optimizer.settle(run, slots[s], n) for s, n in new_slots.items()})
        params += [run.param(), *slots.values()]
    updates.update(optimizer.finish())
    outputs = {k: n for k, n in program.outputs.items() if not k.startswith("grad:")}
    return slice_params(
        replace(program, outputs=outputs, updates=updates, params=tuple(params)), runs
    )


def gradient_of(run: Run, grads: dict[str, Node]) -> Node:
    """The gradient of a run, which is called that."""
    with coming_from(Origin("optimizer/gradient")):
        return gather_run(run, grads)


def gather_run(run: Run, grads: dict[str, Node]) -> Node:
    """The gradients of a run in one vector, zeros in the gaps: that of their sums, where they are
    those as they are."""
    if all(grads[m.name] is member_of(run.gradient, m) for m in run.members):
        return run.gradient
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
