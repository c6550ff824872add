"""The short ways into a compiled entry: `short_way` for model(x), `Bound` for tight loops.

Both skip what can be checked once. They fall back, or refuse, where the general way has to decide.
"""

from __future__ import annotations

import bisect
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from fncompile.ir import interp
from fncompile.ir.dims import evaluate, is_static, symbol
from fncompile.ir.types import DTYPES
from fncompile.plan.machine import machine
from fncompile.runtime.binding import Env
from fncompile.runtime.entry import CompiledEntry
from fncompile.runtime.team import team

SHARED_WORK = 2 * machine().least_work  # less is shared only where calls come in a row
SHORT_BATCH = 256  # larger batches take the general way, which sizes its memory for them


def short_way(entry: Any, memory: Any) -> Short | ShortOfSeveral | None:
    """The short way into `entry`, whose weights `memory` holds; None where the batch is not the
    only open size."""
    if type(entry) is not CompiledEntry or entry.program.constraints or entry.program.updates:
        return None
    ends = [n.shape for n in (*entry.program.inputs, *entry.program.outputs.values())]
    if entry.lowered.symbols != ("B",):
        return None
    if not all(s and is_static(s[1:]) and s[0] == symbol("B") for s in ends):
        return None
    return (Short if len(ends) == 2 else ShortOfSeveral)(entry, memory)


class _ShortWay:
    """What both share. Where weights were changed or moved away, the general way must run first."""

    takes_one = False
    _ready_for = -1  # the version of the weights that were ready when this was last asked

    def __init__(self, entry: CompiledEntry, memory: Any):
        self.entry, self.memory = entry, memory
        self.sources = [
            (n.ndim, tuple(n.type.shape[1:]), DTYPES[n.dtype].storage) for n in entry.program.inputs
        ]
        self.targets = [
            (tuple(t.shape[1:]), DTYPES[t.dtype].storage) for t in entry.lowered.outputs
        ]
        batches = range(SHORT_BATCH + 1)
        self.shared = bisect.bisect_left(batches, SHARED_WORK, key=self._amount)
        self._local = threading.local()

    def _amount(self, n: int) -> int:
        return evaluate(self.entry.lowered.amount, {"B": n})

    def _is_ready(self) -> bool:
        memory = self.memory
        if memory.lost:
            return False
        version = memory.version
        if version != self._ready_for and self.entry.is_prepared(version):
            self._ready_for = version
        return version == self._ready_for

    def _env(self, n: int) -> Env:
        """This thread's own, with the team for a batch of `n`."""
        try:
            env = self._local.env
        except AttributeError:
            env = self._local.env = self.entry.environment({"B": SHORT_BATCH})
        if n >= self.shared:
            env.set_team(team())
        return env


class Short(_ShortWay):
    """One array in, one array out; gives None for anything else."""

    takes_one = True

    def __init__(self, entry: CompiledEntry, memory: Any):
        super().__init__(entry, memory)
        (self.ndim, self.row, self.dtype), (self.out_row, self.out_dtype) = (
            self.sources[0],
            self.targets[0],
        )
        self.one = entry.step.one

    def __call__(self, x: Any) -> np.ndarray | None:
        if type(x) is not np.ndarray:
            return None
        shape = x.shape
        n = shape[0] if len(shape) == self.ndim else 0
        if not 0 < n <= SHORT_BATCH or x.dtype != self.dtype or shape[1:] != self.row:
            return None
        if not self._is_ready():
            return None
        out = np.empty((n, *self.out_row), self.out_dtype)
        try:
            status = self.one(self._env(n), n, x, out)
        except ValueError:  # not dense: NumPy lends no such memory, and asking first takes longer
            return None
        if status:
            self.entry.refuse(status, {"B": n}, [x])
        return out


