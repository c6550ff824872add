"""Kernel by kernel: FNC_CHECK, FNC_NAN and FNC_PROFILE.

The C text then has one more entry, which runs the kernel whose number is given, so each can be
timed, looked at, and compared with the Plan interpreter on the very memory that it read.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from fncompile.codegen.packing import is_pack
from fncompile.flags import flag
from fncompile.ir import interp
from fncompile.ir.dims import evaluate
from fncompile.plan.cost import flops, moved_bytes
from fncompile.plan.interp import Machine
from fncompile.plan.types import Buffer, Kernel, writes
from fncompile.runtime.entry import CompiledEntry, Run, RunSteps, check_status

TOLERANCE = {"float32": 2e-4, "float64": 1e-9}  # of the largest element


class KernelError(ArithmeticError):
    """A kernel made a wrong or a non-finite number."""


class StepwiseEntry(CompiledEntry):
    """Runs one kernel at a time and looks at what it wrote."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._kernel = self.library.symbol(self.step.name.removesuffix("_entry") + "_kernel")
        self.times: dict[str, list[float]] = {k.name: [] for k in self.plan.kernels}
        self._totals: dict[str, tuple[int, int]] = {}  # flops and bytes over all calls

    def shaped_steps(self, batch: Sequence[np.ndarray]) -> RunSteps:
        return self.run_steps

    def shaped(self, inputs: Sequence[np.ndarray]) -> Run:
        return self.run

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        sizes = interp.bind_symbols(self.program, inputs)
        self.check_indices(inputs)
        outputs = self.new_outputs(sizes)
        env = self.environment(sizes)
        for array in (*outputs, env.arena_memory):
            array[...] = 0  # several kernels may write one of them, each a part
        env.set_arrays(inputs, outputs)
        native = self._machine(inputs, sizes)
        native.arena, native.prepared = env.arena_memory, self._prepared
        for buffer, array in zip(self.plan.outputs, outputs):
            native.flat[buffer] = array.reshape(-1)
        oracle = self._oracle(inputs, sizes, native) if flag("check") else None
        if oracle is not None:
            oracle.env = native.env
        numbers = {kernel.name: i for i, kernel in enumerate(self.plan.kernels)}
        for kernel in native.in_turn(self.plan.steps):
            turns = [native.env.get(symbol, 0) for symbol in self.plan.loop_symbols]
            env.set_args(numbers[kernel.name], *turns)
            start = time.thread_time()  # it runs here alone: other programs do not count
            check_status(self._kernel(env), self.name)
            self._note(kernel, time.thread_time() - start, native.env)
            self._look(kernel, native, oracle)
        return outputs

    def _machine(self, inputs: Sequence[np.ndarray], sizes: dict[str, int]) -> Machine:
        params = {b.name: self._view(b.name) for b in self.plan.params}
        return Machine(self.plan, inputs, params, sizes)

    def _view(self, name: str) -> np.ndarray:
        return next(b.view(name) for b in self.blocks if name in b.offsets)

    def _oracle(
        self, inputs: Sequence[np.ndarray], sizes: dict[str, int], native: Machine
    ) -> Machine:
        params = {b.name: self._view(b.name).copy() for b in self.plan.params}
        oracle = Machine(self.plan, inputs, params, sizes)
        oracle.arena[...] = 0
        with np.errstate(all="ignore"):
            for kernel in self.plan.prepare:
                oracle._run_kernel(kernel)
                for buffer in () if is_pack(kernel) else writes(kernel):
                    size = evaluate(buffer.type.size, sizes)
                    oracle.memory_of(buffer)[:size] = native.memory_of(buffer)[:size]
        return oracle

    def _look(self, kernel: Kernel, native: Machine, oracle: Machine | None) -> None:
        if oracle is not None:
            with np.errstate(all="ignore"):
                oracle._run_kernel(kernel)
        for buffer in sorted(writes(kernel), key=lambda b: b.name):
            size = evaluate(buffer.type.size, native.env)
            found = native.memory_of(buffer)[:size]
            if flag("nan") and found.dtype.kind == "f" and not np.isfinite(found).all():
                raise KernelError(
                    f"{_name(kernel)} made a NaN or infinity in {buffer.name} {buffer.type}"
                )
            if oracle is not None and not is_pack(kernel):  # the oracle does not lay out in panels
                expected = oracle.memory_of(buffer)[:size]
                _compare(kernel, buffer, found, expected)
                expected[...] = found  # so that each kernel is judged by itself

    def _note(self, kernel: Kernel, seconds: float, sizes: dict[str, int]) -> None:
        self.times[kernel.name].append(seconds)
        work = evaluate(flops(kernel), sizes), evaluate(moved_bytes(kernel), sizes)
        old = self._totals.get(kernel.name, (0, 0))
        self._totals[kernel.name] = (old[0] + work[0], old[1] + work[1])

    def table(self) -> str:
        """Per kernel: calls, microseconds (median), share, GFLOP/s and GB/s over all calls."""
        total = sum(map(sum, self.times.values())) or 1e-30
        lines = [
            f"{'kernel':44} {'calls':>6} {'us':>9} {'share':>6} {'GFLOP/s':>8} {'GB/s':>7}  layers"
        ]
        for kernel in self.plan.kernels:
            spent = self.times[kernel.name]
            if not spent:
                continue
            seconds, (work, moved) = sum(spent) or 1e-30, self._totals[kernel.name]
            lines.append(
                f"{kernel.name:44} {len(spent):6} {1e6 * float(np.median(spent)):9.2f} "
                f"{seconds / total:6.1%} "
                f"{work / seconds / 1e9:8.2f} {moved / seconds / 1e9:7.2f}  "
                f"{kernel.layers}"
            )
        return "\n".join(lines) + "\n"


def _name(kernel: Kernel) -> str:
    return f"kernel {kernel.name} (layers: {kernel.layers})"


def _compare(kernel: Kernel, buffer: Buffer, found: np.ndarray, expected: np.ndarray) -> None:
    if found.dtype.kind != "f":
        wrong = found != expected
    else:
        finite = np.abs(expected[np.isfinite(expected)]).astype(np.float64)
        allowed = TOLERANCE[found.dtype.name] * max(
            1.0, float(finite.max()) if finite.size else 1.0
        )
        wrong = ~np.isclose(found, expected, rtol=0, atol=allowed, equal_nan=True)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise KernelError(
            f"{_name(kernel)} differs from the interpreter in {buffer.name} {buffer.type}: "
            f"element {at} is "
            f"{found[at]}, expected {expected[at]}; {int(wrong.sum())} of {wrong.size} differ"
        )
