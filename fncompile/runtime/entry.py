"""One compiled entry of a model, called with arrays.

`build_entry` takes a Program through the passes and the C compiler; `Entry.run` checks sizes, and
calls it. Under FNC_INTERP the program is interpreted instead. An Entry may be called from several
threads at once as long as its program updates no parameters: each thread has its own scratch
memory.
"""

from __future__ import annotations

import copy
import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np

from fncompile.caller import warn_caller
from fncompile.codegen.place import Place
from fncompile.flags import flag, override, overrides
from fncompile.ir import interp, ranges
from fncompile.ir.bounds import Bound, bounds
from fncompile.ir.dims import evaluate
from fncompile.ir.elements import encode
from fncompile.ir.node import Program
from fncompile.ir.types import DTYPES, DType
from fncompile.passes.manager import Context, transform
from fncompile.passes.manager import plan as make_plan
from fncompile.runtime import cache, toolchain
from fncompile.runtime.binding import RANGE, Env, Library, aligned_bytes, describe
from fncompile.runtime.block import Block
from fncompile.runtime.lowered import lowered, numbers_of_target
from fncompile.runtime.notice import announced
from fncompile.runtime.shaped import Shaped, ShapedSteps, output_kinds
from fncompile.runtime.team import team

if TYPE_CHECKING:
    from fncompile.plan.types import Plan

PREFIX = "model"
Run = Callable[[Sequence[np.ndarray]], list[np.ndarray]]
RunSteps = Callable[[Sequence[np.ndarray], np.ndarray, int], None]  # arrays, rows, batch size


_postponed: ContextVar[bool] = ContextVar("fncompile_postponed", default=False)


@contextmanager
def postponed() -> Iterator[None]:
    """Entries made inside are compiled at their first call: most of them are wanted as text."""
    token = _postponed.set(True)
    try:
        yield
    finally:
        _postponed.reset(token)


