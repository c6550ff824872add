"""One framework in a process of its own: reads requests, a JSON object a line, and answers each.

    python -m benchmarks.workers.serve torch 1     # framework, cores

    {"do": "versions"}
    {"do": "ways", "case": {...}}
    {"do": "check", "case": {...}, "way": "eager", "path": "outputs.npz"}   -> what it computes
    {"do": "time", "case": {...}, "way": "eager", "seconds": 0.05}          -> seconds a call
    {"do": "drop"}                                                          forget all runs

An answer is {"ok": result} or {"error": text}. What frameworks print goes to standard error.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from itertools import repeat
from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.workers import CHECK_RATE, CHECK_STEPS, TIMED_RATE, Run

SAMPLES = 7


class Server:
    """Keeps the runs that were checked, to time them."""

    def __init__(self, name: str, cores: int):
        self.worker = importlib.import_module(f"benchmarks.workers.{name}").Worker(cores)
        self.runs: dict[tuple[str, str], Run] = {}

    def answer(self, request: dict[str, Any]) -> Any:
        arguments = {k: v for k, v in request.items() if k != "do"}
        if "case" in arguments:
            arguments["case"] = Case(**arguments["case"])
        return getattr(self, request["do"])(**arguments)

    def versions(self) -> dict[str, str]:
        return self.worker.versions()

    def ways(self, case: Case) -> list[str]:
        return list(self.worker.ways(case))

    def check(self, case: Case, way: str, path: str) -> None:
        """Outputs, or the losses of the first steps, into the file at `path`."""
        run = self.runs[case.name, way] = self.worker.build(case, way)
        np.savez(path, *(predicted(run) if case.kind == "predict" else [trained(run)]))

    def time(self, case: Case, way: str, seconds: float) -> float:
        run = self.runs[case.name, way]
        return (run.seconds or (lambda most: time_calls(run, most)))(seconds)

    def drop(self) -> None:
        self.runs.clear()

    def end_to_end(self, path: str, epochs: int, batch: int) -> dict[str, float]:
        """Train mlp784 on the arrays in the file; seconds until the weights are trained, and the
        mean loss that they have."""
        with np.load(path) as arrays:
            x, y = arrays["x"], arrays["y"]
        start = time.perf_counter()
        loss = self.worker.end_to_end(x, y, epochs, batch)
        return {"seconds": time.perf_counter() - start, "loss": loss()}


def predicted(run: Run) -> list[np.ndarray]:
    return [np.asarray(output, np.float32) for output in run.wait(run.call())]


def trained(run: Run) -> np.ndarray:
    """The losses of the first steps."""
    run.rate(CHECK_RATE)
    one_by_one = lambda: [float(run.wait(run.call())) for _ in range(CHECK_STEPS)]  # noqa: E731
    losses = list((run.losses or one_by_one)())
    run.rate(TIMED_RATE)
    return np.array(losses)


def time_calls(run: Run, seconds: float) -> float:
    """Seconds a call (a step): the least of several samples that take `seconds` together."""
    count, took = 1, sample(run, 1)
    while took < seconds / SAMPLES / 2:
        count *= 2
        took = sample(run, count)
    rest = max(1, min(SAMPLES, int(seconds / took)) - 1)
    return min(took, *(sample(run, count) for _ in range(rest))) / count / run.steps


def sample(run: Run, count: int) -> float:
    call, result = run.call, None
    start = time.perf_counter()
    for _ in repeat(None, count):
        result = call()
    run.wait(result)
    return time.perf_counter() - start


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # frameworks print
    server = Server(sys.argv[1], int(sys.argv[2]))
    for line in sys.stdin:
        try:
            reply = {"ok": server.answer(json.loads(line))}
        except Exception as error:  # told to the driver, which shows it in the table
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:300]}
        answers.write(json.dumps(reply) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
