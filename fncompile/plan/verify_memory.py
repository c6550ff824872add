"""That a Plan touches its buffers where they are, and that those alive together lie apart."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass

from fncompile.ir.dims import Dim, evaluate
from fncompile.ir.verify import VerifyError
from fncompile.plan.machine import machine
from fncompile.plan.schedule import Guard
from fncompile.plan.types import (
    Affine,
    Bits,
    Buffer,
    Expr,
    GatherLoad,
    Guarded,
    Kernel,
    Load,
    Operand,
    Plan,
    Repeat,
    Stage,
    Step,
    children,
    reads,
    root_buffer,
    writes,
)

SIZES = (1, 3, 70)  # of symbols; the last one is beyond "few rows"
DIVISIBLE = 840  # by 2 to 8, where none of the others can be divided as the plan asks
Env = Mapping[str, int]


def sample_sizes(plan: Plan) -> list[Env]:
    """Some that an entry would let pass: the same for every symbol, and one larger than others."""
    alike = [dict.fromkeys(plan.symbols, n) for n in SIZES]
    mixed = [{**env, name: 2 * env[name] + 1} for env in alike[1:] for name in plan.symbols[:3]]
    if not plan.symbols:
        return [{}]
    divisible = [dict.fromkeys(plan.symbols, DIVISIBLE)]
    return _possible(plan, [*alike, *mixed]) or _possible(plan, divisible)


def _possible(plan: Plan, sizes: Iterable[Env]) -> list[Env]:
    return [env for env in sizes if _is_possible(plan, env)]


def _is_possible(plan: Plan, env: Env) -> bool:
    same = all(evaluate(a, env) == evaluate(b, env) for a, b in plan.constraints)
    return same and all(bound.holds(env) for bound in plan.bounds)


def run_of(steps: Iterable[Step], env: Env) -> Iterator[tuple[Kernel, Env]]:
    """Kernels in the order in which they run, with their sizes; of a repeat the first turns and the
    last one."""
    for step in steps:
        if not isinstance(step, Repeat):
            yield step, env
            continue
        count = evaluate(step.count, env)
        for turn in sorted({0, 1, 2, count - 1} & set(range(count))):
            yield from run_of(step.body, {**env, step.symbol: turn})


@dataclass(frozen=True)
class Access:
    """Elements `at` of `buffer`, over `domain`.

    `side`: "a" or "b" of a product, "key" of a random stream, or "" where the domain is the
    stage's. `guard`: the rows for which it takes place; `clipped`: only where a condition holds.
    """

    buffer: Buffer
    at: Affine
    domain: tuple[Dim, ...]
    writes: bool = False
    side: str = ""
    guard: Guard | None = None
    clipped: bool = False

    def span(self, env: Env) -> tuple[int, int] | None:
        """First and last element that it touches; None where it touches none."""
        if self.guard is not None and evaluate(self.guard.size, env) > self.guard.most:
            return None
        low = high = evaluate(self.at.offset, env)
        extents = [evaluate(d, env) for d in self.domain]
        if any(n <= 0 for n in extents):
            return None
        for axis, coefficient in self.at.terms:
            reach = evaluate(coefficient, env) * (extents[axis] - 1)
            low, high = low + min(reach, 0), high + max(reach, 0)
        return low, high


def accesses(kernel: Kernel) -> list[Access]:
    """All that it touches in memory."""
    found = [a for stage in kernel.stages for a in _of_stage(stage)]
    return found + list(_of_operands(kernel))


def _of_stage(stage: Stage) -> Iterator[Access]:
    once = (*stage.kept, *(1 for _ in range(stage.reduced)))
    for store in stage.stores:
        at, domain = store.at, once
        if stage.kind == "routine":  # all of it
            at, domain = Affine(0, ((0, 1),)), (store.buffer.type.size,)
        if stage.kind == "scatter":  # at a row that is known at run time
            at, domain = _any_row(at, once, stage.rows, stage.row_stride)
        yield Access(store.buffer, at, domain, writes=True)
    for expr in (stage.expr, stage.row):
        if expr is not None:
            yield from _of_expression(expr, stage.domain)
    if stage.routine is not None:
        for _, array in stage.routine.arrays:
            yield Access(array.buffer, array.at, array.shape, side="key")
        for _, expr in stage.routine.exprs:
            yield from _of_expression(expr, stage.routine.points)


def _any_row(
    at: Affine, domain: tuple[Dim, ...], rows: Dim, stride: Dim
) -> tuple[Affine, tuple[Dim, ...]]:
    row = Affine(0, ((len(domain), stride),)) if stride != 0 else Affine()
    return at + row, (*domain, rows)


def _of_expression(expr: Expr, domain: tuple[Dim, ...]) -> Iterator[Access]:
    waiting, seen = [(expr, False)], set()
    while waiting:
        e, clipped = waiting.pop()
        if (id(e), clipped) in seen:
            continue
        seen.add((id(e), clipped))
        if isinstance(e, Guarded):
            waiting += [(e.outside, clipped), (e.inside, True)]
        else:
            waiting += [(child, clipped) for child in children(e)]
        if isinstance(e, Load):
            yield Access(e.buffer, e.at, domain, clipped=clipped)
        elif isinstance(e, GatherLoad):
            at, rows = _any_row(e.at, domain, e.rows, e.stride)
            yield Access(e.buffer, at, rows, clipped=clipped)
        elif isinstance(e, Bits):
            yield Access(e.seed, Affine(0, ((0, 1),)), (2,), side="key")


def _of_operands(kernel: Kernel) -> Iterator[Access]:
    product, schedule = kernel.product, kernel.schedule
    variants = schedule.variants if schedule is not None else ()
    if product is not None:
        ways = [(v.a, v.b, v.guard) for v in variants if v.a is not None and v.b is not None]
        for a, b, guard in ways or [(product.a, product.b, None)]:
            yield from _of_operand(a, product.left_domain, "a", guard)
            yield from _of_operand(b, product.right_domain, "b", guard)
    elif len(kernel.stages[0].domain) == 2:
        for v in variants:
            domain = (1, kernel.stages[0].domain[0], v.columns)
            yield from _of_operand(v.a, domain, "a", v.guard)


def _of_operand(
    operand: Operand | None, domain: tuple[Dim, ...], side: str, guard: Guard | None
) -> Iterator[Access]:
    if operand is not None:
        packed = operand.layout != "strided"
        yield Access(operand.buffer, operand.at, domain, False, "key" if packed else side, guard)


def check_extents(plan: Plan) -> None:
    """Every access lies inside its buffer, and every buffer inside the one that it is a part of."""
    for env in sample_sizes(plan):
        for kernel, here in run_of((*plan.prepare, *plan.steps), env):
            for access in accesses(kernel):
                _check_part(access.buffer, here)
                span, size = access.span(here), evaluate(access.buffer.type.size, here)
                if span is not None and not access.clipped and not 0 <= span[0] <= span[1] < size:
                    verb = "writes" if access.writes else "reads"
                    raise VerifyError(
                        f"{kernel.name} {verb} elements {span[0]} to {span[1]} of "
                        f"{access.buffer}, which has {size}, at sizes {dict(here)}"
                    )


def _check_part(buffer: Buffer, env: Env) -> None:
    if buffer.base is None:
        return
    start, size = evaluate(buffer.offset, env), evaluate(buffer.type.size, env)
    around = evaluate(buffer.base.type.size, env)
    if not 0 <= start <= start + size <= around:
        raise VerifyError(
            f"{buffer} is elements {start} to {start + size} of {buffer.base}, which has {around}"
        )


# the arena ----------------------------------------------------------------------------------------


def check_offsets(plan: Plan) -> None:
    """Temporaries lie inside the arena, at multiples of the alignment, and what is written in the
    place of another one is written after its last use: by running the plan without numbers."""
    for env in sample_sizes(plan):
        if plan.offsets:
            memory = _Arena(plan.offsets, evaluate(plan.arena, env), env)
            for kernel, _ in run_of(plan.steps, env):
                memory.run(kernel, plan.prepared_offsets)
    prepared = _Arena(plan.prepared_offsets, plan.prepared, {})
    for buffer in plan.prepared_offsets:
        prepared.write(buffer, "prepare")
    if len(prepared.here) < len(plan.prepared_offsets):
        raise VerifyError(f"prepared weights lie in one place: {dict(plan.prepared_offsets)}")


class _Arena:
    """What lies where: `here` are the places that hold the values of buffers, in order."""

    def __init__(self, offsets: Mapping[Buffer, Dim], end: int, env: Env):
        self.offsets, self.end, self.env = offsets, end, env
        self.here: list[tuple[int, int, str]] = []
        self.lost: dict[str, str] = {}  # buffer -> what was written in its place

    def place(self, buffer: Buffer) -> tuple[int, int, str]:
        """First byte, the one behind the last, and the name."""
        if buffer not in self.offsets:
            raise VerifyError(f"{buffer} has no offset")
        start = evaluate(self.offsets[buffer], self.env)
        end = start + evaluate(buffer.type.nbytes, self.env)
        if start < 0 or start % machine().align or end > self.end:
            raise VerifyError(f"{buffer} lies at {start} to {end}, of {self.end} bytes")
        return start, end, buffer.name

    def run(self, kernel: Kernel, elsewhere: Container[Buffer]) -> None:
        def temporaries(buffers: Iterable[Buffer]) -> list[Buffer]:
            roots = dict.fromkeys(map(root_buffer, sorted(buffers, key=lambda b: b.name)))
            return [b for b in roots if b.kind == "arena" and b not in elsewhere]

        written = temporaries(writes(kernel))
        for buffer in written:
            self.write(buffer, kernel.name)
        for buffer in temporaries(reads(kernel)):  # still there, with what the kernel itself wrote
            self.place(buffer)
            if buffer.name in self.lost:
                other = self.lost[buffer.name]
                raise VerifyError(f"{kernel.name} reads {buffer}, in whose place {other} is")

    def write(self, buffer: Buffer, name: str) -> None:
        """The value of `buffer` is there now, and what was in its place is not."""
        place = self.place(buffer)
        k = bisect_left(self.here, place)
        while k > 0 and self.here[k - 1][1] > place[0]:
            k -= 1
        while k < len(self.here) and self.here[k][0] < place[1]:
            self.lost[self.here.pop(k)[2]] = f"{buffer}, which {name} wrote,"
        self.here.insert(k, place)
        self.lost.pop(buffer.name, None)
