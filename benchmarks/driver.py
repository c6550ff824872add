"""Workers from outside: processes pinned to cores, asked over pipes, one after the other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import networks, oracle
from benchmarks.cases import Case

ROOT = Path(__file__).resolve().parents[1]
TOLERANCE = {"float32": 1e-4, "bfloat16": 5e-2}  # of outputs, relative to the largest one
LOSS_TOLERANCE = {"float32": 1e-3, "bfloat16": 5e-2}
SLOW = 1.0  # seconds: a call that takes longer is timed in the first round alone
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "1", "JAX_PLATFORMS": "cpu"}


class WorkerError(RuntimeError):
    """What a worker answered instead of a result."""


class Process:
    """A worker's process, pinned to the last `cores` cores of this one."""

    def __init__(self, name: str, cores: int, log: Path, environment: dict[str, str] | None = None):
        self.name, pins = name, sorted(os.sched_getaffinity(0))[-cores:]
        environment = {**os.environ, **QUIET, "OMP_NUM_THREADS": str(cores), **(environment or {})}
        with log.open("a") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.workers.serve", name, str(cores)], cwd=ROOT,
                env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                text=True, preexec_fn=lambda: os.sched_setaffinity(0, pins))

    def ask(self, do: str, **arguments: Any) -> Any:
        """Raises WorkerError with what the worker says, or that it is gone."""
        try:
            self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        reply = json.loads(line) if line else {"error": "the worker ended"}
        if "error" in reply:
            raise WorkerError(reply["error"])
        return reply["ok"]

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=60)


def measure(case: Case, processes: list[Process], rounds: int, seconds: float) -> dict[str, Any]:
    """{"seconds": {worker: {way: median of rounds}}, "failed": {worker: {way: why}}}.

    All results are compared before the first is timed; rounds go from worker to worker.
    """
    runs, failed = _checked(case, processes)
    times: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for process, way in runs:
            if times.get((process.name, way), [0])[0] > SLOW:
                continue
            took = process.ask("time", case=case.to_json(), way=way, seconds=seconds)
            times.setdefault((process.name, way), []).append(took)
    for process in processes:
        process.ask("drop")
    found: dict[str, dict[str, float]] = {}
    for (name, way), values in times.items():
        found.setdefault(name, {})[way] = median(values)
    return {"seconds": found, "failed": failed}


def _checked(case: Case, processes: list[Process]):
    """The runs whose results are right, and why the others are not."""
    wanted, runs, failed = expected(case), [], {}
    with tempfile.TemporaryDirectory() as folder:
        for process in processes:
            for way in process.ask("ways", case=case.to_json()):
                path = str(Path(folder) / f"{process.name}.npz")
                try:
                    process.ask("check", case=case.to_json(), way=way, path=path)
                    with np.load(path) as results:
                        compare(case, list(results.values()), wanted)
                    runs.append((process, way))
                except (WorkerError, ValueError) as error:
                    failed.setdefault(process.name, {})[way] = str(error)
    return runs, failed


def expected(case: Case) -> list[np.ndarray]:
    """Outputs by NumPy, or the first loss by NumPy; later losses are added by the first worker."""
    network = case.spec()
    inputs, targets = networks.data(network, case.batch)
    outputs = oracle.forward(network, inputs, case.kind == "train")
    if case.kind == "predict":
        return outputs
    return [np.array([oracle.loss(network, outputs, targets)])]


def compare(case: Case, results: list[np.ndarray], wanted: list[np.ndarray]) -> None:
    """ValueError unless they agree. Later losses of the first worker are wanted of the others."""
    if len(results) != len(wanted):
        raise ValueError(f"{len(results)} results instead of {len(wanted)}")
    tolerance = (TOLERANCE if case.kind == "predict" else LOSS_TOLERANCE)[case.dtype]
    for i, (result, right) in enumerate(zip(results, wanted)):
        result = result if case.kind == "predict" else result[: len(right)]
        if result.shape != right.shape:
            raise ValueError(f"result {i} has shape {result.shape} instead of {right.shape}")
        distance = float(np.max(np.abs(result - right)) / np.max(np.abs(right)))
        if not distance <= tolerance:
            raise ValueError(f"result {i} is {distance:.2g} from what is right")
    if case.kind == "train" and len(wanted[0]) == 1:
        wanted[0] = results[0]