class ShortOfSeveral(_ShortWay):
    """A list of arrays in, a list of arrays out; gives None for anything else."""

    def __call__(self, arrays: Sequence[Any]) -> list[np.ndarray] | None:
        sources = self.sources
        if len(arrays) != len(sources) or not self._is_ready():
            return None
        batch = arrays[0].shape[:1] if type(arrays[0]) is np.ndarray else ()
        if not batch or not 0 < batch[0] <= SHORT_BATCH:
            return None
        for x, (_, row, dtype) in zip(arrays, sources):
            if type(x) is not np.ndarray or x.shape != batch + row or x.dtype != dtype:
                return None
            if not x.flags.c_contiguous:
                return None
        outputs = [np.empty(batch + row, dtype) for row, dtype in self.targets]
        env = self._env(batch[0])
        env.set_arrays(arrays, outputs)
        env.set_dims(batch[0])
        status = self.entry.step(env)
        if status:
            self.entry.refuse(status, {"B": batch[0]}, arrays)
        return outputs


class Bound:
    """`entry` on fixed arrays: each call reads `inputs` and fills `outputs` in place, and gives
    them.

    Not to be called from two threads at once. After weights change the next call sees the new ones;
    `refresh` does that. Large calls are shared by as many threads as FNC_THREADS asked for when
    this was made.
    """

    def __init__(
        self,
        entry: CompiledEntry,
        inputs: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray] | None,
        weights: Any,
        state: Any,
    ):
        sizes = interp.bind_symbols(entry.program, inputs)
        entry.check_sizes(sizes)
        self.entry, self.inputs, self._sizes = entry, list(inputs), sizes
        self._weights, self._state = weights, state
        self.memories = [m for m in (weights, state) if m is not None]
        shapes = [tuple(evaluate(d, sizes) for d in t.shape) for t in entry.lowered.outputs]
        dtypes = [DTYPES[t.dtype].storage for t in entry.lowered.outputs]
        self.outputs = (
            list(outputs)
            if outputs is not None
            else [np.empty(s, d) for s, d in zip(shapes, dtypes)]
        )
        _check_outputs(self.inputs, self.outputs, shapes, dtypes)
        self._env: Env = entry.environment(sizes)
        self._env.set_arrays(self.inputs, self.outputs)
        self._step = entry.step.on(self._env)
        self._ready_for = -1  # version of the weights
        self._result = self.outputs[0] if len(self.outputs) == 1 else self.outputs

    def __call__(self) -> Any:
        weights, state = self._weights, self._state
        lost = weights.lost or (state is not None and state.lost)  # written out: it is a warm call
        if lost or weights.version != self._ready_for:
            self._make_ready()
        status = self._step()
        if status:
            self.entry.refuse(status, self._sizes, self.inputs)
        return self._result

    def _make_ready(self) -> None:
        for memory in self.memories:
            memory.adopt()
        version = self._weights.version
        self.entry.prepare(version)
        self._ready_for = version


def _check_outputs(inputs, outputs, shapes, dtypes) -> None:
    """ValueError unless outputs have the right types and share no memory with inputs or each
    other."""
    if len(outputs) != len(shapes):
        raise ValueError(f"`out` must be {len(shapes)} array(s). Received: {len(outputs)}")
    for i, (array, shape, dtype) in enumerate(zip(outputs, shapes, dtypes)):
        if (
            not isinstance(array, np.ndarray)
            or array.shape != shape
            or array.dtype != dtype
            or not array.flags.c_contiguous
            or not array.flags.writeable
        ):
            raise ValueError(
                f"`out` {i} must be a writeable C-contiguous array of shape {shape} and dtype "
                f"{dtype}. "
                f"Received: {getattr(array, 'shape', type(array).__name__)} of "
                f"{getattr(array, 'dtype', '?')}"
            )
        for other in (*inputs, *outputs[:i]):
            if np.shares_memory(array, other):
                raise ValueError(
                    f"`out` {i} shares memory with an input or another output; give it its own."
                )

