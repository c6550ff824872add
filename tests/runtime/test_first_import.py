"""What works when it is the first thing of the package that a program uses."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAMS = [
    "v = fncompile.Variable([1., 2.]); assert float((v + 1)[0]) == 2",
    "assert fncompile.Variable(initializer='uniform', shape=(2, 3)).shape == (2, 3)",
    "x = fncompile.KerasTensor((2, 3)); assert (x * 2).shape == (2, 3)",
    "import pickle; pickle.loads(pickle.dumps(fncompile.Variable([1.]))) + 1",
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_first(program):
    subprocess.run([sys.executable, "-c", f"import fncompile; {program}"], check=True, timeout=120)