class Entry:
    """`program` as a function on arrays; `blocks` hold its parameters."""

    def __init__(self, program: Program, blocks: Sequence[Block]):
        self.program, self.blocks = program, blocks

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Outputs for C-contiguous inputs, both as elements in memory; updates change the blocks.

        ValueError where the sizes of the arrays do not fit each other or the program.
        """
        raise NotImplementedError

    def shaped(self, inputs: Sequence[np.ndarray]) -> Run:
        """`run` for arrays of the shapes and dtypes that `inputs` have. ValueError as `run`."""
        return self.run

    def is_prepared(self, version: int) -> bool:
        """Is what depends on weights alone up to date with their `version`?"""
        return True

    def prepare(self, version: int) -> None:
        """Bring what was computed from weights alone up to their `version`."""

    def check_indices(self, inputs: Sequence[np.ndarray]) -> None:
        """ValueError where an input that is an index has a value that the model does not know."""
        ranges.check_inputs(self.program.ranges, self.program.inputs, inputs)

    def shaped_steps(self, batch: Sequence[np.ndarray]) -> RunSteps:
        """`run_steps` for batches of the shapes and dtypes that `batch` has, but for the last,
        which may have fewer rows. ValueError as `run`."""
        return self.run_steps

    def run_steps(self, arrays: Sequence[np.ndarray], index: np.ndarray, batch_size: int) -> None:
        """The program for each batch of the rows `index` (int64) of `arrays`."""
        for start in range(0, len(index), batch_size):
            rows = index[start : start + batch_size]
            self.run([np.ascontiguousarray(a[rows]) for a in arrays])


class InterpretedEntry(Entry):
    """The program by the NumPy interpreter."""

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        self.check_indices(inputs)
        views = {p["name"]: _view(self.blocks, p["name"]) for p in self.program.params}
        outputs, updates = interp.run(self.program, inputs, views)
        dtypes = {p["name"]: p.dtype for p in self.program.params}
        for name in list(updates):
            views[name][...] = encode(updates.pop(name), dtypes[name])
        types = [n.dtype for n in self.program.outputs.values()]
        return [np.array(encode(v, t)) for v, t in zip(outputs.values(), types)]


def _view(blocks: Sequence[Block], name: str) -> np.ndarray:
    return next(b.view(name) for b in blocks if name in b.offsets)


class CompiledEntry(Entry):
    """The program as compiled C, whose functions are called `<prefix>_<name>...`."""

    def __init__(
        self,
        program: Program,
        kind: str,
        name: str,
        blocks: Sequence[Block],
        context: Context,
        prefix: str = PREFIX,
    ):
        super().__init__(program, blocks)
        self.kind, self.name, self.prefix, self._context = kind, name, prefix, context
        self.lowered = lowered(program, kind, name, prefix, self.places(), context)
        self._switches = overrides()
        self._poisons = flag("poison")
        self._forget()
        if not _postponed.get():
            self._open()

    def _forget(self) -> None:
        self._prepared = aligned_bytes(self.lowered.prepared)
        self._prepared_for = -1
        self._local = threading.local()

    def _open(self) -> None:
        """The compiled code, by the switches of when this was made. Raises as `build_library`."""
        units = dict(zip((self.name, f"{self.name}_2"), self.lowered.units))
        start = f"{self.prefix}_{self.name}"
        with override(**self._switches), announced(f"{self.name} of {self.prefix}"):
            self.library = Library(cache.build_library(units, linked=True).path_so)
        symbol = self.library.symbol
        self.step = symbol(f"{start}_entry")
        self.steps = symbol(f"{start}_steps") if self.lowered.has_steps else None
        self._prepare = symbol(f"{start}_prepare") if self.lowered.has_prepare else None

    def __getattr__(self, name: str) -> Any:
        """What is there once the code is compiled."""
        if name not in ("library", "step", "steps", "_prepare"):
            raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")
        self._open()
        return self.__dict__[name]

    def twin(self) -> CompiledEntry:
        """The same function, with memory of its own for what it prepares."""
        twin = copy.copy(self)
        twin._forget()
        return twin

    @functools.cached_property
    def source(self) -> str:
        """The C text, as one unit."""
        units = self.lowered.units
        return units[0] if len(units) == 1 else self.emit(self.prefix)

    @functools.cached_property
    def plan(self) -> Plan:
        """The Plan, made again: a warm start does without it."""
        with numbers_of_target():
            return make_plan(self.program, self.kind, self._context)

    def places(self) -> dict[str, Place]:
        """Where each parameter lies."""
        return {name: place for block in self.blocks for name, place in block.places().items()}

    def emit(self, prefix: str) -> str:
        """The C text, with names that begin with `prefix`."""
        from fncompile.codegen.program import emit_program

        return emit_program(self.plan, self.places(), prefix, self.name)

    def is_prepared(self, version: int) -> bool:
        return self._prepare is None or version == self._prepared_for

    def prepare(self, version: int) -> None:
        if self.is_prepared(version):
            return
        env = self.thread_env((0,) * len(self.lowered.symbols), 0)
        assert self._prepare is not None
        check_status(self._prepare(env), self.name)
        self._prepared_for = version

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        return self.shaped(inputs)(inputs)

    def shaped(self, inputs: Sequence[np.ndarray]) -> Run:
        return Shaped(self, inputs)

    def shaped_steps(self, batch: Sequence[np.ndarray]) -> RunSteps:
        return super().shaped_steps(batch) if self.steps is None else ShapedSteps(self, batch)

    def refuse(
        self, status: int, sizes: dict[str, int], inputs: Sequence[np.ndarray]
    ) -> None:
        """Raise what a status of a call with these sizes means: ValueError naming an index, or a
        slice that does not fit; or RuntimeError."""
        if status == RANGE:
            self.check_indices(inputs)
        self.check_sizes(sizes)
        check_status(status, self.name)

    @functools.cached_property
    def bounds(self) -> tuple[Bound, ...]:
        """What sizes must satisfy."""
        return bounds(self.program)

    def check_sizes(self, sizes: dict[str, int]) -> None:
        """ValueError where the program has no meaning for these: an extent would be negative, an
        index outside, sizes differ that must agree. C says so too, but memory for the outputs is
        needed before."""
        interp.check_constraints(self.program, sizes)
        broken = next((b for b in self.bounds if not b.holds(sizes)), None)
        if broken is not None:
            named = ", ".join(f"{s}={n}" for s, n in sizes.items())
            raise ValueError(
                f"The sizes {named} are too small for the model: it takes {broken}."
            )

    def new_outputs(self, sizes: dict[str, int]) -> list[np.ndarray]:
        """Arrays for the outputs."""
        return [np.empty(shape, dtype) for shape, dtype in output_kinds(self, sizes)]

    def environment(self, sizes: dict[str, int]) -> Env:
        """A new environment with scratch memory for these sizes, and its sizes set; for one
        thread."""
        env = self._new_env()
        env.set_arena(aligned_bytes(evaluate(self.lowered.arena, sizes)))
        env.set_dims(*(sizes[s] for s in self.lowered.symbols))
        env.set_team(team())
        return env

    def _new_env(self) -> Env:
        env = Env(
            len(self.program.inputs) + 1,
            len(self.lowered.outputs),
            max(len(self.lowered.symbols), 1),
            8,  # the number of a kernel and the turns of repeats, at most
        )
        for block in self.blocks:
            getattr(env, f"set_{block.name}")(block.memory)
        env.set_prepared(self._prepared)
        return env

    def thread_env(self, dims: tuple[int, ...], scratch: int, shares: bool = True) -> Env:
        """This thread's environment with these sizes, and room for `scratch` bytes; with the team
        where the call `shares` its work."""
        local = self._local
        try:
            env = local.env
        except AttributeError:
            env = local.env = self._new_env()
            local.arena, local.team, local.dims = -1, 0, ()
        if local.arena < scratch or self._poisons:
            env.set_arena(self._new_arena(scratch))
            local.arena = scratch
        workers = team() if shares else 0
        if workers != local.team:
            env.set_team(workers)
            local.team = workers
        if dims is not local.dims:
            env.set_dims(*dims)
            local.dims = dims
        return env

    def _new_arena(self, scratch: int) -> np.ndarray:
        arena = aligned_bytes(scratch)
        if self._poisons:
            arena[:] = 0xFF  # NaN, and far out of range as an index
        return arena


def check_status(status: int, name: str) -> None:
    """RuntimeError with the status in words, unless it is 0."""
    if status != 0:
        raise RuntimeError(f"The compiled function {name!r} refused the call: {describe(status)}")


@functools.cache
def _tell_of_emulation(row: DType) -> None:
    """Once, on a CPU without instructions for it, of which none that we compile for has those of
    float16."""
    if not row.emulated and not flag("interp") and toolchain.multiplies_bfloat16():
        return
    gain = "nothing is" if row.emulated else "only single rows through large layers are"
    warn_caller(
        f"{row.name} is emulated: computed in float32 and rounded after each operation. Results "
        f"are those of {row.name}; {gain} faster than in float32.",
        RuntimeWarning,
    )


def build_entry(
    program: Program,
    kind: str,
    name: str,
    blocks: Sequence[Block],
    context: Context,
    prefix: str = PREFIX,
) -> Entry:
    """`program`, of pipeline `kind`, ready to be called; parameters are found by name in
    `blocks`."""
    with announced(f"{name} of {prefix}"):
        return _built(program, kind, name, blocks, context, prefix)


def _built(
    program: Program,
    kind: str,
    name: str,
    blocks: Sequence[Block],
    context: Context,
    prefix: str,
) -> Entry:
    program = transform(program, kind, context)
    for row in DTYPES.values():
        if row.widens and row.name in program.dtypes:
            _tell_of_emulation(row)
    if flag("interp"):
        return InterpretedEntry(program, blocks)
    return CompiledEntry(program, kind, name, blocks, context, prefix)
