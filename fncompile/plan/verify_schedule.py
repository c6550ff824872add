"""That the workers of a team share each kernel as its axes allow, and wait where they must."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from fncompile.ir.dims import Dim, evaluate
from fncompile.ir.types import DTYPES
from fncompile.ir.verify import VerifyError
from fncompile.plan.schedule import Partition
from fncompile.plan.types import Buffer, Kernel, Plan
from fncompile.plan.verify_memory import Access, Env, accesses, run_of, sample_sizes

CUTS = ("batches", "rows", "columns")


def check_schedules(plan: Plan) -> None:
    """A partition cuts an axis that the kernel has, at a positive grain."""
    for kernel in (*plan.prepare, *plan.kernels):
        if kernel.schedule is None:
            continue
        found = kernel.schedule.partition
        if found.axis not in ("alone", "longer", "panels"):
            extent = _cut_extent(kernel, found)
            if extent != found.extent:
                raise VerifyError(f"{kernel.name}: {found} cuts an axis of extent {extent}")
        if found.grain < 1 or kernel.schedule.lanes < 1:
            raise VerifyError(f"{kernel.name}: {found} with {kernel.schedule.lanes} lanes")
        if (found.axis == "panels") != (kernel.stages[0].kind == "pack"):
            raise VerifyError(f"{kernel.name}: {found}, of a {kernel.stages[0].kind}")


def _cut_extent(kernel: Kernel, partition: Partition) -> Dim:
    if kernel.product is not None:
        return kernel.product.shape[_cut_axis(kernel, partition.axis)]
    if partition.axis != "rows" or kernel.outer < 1:
        raise VerifyError(f"{kernel.name}: {partition}, but it has {kernel.outer} outer axes")
    if any(s.kind == "scatter" for s in kernel.stages):
        raise VerifyError(f"{kernel.name}: {partition} of rows that are known at run time")
    return kernel.loops[0].domain[0]


@dataclass(frozen=True)
class _Part:
    """What a kernel touches of `buffer`: bytes `first` to `last` of `space` for row 0 of its
    partition, `step` bytes further for each of `rows` rows; `step` is 0 where rows share it.
    Conditions keep it inside of `place`, the bytes of the buffer."""

    buffer: Buffer
    writes: bool
    space: str
    first: int
    last: int
    step: int
    rows: int
    place: range

    def meets(self, other: _Part) -> bool:
        """Do the two have bytes in common?"""
        mine, theirs = self._all(), other._all()
        return self.space == other.space and mine[0] <= theirs[1] and theirs[0] <= mine[1]

    def _all(self) -> tuple[int, int]:
        reach = self.step * (self.rows - 1)
        first, last = self.first + min(reach, 0), self.last + max(reach, 0)
        return max(first, self.place.start), min(last, self.place.stop - 1)

    def keeps_to_rows(self, other: _Part) -> bool:
        """Does no row of the one meet another row of the other?"""
        if self.step != other.step or self.step <= 0:
            return False
        return other.first + self.step > self.last and self.first + self.step > other.last


def check_barriers(plan: Plan) -> None:
    """Between kernels without a barrier no worker touches what another one writes."""
    if not plan.barriers:
        return
    if len(plan.barriers) != len(plan.kernels):
        raise VerifyError(f"{len(plan.barriers)} barriers for {len(plan.kernels)} kernels")
    barriers = {id(k): reason for k, reason in zip(plan.kernels, plan.barriers)}
    for env in sample_sizes(plan):
        since: list[_Ran] = []
        for kernel, here in run_of(plan.steps, env):
            shared = [a for a in accesses(kernel) if a.buffer.kind != "local"]
            parts = [p for a in shared if (p := _part(plan, kernel, a, here)) is not None]
            ran = _Ran(kernel, parts, _is_alone(kernel))
            since = [] if barriers[id(kernel)] else since
            for before in since:
                if not (before.is_alone and ran.is_alone):
                    _check_apart(before, ran)
            since.append(ran)


class _Ran(NamedTuple):
    """A kernel, what it touches, and whether the first worker does all of it."""

    kernel: Kernel
    parts: list[_Part]
    is_alone: bool


def _check_apart(first: _Ran, second: _Ran) -> None:
    before, kernel = first.kernel, second.kernel
    shared = not (first.is_alone or second.is_alone)
    together = shared and _partition(before) == _partition(kernel)
    for a in first.parts:
        for b in second.parts:
            if (a.writes or b.writes) and a.meets(b) and not (together and a.keeps_to_rows(b)):
                raise VerifyError(
                    f"{kernel.name} {'writes' if b.writes else 'reads'} {b.buffer}, which "
                    f"{before.name} {'writes' if a.writes else 'reads'} as {a.buffer}, without a "
                    "barrier"
                )


def _partition(kernel: Kernel) -> Partition:
    if kernel.schedule is None:
        raise VerifyError(f"{kernel.name} has no schedule")
    return kernel.schedule.partition


def _cut_axis(kernel: Kernel, cut: str) -> int:
    """Of a product: the number of the axis among (batches, m, n)."""
    assert kernel.product is not None
    return 0 if cut == "batches" else len(kernel.product.batches) + CUTS.index(cut) - 1


def _is_alone(kernel: Kernel) -> bool:
    """An extent too short to be cut is the first worker's."""
    found = _partition(kernel)
    short = isinstance(found.extent, int) and found.extent // found.grain < 2
    return found.axis == "alone" or (short and found.axis in CUTS)


def _part(plan: Plan, kernel: Kernel, access: Access, env: Env) -> _Part | None:
    axis = _row_axis(kernel, access)
    domain, step, rows = access.domain, 0, 1
    if axis is not None:
        rows, step = evaluate(domain[axis], env), evaluate(access.at.coefficient(axis), env)
        domain = (*domain[:axis], 1, *domain[axis + 1 :])
    span = replace(access, domain=domain).span(env)
    if span is None or rows < 1:
        return None
    root, start, size = access.buffer, 0, DTYPES[access.buffer.type.dtype].size
    while root.base is not None:
        start += evaluate(root.offset, env) * DTYPES[root.type.dtype].size
        root = root.base
    space = str(root)
    if root in plan.offsets:
        space, start = "arena", start + evaluate(plan.offsets[root], env)
    first, last = start + span[0] * size, start + span[1] * size + size - 1
    place = range(start, start + evaluate(access.buffer.type.nbytes, env))
    return _Part(access.buffer, access.writes, space, first, last, step * size, rows, place)


def _row_axis(kernel: Kernel, access: Access) -> int | None:
    """Which axis of the access the partition cuts."""
    cut = _partition(kernel).axis
    if access.side == "key" or cut not in CUTS:
        return None
    if kernel.product is None:
        return 0
    shared = {"a": "columns", "b": "rows"}.get(access.side)
    return None if cut == shared else _cut_axis(kernel, cut)
