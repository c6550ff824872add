"""Scripts as several MPI ranks on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.tools import need, need_module

ROOT = Path(__file__).resolve().parents[2]
# Open MPI refuses root, and more ranks than processors, unless told; idle ranks then yield.
ALLOWED = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_mpi_yield_when_idle": "1",
    "OMPI_MCA_btl_base_warn_component_unused": "0",
}  # fmt: skip


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, **ALLOWED, "PYTHONPATH": str(ROOT), **more}


def run(
    ranks: int, script: Path | str, *arguments: object, check: bool = True, **more: str
) -> subprocess.CompletedProcess:
    """Run a Python script, a path or text, as so many ranks. `more` is of the environment."""
    need("mpirun")
    need_module("mpi4py")
    code = ["-c", script] if isinstance(script, str) else [str(script)]
    command = ["mpirun", "-n", str(ranks), sys.executable, *code, *map(str, arguments)]
    done = subprocess.run(
        command, env=environment(**more), capture_output=True, text=True, timeout=300
    )
    assert not check or done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done
