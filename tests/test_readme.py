"""Every snippet and command of the README, run as a reader would, in an empty directory.

Python blocks share one namespace, in order. Output that the README shows must be what comes out,
digits aside: numbers that depend on the machine are compared in shape only.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fncompile
from fncompile.cli import COMMANDS
from tests.distribution import mpi
from tests.tools import need, need_module, run_blocks

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(), re.S | re.M)


def shape(text: str) -> str:
    """The text with every number as `#`, without the width that numbers take and units of time."""
    numbers = re.sub(r"[-+]?\d[\d.,]*(e[-+]?\d+)?", "#", text)
    return re.sub(r"\s+", " ", re.sub(r"#[mu]?s/step", "#s/step", numbers)).strip()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Runs all Python blocks in an empty directory; gives it, and keeps what they printed."""
    folder = tmp_path_factory.mktemp("readme")
    fncompile.utils.clear_session()  # a reader's layers are named from the beginning
    with contextlib.chdir(folder) if sys.version_info >= (3, 11) else _chdir(folder):
        _, printed = run_blocks(blocks("python"), "README.md")
    (folder / "printed").write_text(printed[0])
    return folder


@contextlib.contextmanager
def _chdir(folder: Path):
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def test_the_example_prints_what_the_readme_shows(folder):
    assert shape((folder / "printed").read_text()) == shape(blocks("text")[0])


def test_the_export_has_the_files_that_the_readme_names(folder):
    names = {p.name for p in (folder / "build" / "mnist_model").iterdir()}
    wanted = {
        "libmnist_model.so",
        "libmnist_model.a",
        "mnist_model.h",
        "mnist_model.pc",
        "example_mnist_model.c",
    }
    assert wanted <= names


def test_the_c_example_compiles_and_runs(folder):
    need("pkg-config")
    (folder / "digit.c").write_text(blocks("c")[0])
    text = next(b for b in blocks("console") if "pkg-config" in b)
    commands = [line[2:] for line in text.splitlines() if line.startswith("$ ")]
    shown = "\n".join(line for line in text.splitlines() if not line.startswith("$ "))
    done = subprocess.run(
        ["sh", "-ec", "\n".join(commands)], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert shape(done.stdout) == shape(shown)

    again = fncompile.models.load_model(folder / "mnist_model.keras")
    before = again.get_weights()[-1].copy()
    again.load_weights(folder / "learned.weights.h5")
    assert again.get_weights()[-1][7] > before[7]  # the bias of the class it was shown


def test_the_commands_of_the_shell_run(folder):
    text = next(b for b in blocks("console") if "$ fncompile" in b)
    lines = [line[2:].split() for line in text.splitlines()]
    assert {line[1] for line in lines} == set(COMMANDS)
    for line in lines:
        command = [sys.executable, "-m", *line]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0 and done.stdout, done.stderr


def table_commands() -> list[str]:
    """Those of the table "Where it fits"."""
    text = README.read_text().split("## Where it fits")[1].split("\n## ")[0]
    return re.findall(r"\| `([^`]+)` \|$", text, re.M)


def in_table(folder: Path, command: str) -> str:
    """What a command prints in a directory with `examples`, and with the README's script as
    train.py, one line longer."""
    script, line = blocks("python")[0], next(b for b in blocks("python") if "DataParallel" in b)
    first, rest = script.split("\n", 1)
    (folder / "train.py").write_text(f"{first}\n{line}{rest}")
    if not (folder / "examples").exists():
        (folder / "examples").symlink_to(ROOT / "examples")
    for program, more in (("fncompile", "-m fncompile "), ("python", "")):
        (folder / program).write_text(f'#!/bin/sh\nexec "{sys.executable}" {more}"$@"\n')
        (folder / program).chmod(0o755)
    path = f"{folder}:{os.environ['PATH']}"
    environment = mpi.environment(PATH=path, FNC_TARGET="ref", FNC_CFLAGS="-Og")
    done = subprocess.run(
        ["sh", "-ec", command], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


SHOWN = {  # a word of each command, and what it prints (ranks print in any order, and on one line)
    "mpirun": r"(?s)(?=.*Epoch 5/5)(.*?\[0\.\d+, 0\.9\d+\]){4}",
    "native/mpi": r"2 ranks, 4 epochs of 500 samples",
    "with_dask": r"50000 rows; the same bits: True\n.*[1-9]\d* rows/s.*[1-9]\d* rows/s",
    "with_joblib": r"50000 rows; the same bits: True\n.*[1-9]\d* rows/s.*[1-9]\d* rows/s",
    "with_sklearn": r"width 32: accuracy 0\.9\d",
    "fncompile": r"Total params",
}
NEEDED = {"mpirun": ("mpirun",), "native/mpi": ("mpirun", "mpicc")}
MODULES = {"mpirun": "mpi4py", "with_dask": "distributed", "with_joblib": "joblib"}


@pytest.mark.parametrize("word", SHOWN)
def test_the_commands_of_where_it_fits_run(folder, word):
    need(*NEEDED.get(word, ()))
    if word in MODULES:
        need_module(MODULES[word])
    (command,) = [c for c in table_commands() if word in c]
    printed = in_table(folder, command)
    assert re.search(SHOWN[word], printed), printed
    assert printed.count("Epoch 1/5") == (word == "mpirun")  # the first process alone shows a bar


def test_every_row_of_where_it_fits_is_run():
    assert len(table_commands()) == len(SHOWN) == 6


def test_make_knows_the_commands():
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M)
    used = {
        word
        for text in (*blocks("console"), README.read_text())
        for word in re.findall(r"make (\w+)", text)
    }
    assert {w for w in used if w in ("demo", "test", "lint", "bench")} <= set(targets)
    assert {"demo", "test"} <= used  # tests/examples/test_demo.py does what the first one does


def test_the_switches_can_be_listed():
    done = subprocess.run(
        [sys.executable, "-m", "fncompile.flags"], capture_output=True, text=True, check=True
    )
    for name in re.findall(r"`(FNC_[A-Z]+)", README.read_text()):
        assert name in done.stdout, name
