"""What every Plan must satisfy, checked after each pass when FNC_VERIFY is on.

Each check names the kernel, the buffer and the numbers that do not fit. What depends on sizes that
are known only at a call is asked for a few of them. Offsets are checked once `memory` gave them,
schedules and barriers once they are there: see verify_memory.py and verify_schedule.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from fncompile.ir.dims import Dim, product
from fncompile.ir.verify import VerifyError
from fncompile.plan.types import (
    Buffer,
    Expr,
    Kernel,
    Plan,
    Stage,
    Value,
    buffer_of,
    children,
    operands,
    root_buffer,
    whole,
)
from fncompile.plan.verify_memory import check_extents, check_offsets
from fncompile.plan.verify_schedule import check_barriers, check_schedules

REDUCTIONS = ("sum", "max", "min", "prod", "argmax")
KINDS = ("map", "scatter", "dot", "pack", "routine", *REDUCTIONS)


def verify_plan(plan: Plan, stage: str = "") -> None:
    """VerifyError, which says after which pass, for the first thing that does not fit."""
    try:
        for kernel in (*plan.prepare, *plan.kernels):
            _check_kernel(kernel)
        _check_names(plan)
        _check_reads(plan)
        check_extents(plan)
        check_offsets(plan)
        check_schedules(plan)
        check_barriers(plan)
    except VerifyError as error:
        raise VerifyError(f"{stage}: {error}") from error


# one kernel ---------------------------------------------------------------------------------------


def _check_kernel(kernel: Kernel) -> None:
    if not kernel.loops or not all(loop.stages for loop in kernel.loops):
        raise VerifyError(f"{kernel.name}: a loop without stages")
    outer = {loop.domain[: kernel.outer] for loop in kernel.loops}
    if len(outer) != 1 or len(next(iter(outer))) != kernel.outer:
        raise VerifyError(f"{kernel.name}: loops do not share {kernel.outer} outer axes: {outer}")
    for loop in kernel.loops:
        for stage in loop.stages:
            _check_stage(kernel, stage)
            if stage.domain != loop.domain:
                raise VerifyError(
                    f"{kernel.name}: domains {loop.domain} and {stage.domain} in one loop"
                )
        reduced = {s.reduced for s in loop.stages} - {0}
        if len(reduced) > 1:
            raise VerifyError(f"{kernel.name}: one loop reduces {sorted(reduced)} axes")
    _check_product(kernel)
    _check_values(kernel)


def _check_stage(kernel: Kernel, stage: Stage) -> None:
    if stage.kind not in KINDS:
        raise VerifyError(f"{kernel.name}: no kind of stage: {stage.kind!r}")
    if (stage.reduced > 0) != (stage.kind in REDUCTIONS) or stage.reduced > len(stage.domain):
        raise VerifyError(
            f"{kernel.name}: a {stage.kind} that reduces {stage.reduced} axes of {stage.domain}"
        )
    for at in stage.affines:
        for axis, _ in at.terms:
            if not 0 <= axis < len(stage.domain):
                raise VerifyError(f"{kernel.name}: index {at} has an axis beyond {stage.domain}")


def _check_product(kernel: Kernel) -> None:
    found = [s for s in kernel.stages if s.kind == "dot"]
    if not found:
        return
    head = kernel.stages[0]
    alone = found == [head] and kernel.outer == len(head.domain) and len(kernel.loops) == 1
    if not alone or head.product is None:
        raise VerifyError(f"{kernel.name}: a product is the first stage of a kernel of its own")
    if head.product.shape[:-1] != head.domain:
        raise VerifyError(
            f"{kernel.name}: a product of shape {head.product.shape} over {head.domain}"
        )
    if product(head.product.contracted) != head.product.shape[-1]:
        raise VerifyError(f"{kernel.name}: K is not {head.product.contracted}")
    border = head.product.border
    if border is not None and not 0 <= border.axis < len(head.product.contracted) - 1:
        raise VerifyError(f"{kernel.name}: {border} is along none of {head.product.contracted}")
    for operand, domain in (
        (head.product.a, head.product.left_domain),
        (head.product.b, head.product.right_domain),
    ):
        last = len(domain) - 1
        if any(axis > last for axis, _ in operand.at.terms):
            raise VerifyError(f"{kernel.name}: operand {operand.buffer} has axes beyond {last}")
        if operand.batches != len(head.product.batches):
            raise VerifyError(f"{kernel.name}: operand {operand.buffer} is of other batches")


def _check_values(kernel: Kernel) -> None:
    """A Value is of a stage before, in the same loop and not reduced, or one a row."""
    numbered = list(enumerate(kernel.stages))
    loop_of = [k for k, loop in enumerate(kernel.loops) for _ in loop.stages]
    for i, stage in numbered:
        for value in _values(stage):
            if not 0 <= value.stage < i:
                raise VerifyError(f"{kernel.name}: stage {i} reads v{value.stage}, not before it")
            source = kernel.stages[value.stage]
            if value.dtype != source.dtype:
                raise VerifyError(
                    f"{kernel.name}: v{value.stage} is {source.dtype}, read as {value.dtype}"
                )
            same = loop_of[i] == loop_of[value.stage]
            in_reach = source.reduced == 0 if same else len(source.kept) == kernel.outer
            if not in_reach or source.kind in ("scatter", "pack"):
                raise VerifyError(
                    f"{kernel.name}: stage {i} reads v{value.stage}, which has no value there"
                )


def _values(stage: Stage) -> Iterator[Value]:
    waiting: list[Expr] = [e for e in (stage.expr, stage.row) if e is not None]
    seen: set[int] = set()
    while waiting:
        e = waiting.pop()
        if id(e) in seen:
            continue
        seen.add(id(e))
        if isinstance(e, Value):
            yield e
        waiting.extend(children(e))


# all of them --------------------------------------------------------------------------------------


def _check_names(plan: Plan) -> None:
    kernels = [k.name for k in (*plan.prepare, *plan.kernels) if k.name]
    _check_unique(kernels, "kernels")
    found: dict[Buffer, None] = dict.fromkeys((*plan.inputs, *plan.params, *plan.outputs))
    for kernel in (*plan.prepare, *plan.kernels):
        found.update(dict.fromkeys(root_buffer(b) for b, _ in touched(kernel)))
    for group in (("input",), ("output",), ("param",), ("arena", "const", "local")):
        _check_unique([b.name for b in found if b.kind in group], f"{' and '.join(group)} buffers")
    declared = {*plan.inputs, *plan.params, *plan.outputs}
    for buffer in found:
        if buffer.kind in ("input", "param", "output") and buffer not in declared:
            raise VerifyError(f"{buffer} is not declared")


def _check_unique(names: list[str], what: str) -> None:
    if len(set(names)) != len(names):
        twice = sorted({n for n in names if names.count(n) > 1})
        raise VerifyError(f"{what} with one name: {twice}")


def touched(kernel: Kernel) -> list[tuple[Buffer, bool]]:
    """Buffers and whether they are written, stage by stage: reads before writes."""
    found = [(o.buffer, False) for o in operands(kernel)]
    for stage in kernel.stages:
        found += [(buffer_of(e), False) for e in stage.loads]
        found += [(s.buffer, True) for s in stage.stores]
    return found


def _check_reads(plan: Plan) -> None:
    """What is computed is written before it is read, and all outputs are written."""
    written: dict[Buffer, set[Buffer]] = defaultdict(set)
    for kernel in (*plan.prepare, *plan.kernels):
        for buffer, writes in touched(kernel):
            root = root_buffer(buffer)
            if writes:
                written[root].add(whole(buffer))
            elif root.kind in ("arena", "output", "local") and not _is_there(buffer, written[root]):
                raise VerifyError(f"{kernel.name} reads {buffer}, which is not written before")
    for output in plan.outputs:
        if output.type.size != 0 and output not in written:
            raise VerifyError(f"output {output.name} is never written")


def _is_there(buffer: Buffer, written: Iterable[Buffer]) -> bool:
    """Is it, or what it is a part of, written, or are all its parts?"""
    buffer = whole(buffer)
    around = _enclosing(buffer)
    parts: Dim = 0
    for other in written:
        if other in around:
            return True
        if buffer in _enclosing(other):
            parts = parts + other.type.size
    return parts == buffer.type.size


def _enclosing(buffer: Buffer) -> list[Buffer]:
    chain = [buffer]
    while chain[-1].base is not None:
        chain.append(chain[-1].base)
    return chain
