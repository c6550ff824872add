"""Run a Plan in NumPy: the oracle of fusion, ordering and memory planning.

Each loop is computed for all its points at once, out of one flat arena laid out by `plan.offsets`,
so a wrong index, a wrong order or an overlap in memory gives wrong numbers here too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from fncompile.ir.dims import Dim, evaluate
from fncompile.ir.elements import decode, encode, fit
from fncompile.ir.interp import SCALAR_RULES, cast_array, reduce_identity
from fncompile.ir.philox import philox
from fncompile.ir.routines import ROUTINES
from fncompile.ir.types import DTYPES
from fncompile.plan.product import Border
from fncompile.plan.schedule import Variant
from fncompile.plan.types import (
    Affine,
    Apply,
    Bits,
    Buffer,
    Const,
    Expr,
    GatherLoad,
    Guarded,
    Index,
    Kernel,
    Load,
    Plan,
    Product,
    Repeat,
    Routine,
    Stage,
    Step,
    Value,
    memory_place,
)


class Machine:
    """Memory of one run. `params` are changed in place."""

    def __init__(
        self,
        plan: Plan,
        inputs: Sequence[np.ndarray],
        params: Mapping[str, np.ndarray],
        env: dict[str, int],
    ):
        self.plan, self.env = plan, dict(env)
        self.arena = np.full(evaluate(plan.arena, env), 0xFF, np.uint8)
        self.prepared = np.full(plan.prepared, 0xFF, np.uint8)
        self.flat: dict[Buffer, np.ndarray] = {}
        for buffer, array in zip(plan.inputs, inputs):
            self.flat[buffer] = np.ascontiguousarray(encode(array, buffer.type.dtype)).reshape(-1)
        for buffer in plan.params:
            self.flat[buffer] = params[buffer.name].reshape(-1)
        self.outputs = [
            np.zeros([evaluate(d, env) for d in b.type.shape], DTYPES[b.type.dtype].storage)
            for b in plan.outputs
        ]
        for buffer, array in zip(plan.outputs, self.outputs):
            self.flat[buffer] = array.reshape(-1)
        self.rows: tuple[int, ...] = ()  # extents of the outer axes of the kernel at hand
        self.locals: dict[Buffer, np.ndarray] = {}

    def run(self) -> list[np.ndarray]:
        with np.errstate(all="ignore"):
            for kernel in self.in_turn([*self.plan.prepare, *self.plan.steps]):
                self._run_kernel(kernel)
        return self.outputs

    def in_turn(self, steps: Iterable[Step]) -> Iterator[Kernel]:
        """Each kernel as often as it runs, while `env` has the turns of the repeats around it."""
        for step in steps:
            if isinstance(step, Repeat):
                for turn in range(evaluate(step.count, self.env)):
                    self.env[step.symbol] = turn
                    yield from self.in_turn(step.body)
            else:
                yield step

    def memory_of(self, buffer: Buffer) -> np.ndarray:
        """The flat elements of a buffer as they are in memory, seen from its own first element."""
        root, start, _ = memory_place(buffer)
        return self._root(root)[evaluate(start, self.env) :]

    def _root(self, buffer: Buffer) -> np.ndarray:
        dtype = DTYPES[buffer.type.dtype].storage
        if buffer in self.plan.prepared_offsets:
            start = self.plan.prepared_offsets[buffer]
            return self.prepared[start : start + evaluate(buffer.type.nbytes, {})].view(dtype)
        if buffer.kind == "local":
            size = math.prod(self.rows) * evaluate(buffer.type.nbytes, {})
            return self.locals.setdefault(buffer, np.full(size, 0xFF, np.uint8).view(dtype))
        if buffer.kind == "arena":
            start = evaluate(self.plan.offsets[buffer], self.env)
            return self.arena[start : start + evaluate(buffer.type.nbytes, self.env)].view(dtype)
        if buffer.kind == "const":
            return np.frombuffer(buffer.data, dtype)
        return self.flat[buffer]

    def _run_kernel(self, kernel: Kernel) -> None:
        values: dict[int, np.ndarray] = {}
        self.rows, self.locals = self._sizes(kernel.loops[0].domain[: kernel.outer]), {}
        number = 0
        for loop in kernel.loops:
            pending = []
            for stage in loop.stages:
                if stage.kind == "pack":
                    self._pack(stage, self._variant(kernel))
                    continue
                values[number] = self._stage(stage, values, kernel)
                pending.append((stage, values[number]))
                number += 1
            for stage, value in pending:
                self._store(stage, value)

    def _variant(self, kernel: Kernel) -> Variant | None:
        """What the schedule takes for the sizes at hand."""
        for variant in kernel.schedule.variants if kernel.schedule is not None else ():
            guard = variant.guard
            if guard is None or evaluate(guard.size, self.env) <= guard.most:
                return variant
        return None

    def _routine(self, routine: Routine, values: dict[int, np.ndarray]) -> np.ndarray:
        sources = {i: self._gather(a.buffer, a.at, self._sizes(a.shape)) for i, a in routine.arrays}
        points = self._sizes(routine.points)
        reader = _Reader(self, points, values)
        sources |= {i: np.broadcast_to(reader.eval(e), points) for i, e in routine.exprs}
        given = [sources[i] for i in sorted(sources)]
        return ROUTINES[routine.name](given, *(value for _, value in routine.attrs))

    def _sizes(self, domain: Sequence[Dim]) -> tuple[int, ...]:
        return tuple(evaluate(d, self.env) for d in domain)

    def _stage(self, stage: Stage, values: dict[int, np.ndarray], kernel: Kernel) -> np.ndarray:
        domain = self._sizes(stage.domain)
        if stage.product is not None:
            return fit(self._product(stage.product, self._variant(kernel)), stage.dtype)
        if stage.routine is not None:
            return self._routine(stage.routine, values)
        reader = _Reader(self, domain, values)
        x = np.broadcast_to(reader.eval(stage.expr), domain)
        if stage.kind in ("map", "scatter"):
            return x
        axes = tuple(range(len(domain) - stage.reduced, len(domain)))
        if stage.kind == "argmax":
            return (
                np.argmax(x, axis=axes[0]).astype(np.int32)
                if x.size
                else np.zeros(domain[:-1], np.int32)
            )
        ufunc = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}[
            stage.kind
        ]
        start = x.dtype.type(reduce_identity(stage.kind, stage.dtype))
        return fit(ufunc.reduce(x, axis=axes, initial=start, dtype=x.dtype), stage.dtype)

    def _product(self, product: Product, variant: Variant | None) -> np.ndarray:
        *g, m, _, k = self._sizes(product.shape)
        left, right = product.a, product.b
        if variant is not None and variant.a is not None and variant.b is not None:
            left, right = variant.a, variant.b
        a = self._gather(left.buffer, left.at, self._sizes(product.left_domain))
        b = self._gather(right.buffer, right.at, self._sizes(product.right_domain))
        if product.border is not None:
            a = np.where(_inside(product.border, len(g), a.shape), a, a.dtype.type(0))
        last = np.moveaxis(a, len(g) + 1, -1)  # behind the axes around it
        return np.matmul(last.reshape(*g, m, k), b)

    def _pack(self, stage: Stage, variant: Variant | None) -> None:
        """A packed operand holds its matrix by rows here: panels are a matter of C."""
        if variant is None or variant.a is None:
            return
        depth, columns = self._sizes((stage.domain[0], variant.columns))
        matrix = self._gather(variant.a.buffer, variant.a.at, (1, depth, columns))
        store = stage.stores[0].buffer
        value = encode(fit(matrix, stage.dtype), store.type.dtype).reshape(-1)
        self.memory_of(store)[: value.size] = value

    def index(self, at: Affine, domain: Sequence[int]) -> np.ndarray:
        total = np.full((1,) * len(domain), evaluate(at.offset, self.env), np.int64)
        for axis, coef in at.terms:
            steps = np.arange(domain[axis]) * evaluate(coef, self.env)
            total = total + steps.reshape([-1 if i == axis else 1 for i in range(len(domain))])
        return total

    def place(self, buffer: Buffer, at: Affine) -> Affine:
        """Where `at` lies in memory: a local buffer, one row in C, has all rows here."""
        if buffer.kind != "local":
            return at
        row = evaluate(buffer.type.size, {})
        strides = [row * math.prod(self.rows[i + 1 :]) for i in range(len(self.rows))]
        return at + Affine(0, tuple((i, s) for i, s in enumerate(strides) if s != 0))

    def _gather(self, buffer: Buffer, at: Affine, domain: Sequence[int]) -> np.ndarray:
        if 0 in domain:
            return np.zeros(domain, DTYPES[buffer.type.dtype].numpy)
        found = self.memory_of(buffer)[np.broadcast_to(self.index(at, domain), domain)]
        return decode(found, buffer.type.dtype)

    def _store(self, stage: Stage, value: np.ndarray) -> None:
        domain = self._sizes(stage.kept)
        for store in stage.stores:
            target = self.memory_of(store.buffer)
            if stage.kind == "routine":
                self._fill(store.buffer, value)
            elif stage.kind == "scatter":
                self._scatter(stage, target, value, domain)
            elif 0 not in domain:
                place = self.place(store.buffer, store.at)
                at = np.broadcast_to(self.index(place, domain), domain)
                target[at] = encode(np.broadcast_to(value, domain), store.buffer.type.dtype)

    def _fill(self, buffer: Buffer, value: np.ndarray) -> None:
        """All that a routine computed."""
        flat = fit(value.reshape(-1), buffer.type.dtype)
        self.memory_of(buffer)[: flat.size] = encode(flat, buffer.type.dtype)

    def _scatter(self, stage: Stage, target: np.ndarray, value: np.ndarray, domain) -> None:
        assert stage.row is not None
        rows = evaluate(stage.rows, self.env)
        stride = evaluate(stage.row_stride, self.env)
        target[: rows * stride] = 0
        if 0 in domain:
            return
        row = np.broadcast_to(_Reader(self, domain, {}).eval(stage.row), domain)
        at = np.broadcast_to(self.index(stage.stores[0].at, domain), domain)
        inside = (row >= 0) & (row < rows)
        np.add.at(target, (row * stride + at)[inside], value[inside])


def _inside(border: Border, batches: int, shape: tuple[int, ...]) -> np.ndarray:
    """Which elements of a left operand are not of the border."""
    axes = np.ogrid[tuple(slice(n) for n in shape)]
    return border.inside(axes[batches - 1], axes[batches + 2 + border.axis])


class _Reader:
    """Evaluates expressions for all points of a domain, or for those in `points` (flat)."""

    def __init__(
        self, machine: Machine, domain: tuple[int, ...], values: dict[int, np.ndarray], points=None
    ):
        self.machine, self.domain, self.values, self.points = machine, domain, values, points
        self.shape = domain if points is None else points[0].shape
        self.memo: dict[Expr, np.ndarray] = {}

    def eval(self, e: Expr) -> np.ndarray:
        if e not in self.memo:
            self.memo[e] = fit(self._eval(e), e.dtype)
        return self.memo[e]

    def index(self, at: Affine) -> np.ndarray:
        """The number `at` at every point."""
        env = self.machine.env
        if self.points is None:
            return np.broadcast_to(self.machine.index(at, self.domain), self.shape)
        total = np.full(self.shape, evaluate(at.offset, env), np.int64)
        for axis, coef in at.terms:
            total = total + self.points[axis] * evaluate(coef, env)
        return total

    def _eval(self, e: Expr) -> np.ndarray:
        if isinstance(e, Const):
            return np.full(self.shape, e.value, DTYPES[e.dtype].numpy)
        if isinstance(e, Index):
            return self.index(e.at)
        if isinstance(e, Apply):
            args = [self.eval(a) for a in e.args]
            return cast_array(args[0], e.dtype) if e.fn == "cast" else SCALAR_RULES[e.fn](*args)
        rules: dict[type, Callable[..., np.ndarray]] = {
            Load: self._load,
            Value: self._value,
            Guarded: self._guarded,
            GatherLoad: self._gather_load,
        }
        return rules.get(type(e), self._bits)(e)

    def _load(self, e: Load) -> np.ndarray:
        if 0 in self.shape:
            return np.zeros(self.shape, DTYPES[e.dtype].numpy)
        at = self.machine.place(e.buffer, e.at)
        return decode(self.machine.memory_of(e.buffer)[self.index(at)], e.dtype)

    def _value(self, e: Value) -> np.ndarray:
        value = self.values[e.stage]
        value = np.broadcast_to(
            value.reshape(value.shape + (1,) * (len(self.domain) - value.ndim)), self.domain
        )
        return value if self.points is None else value[self.points]

    def _guarded(self, e: Guarded) -> np.ndarray:
        inside = np.ones(self.shape, bool)
        for at, extent in e.conditions:
            index = self.index(at)
            inside = inside & (index >= 0) & (index < evaluate(extent, self.machine.env))
        out = np.array(np.broadcast_to(self.eval(e.outside), self.shape))
        found = np.nonzero(inside)
        points = found if self.points is None else tuple(p[found] for p in self.points)
        if inside.any():
            out[inside] = _Reader(self.machine, self.domain, self.values, points).eval(e.inside)
        return out

    def _gather_load(self, e: GatherLoad) -> np.ndarray:
        row, rows = self.eval(e.row).astype(np.int64), evaluate(e.rows, self.machine.env)
        inside = np.broadcast_to((row >= 0) & (row < rows), self.shape)
        at = row * evaluate(e.stride, self.machine.env) + self.index(e.at)
        dtype = DTYPES[e.dtype].numpy
        out = np.full(self.shape, np.nan if dtype.kind == "f" else 0, dtype)
        if inside.any():
            found = self.machine.memory_of(e.buffer)[np.broadcast_to(at, self.shape)[inside]]
            out[inside] = decode(found, e.dtype)
        return out

    def _bits(self, e: Bits) -> np.ndarray:
        key, at = self.machine.memory_of(e.seed), self.index(e.at)
        if not at.size:
            return np.zeros(self.shape, np.uint32)
        return philox(int(key[0]), int(key[1]), 0, int(at.max()) + 1)[at]


def run_plan(
    plan: Plan, inputs: Sequence[np.ndarray], params: Mapping[str, np.ndarray], env: dict[str, int]
):
    """Outputs of the plan; parameters in `params` are updated in place."""
    return Machine(plan, inputs, params, env).run()

