"""How large libraries are, and what large models cost, at a tenth of the size that is promised."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import fncompile
from fncompile import layers
from tests.tools import need, run

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def digits():
    model = fncompile.Sequential(
        [
            fncompile.Input((784,)), layers.Dense(64, "relu"), layers.Dense(64, "relu"),
            layers.Dense(10, "softmax"),
        ],
        name="digits",
    )  # fmt: skip
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize(("training", "most"), [(False, 60_000), (True, 120_000)])
def test_what_a_library_costs_beside_its_data(digits, tmp_path, training, most):
    """Of each level, with what all levels share."""
    need("size", "ar")
    bundle = digits.export(tmp_path, training=training)
    run("ar", "x", bundle.static, cwd=tmp_path)
    names = sorted(p.name for p in tmp_path.glob("*.o"))
    sizes = {
        name: sum(map(int, run("size", tmp_path / name).splitlines()[1].split()[:3]))
        for name in names
    }
    data = sizes.pop("digits_data.o")
    shared = sizes.pop("digits_public.o")
    assert data > 220_000 and not [n for n in sizes if not re.search("code|needs", n)]
    for name, size in sizes.items():
        assert size + shared < most, (name, size, shared)


LARGE = """
import sys
from pathlib import Path
import fncompile
from fncompile import layers
wide = [layers.Dense(1024, "relu", kernel_initializer="ones") for _ in range(9)]
model = fncompile.Sequential([fncompile.Input((1024,)), *wide, layers.Dense(10)], name="large")
model.compile("adam", "mse")
def resident(which):
    lines = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[which].split()[0]) << 10
small = fncompile.Sequential([fncompile.Input((4,)), layers.Dense(2)], name="small")
small.compile("adam", "mse")
small.export(sys.argv[1] + "/small", march="native", weights="file")  # the compiler is loaded
Path("/proc/self/clear_refs").write_text("5")  # the largest from now on
before = resident("VmRSS")
model.export(sys.argv[1], march="native", weights="file")
print((resident("VmHWM") - before) / (4 * model.count_params()))
"""
OPEN = """
import resource, sys
from ctypes import byref, c_void_p
sys.path.insert(0, sys.argv[2])
from tests.export.test_options import create, options
from tests.export.library import Library
from pathlib import Path
from types import SimpleNamespace
folder = Path(sys.argv[1])
library = Library(SimpleNamespace(
    prefix="large", header=folder / "large.h", shared=folder / "liblarge.so"))
asked = options(weights_file=str(folder / "large.weights").encode())
library.create_with, library.destroy
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
status, context = create(library, asked, 0, 1)
print(status, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_ten_million_parameters(tmp_path):
    """With training, by Adam: their weights stand in their file alone, nothing is text, no copy is
    made of them or of the optimizer's state, and a context that maps the file reads its first page,
    not the rest: 115 MB are 28000 pages. Each page is as much to do for a hundred million."""
    done = subprocess.run(
        [sys.executable, "-c", LARGE, tmp_path], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    weights = (tmp_path / "large.weights").stat().st_size
    assert 113_000_000 < weights < 115_000_000  # and two moments of each
    assert float(done.stdout) < 1.5, "times their size in memory, beside the model's own"
    assert sum(p.stat().st_size for p in tmp_path.iterdir()) < weights + 1_500_000
    done = subprocess.run(
        [sys.executable, "-c", OPEN, tmp_path, ROOT], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    status, faults = map(int, done.stdout.split())
    assert status == 0 and faults < 300
