"""The machine's own limits, by limits.c, and the time below which no program can get."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from benchmarks import machine
from benchmarks.cases import Case, flops, footprint, traffic

SOURCE = Path(__file__).with_name("limits.c")
FLAGS = ("-O3", "-march=native", "-pthread")
PRIVATE = ("L1", "L2")  # caches that each core has for itself

Limits = dict[str, float]


def measure(cores: int, cases: Iterable[Case] = ()) -> Limits:
    """GFLOP/s of `fma`, `amx` and `bf16` (0: the CPU has none), GB/s of each cache and of `memory`,
    and of what `cases` use where that is on the border of the last cache; all `cores` together.

    Raises CalledProcessError where limits.c does not compile or run.
    """
    pins, caches = sorted(os.sched_getaffinity(0))[-cores:], machine.caches()
    border = {border_name(case): footprint(case) // cores for case in cases
              if on_border(case, caches)}
    sizes = {**array_sizes(cores), **border}
    with tempfile.TemporaryDirectory() as folder:
        program = str(Path(folder) / "limits")
        subprocess.run([*machine.compiler(), *FLAGS, str(SOURCE), "-o", program], check=True)
        command = [program, str(cores), "fma=0", "amx=-1", "bf16=-2",
                   *(f"{name}={size}" for name, size in sizes.items())]
        out = subprocess.run(command, check=True, capture_output=True, text=True,
                             preexec_fn=lambda: os.sched_setaffinity(0, pins)).stdout
    return {name: float(value) for name, value in (line.split() for line in out.splitlines())}


def best(*several: Limits) -> Limits:
    """The largest of each: other programs only ever lower what was measured."""
    return {name: max(limits[name] for limits in several) for name in several[0]}


def array_sizes(cores: int) -> dict[str, int]:
    """Bytes a core to read, well inside each cache, and well outside all of them."""
    caches = machine.caches()
    sizes = {name: size // 2 if name in PRIVATE else size // 4 // cores
             for name, size in caches.items()}
    return {**sizes, "memory": min(4 * max(caches.values()), 1 << 29)}


def peak(case: Case, limits: Limits) -> float:
    """GFLOP/s of the best instructions for the case's dtype."""
    wide = ("fma", "amx", "bf16") if case.dtype == "bfloat16" else ("fma",)
    return max(limits[name] for name in wide)


def on_border(case: Case, caches: dict[str, int]) -> bool:
    """May what the case uses be partly in the last cache, which others use as well?"""
    last = max(caches.values())
    return last // 4 < footprint(case) <= 4 * last


def border_name(case: Case) -> str:
    return f"{footprint(case) / 1e6:.0f}MB"


def level(case: Case, caches: dict[str, int]) -> str:
    """The fastest level of memory that what the case uses fits in."""
    for name, size in caches.items():
        if footprint(case) <= size * (case.cores if name in PRIVATE else 1):
            return name
    return "memory"


def bound(case: Case, limits: Limits, caches: dict[str, int]) -> tuple[float, str]:
    """Seconds that the case takes at least, and what says so: `flops` or a level of memory."""
    border = border_name(case) if on_border(case, caches) else ""
    where = border if border in limits else level(case, caches)
    return max((flops(case) / peak(case, limits) / 1e9, "flops"),
               (traffic(case) / limits[where] / 1e9, where))
