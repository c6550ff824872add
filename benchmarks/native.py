"""fncompile's exported libraries, called and timed by a C program (native.c)."""

from __future__ import annotations

import os
import shlex
import subprocess
from functools import cache
from math import prod
from pathlib import Path

import numpy as np

from benchmarks import networks
from benchmarks.cases import Case
from benchmarks.description import Network
from benchmarks.workers import TIMED_RATE

SOURCE = Path(__file__).with_name("native.c")


class Native:
    """A network exported into `directory` and the program that links it.

    `model` is compiled with Adam at CHECK_RATE. Raises CalledProcessError where the program fails.
    """

    def __init__(self, model, network: Network, directory: Path):
        self.network, self.directory = network, directory
        bundle = model.export(directory)
        self.library = bundle.shared
        (directory / "bench_model.h").write_text(_header(network, bundle.prefix))
        self.program = directory / "native"
        compiler = shlex.split(os.environ.get("CC", "cc"))
        subprocess.run([*compiler, "-O2", f"-I{directory}", str(SOURCE), str(bundle.static), "-lm",
                        "-pthread", "-o", str(self.program)], check=True)

    @cache  # noqa: B019  (a handful of cases a process)
    def inputs(self, case: Case) -> Path:
        path = self.directory / f"{case.kind}{case.batch}.in"
        given, targets = networks.data(self.network, case.batch)
        path.write_bytes(b"".join(a.tobytes() for a in (*given, *targets)))
        return path

    def run(self, case: Case, seconds: float) -> str:
        command = [self.program, case.kind, str(case.batch), str(case.cores), str(seconds),
                   self.inputs(case), self.directory / "out"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def results(self, case: Case) -> list[np.ndarray]:
        """The predictions, or the losses of the first steps."""
        self.run(case, 0)
        flat, shapes = np.fromfile(self.directory / "out", np.float32), self.network.shapes()
        if case.kind == "train":
            return [flat]
        wanted = [(case.batch, *shapes[name]) for name in self.network.outputs]
        parts = np.split(flat, np.cumsum([np.prod(shape) for shape in wanted])[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, wanted)]

    def seconds(self, case: Case, most: float) -> float:
        return float(self.run(case, most))


def _header(network: Network, prefix: str) -> str:
    """bench_model.h; native.c says what is in it."""
    widths, inputs = network.widths(), len(network.inputs)
    classes = network.loss == "crossentropy"
    targets = ([prod(network.shapes()[network.outputs[0]][:-1])] if classes
               else [widths[n] for n in network.outputs])
    kind = "(const int32_t *)" if classes else ""
    numbers = network.numbers()
    given = [f"{'(const int32_t *)' if name in numbers else ''}in[{i}]"
             for i, name in enumerate(network.inputs)]
    made = [f"out[{i}]" for i in range(len(network.outputs))]
    wanted = [f"{kind}in[{inputs + i}]" for i in range(len(targets))]
    defines = {
        "MODEL(name)": f"{prefix}_##name", "MODE_TRAIN": f"{prefix.upper()}_TRAIN",
        "MODE_PREDICT": f"{prefix.upper()}_PREDICT", "NUM_INPUTS": inputs,
        "INPUTS": _braces([*(widths[name] for name in network.inputs), *targets]),
        "OUTPUTS": _braces([widths[name] for name in network.outputs]),
        "PREDICT_ARGS": ", ".join(given + made), "TRAIN_ARGS": ", ".join(given + wanted),
        "TIMED_RATE": f"{TIMED_RATE}f",
    }
    lines = [f'#include "{prefix}.h"', *(f"#define {k} {v}" for k, v in defines.items())]
    return "\n".join(lines) + "\n"


def _braces(sizes: list[int]) -> str:
    return "{" + ", ".join(map(str, sizes)) + "}"
