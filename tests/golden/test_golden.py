"""Program text, plan and C of small models, to the byte, on every machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fncompile
from fncompile.ir.text import print_program
from fncompile.plan.text import plan_text
from fncompile.runtime import toolchain
from fncompile.runtime.entry import CompiledEntry
from tests.golden.models import PREDICT, TRAIN
from tests.tools import need

FILES = Path(__file__).parent / "files"


def predict_texts(build) -> dict[str, str]:
    fncompile.utils.clear_session()
    model = build()
    model.steps().predict_entry(())
    return _texts(model)


def train_texts(
    build, optimizer: str, loss: str, row: tuple[int, ...], dtype: str
) -> dict[str, str]:
    fncompile.utils.clear_session()
    model = build()
    model.compile(optimizer, loss)
    x = [np.zeros((2, *t.shape[1:]), t.dtype) for t in model.inputs]
    model.train_on_batch(x if len(x) > 1 else x[0], np.zeros((2, *row), dtype))
    return _texts(model)


def _texts(model) -> dict[str, str]:
    entry = model.steps().compiled_entries()[-1]
    assert isinstance(entry, CompiledEntry)
    return {
        "program.txt": print_program(entry.program),
        "plan.txt": plan_text(entry.plan),
        "c": entry.source,
    }


def check(name: str, texts: dict[str, str], update: bool) -> None:
    for kind, text in texts.items():
        path = FILES / f"{name}.{kind}"
        if update:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        assert path.is_file(), f"{path.name} is missing: run pytest tests/golden --update-golden"
        assert text == path.read_text(), f"{path.name} has changed"


@pytest.mark.parametrize("build", PREDICT, ids=lambda f: f.__name__)
def test_prediction(build, update_golden, quickly_compiled):
    check(build.__name__, predict_texts(build), update_golden)


@pytest.mark.parametrize("case", TRAIN, ids=lambda c: c[0].__name__)
def test_training(case, update_golden, quickly_compiled):
    check(f"train_{case[0].__name__}", train_texts(*case), update_golden)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_c_compiles_without_warnings(compiler, tmp_path):
    """All golden C in a few runs, for the baseline of the machine and for the newest."""
    need(compiler)
    sources = sorted(FILES.glob("*.c"))
    assert len(sources) == len(PREDICT) + len(TRAIN)
    version = toolchain.compiler_version([compiler])
    flags = [f for f in toolchain.compile_flags(version) if not f.startswith("-march")]
    strict = ["-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    command = [compiler, *flags, *strict, *toolchain.include_flags(), *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    one = [
        compiler,
        *flags,
        "-Wall",
        "-Wextra",
        "-Werror",
        *toolchain.include_flags(),
        "-c",
        "-o",
        "x.o",
    ]
    done = subprocess.run(
        [*one, str(FILES / "train_dense_relu_softmax.c")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr  # warnings that need optimisation


def test_the_text_does_not_depend_on_hashing(quickly_compiled):
    """Another process, with another order of sets and dicts of strings, prints the same."""
    code = (
        "from tests.golden.test_golden import train_texts, TRAIN\n"
        "import sys\n"
        "for case in TRAIN[1:3]: sys.stdout.write(''.join(train_texts(*case).values()))"
    )
    expected = "".join("".join(train_texts(*case).values()) for case in TRAIN[1:3])
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True,
            cwd=Path(__file__).parents[2], env={**os.environ, "PYTHONHASHSEED": seed}, check=True,
        )  # fmt: skip
        assert done.stdout == expected


def test_the_text_does_not_depend_on_other_models(quickly_compiled):
    """Nodes are shared by all programs that are alive. Where they came from was shared too, so that
    a model with the same input, compiled before, gave its layers' names to this one's kernels."""
    from fncompile import layers

    expected = train_texts(*TRAIN[1])
    img = fncompile.Input((784,), name="img")
    hidden = layers.Dense(64, activation="relu", name="other")(img)
    other = fncompile.Model(img, layers.Dense(10, activation="softmax", name="decoy")(hidden))
    other.compile("adam", "sparse_categorical_crossentropy")
    other.train_on_batch(np.zeros((2, 784), "float32"), np.zeros(2, "int32"))
    assert train_texts(*TRAIN[1]) == expected
    assert "decoy" not in "".join(expected.values())
