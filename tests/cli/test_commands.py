"""The command line as a user runs it: output, exit codes, and errors without a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fncompile
from fncompile import layers
from fncompile.cli import COMMANDS

ROOT = str(Path(fncompile.__file__).parents[1])
COMMAND = [sys.executable, "-m", "fncompile"]


def run(*arguments, folder, **environment) -> subprocess.CompletedProcess:
    variables = {**os.environ, "FNC_NOTICE": "0", "PYTHONPATH": ROOT}
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], cwd=folder, capture_output=True, text=True,
        env={**variables, **environment}, timeout=600,
    )  # fmt: skip


def output(*arguments, folder, **environment) -> str:
    """What the command prints; it must end well and say nothing on stderr."""
    done = run(*arguments, folder=folder, **environment)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def error(*arguments, folder, **environment) -> str:
    done = run(*arguments, folder=folder, **environment)
    assert (done.returncode, done.stdout) == (2, ""), done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr


def digits():
    x = fncompile.Input((20,), name="img")
    y = layers.Dense(10, activation="softmax", name="digit")(layers.Dense(16, name="hidden")(x))
    model = fncompile.Model(x, y, name="digits")
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def sequences():
    """An open length, indices, several outputs and losses."""
    tokens = fncompile.Input((None,), dtype="int32", name="tokens")
    x = layers.Embedding(11, 16)(tokens)
    model = fncompile.Model(tokens, [layers.Dense(4)(x), layers.Dense(2)(x)], name="sequences")
    model.compile("sgd", ["mse", "mae"])
    return model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """With digits.keras, sequences.h5, and an export of digits."""
    folder = tmp_path_factory.mktemp("cli")
    digits().save(folder / "digits.keras")
    sequences().save(folder / "sequences.h5")
    (folder / "exported").write_text(output("export", "digits.keras", "-o", "build", folder=folder))
    return folder


def test_export_prints_the_files_that_it_writes(folder):
    paths = (folder / "exported").read_text().split()
    assert sorted(paths) == sorted(str(p) for p in (folder / "build").iterdir())
    assert {"digits.h", "libdigits.so", "libdigits.a"} <= {Path(p).name for p in paths}


def test_export_passes_its_options_on(folder):
    options = ("--prefix", "other", "--march", "x86-64-v3", "--no-training")
    output("export", "digits.keras", "-o", "small", *options, folder=folder)
    header = (folder / "small" / "other.h").read_text()
    assert "other_predict(" in header and "train_step" not in header
    assert "`prefix` must be a C name" in error(
        "export", "digits.keras", "-o", "none", "--prefix", "C++", folder=folder
    )
    assert not (folder / "none").exists()


def test_selftest_passes_and_fails_when_a_weight_is_changed(folder):
    assert output("selftest", "build", folder=folder) == "passed\n"
    model = fncompile.models.load_model(folder / "digits.keras")
    model.layers[-1].bias.assign(np.full(10, 0.5))
    before = (folder / "build" / "digits_selftest.c").read_text()
    model.export(folder / "changed")
    (folder / "changed" / "digits_selftest.c").write_text(before)
    done = run("selftest", "changed", folder=folder)
    assert done.returncode == 1 and done.stdout and not done.stderr
    assert "should hold one self-test" in error("selftest", ".", folder=folder)
    assert "is no directory" in error("selftest", "nowhere", folder=folder)


def test_summary(folder):
    text = output("summary", "digits.keras", "--plot", "digits.svg", folder=folder)
    assert 'Model: "digits"' in text and "hidden (Dense)" in text
    assert (folder / "digits.svg").read_text().startswith("<svg")


def test_explain_tells_what_python_does(folder):
    text = output("explain", "digits.keras", "fuse", "memory", "--layer", "digit", folder=folder)
    model = fncompile.models.load_model(folder / "digits.keras")
    assert text == model.explain(["fuse", "memory"], layer="digit")
    assert "Choose from" in error("explain", "digits.keras", "nothing", folder=folder)
    assert "No such layer" in error("explain", "digits.keras", "--layer", "no", folder=folder)


@pytest.mark.parametrize("model", ["digits.keras", "sequences.h5"])
def test_profile_of_predictions_and_training(folder, model):
    sizes = ("--batch", 4, "--length", 5, "--repeats", 2)
    text = output("profile", model, *sizes, folder=folder)
    assert text.startswith("kernel") and "optimizer" not in text
    assert "optimizer" in output("profile", model, *sizes, "--training", folder=folder)


def test_bench_has_a_line_for_each_number_of_rows(folder):
    arguments = ("--batch", 1, 3, "--seconds", 0.01, "--threads", 2)
    head, *lines = output("bench", "sequences.h5", *arguments, folder=folder).splitlines()
    assert head.split() == ["rows", "us", "a", "call", "rows", "a", "second"]
    assert [line.split()[0] for line in lines] == ["1", "3"]
    assert all(float(line.split()[1]) > 0 for line in lines)


def test_convert_keeps_the_model_and_what_is_there(folder):
    x = np.random.default_rng(0).normal(size=(3, 20)).astype("float32")
    want = fncompile.models.load_model(folder / "digits.keras").predict(x, verbose=0)
    assert output("convert", "digits.keras", "d.h5", folder=folder) == "d.h5\n"
    np.testing.assert_array_equal(
        fncompile.models.load_model(folder / "d.h5").predict(x, verbose=0), want
    )
    assert "--overwrite replaces it" in error("convert", "digits.keras", "d.h5", folder=folder)
    output("convert", "digits.keras", "d.weights.h5", folder=folder)
    fresh = digits()
    fresh.load_weights(folder / "d.weights.h5")
    np.testing.assert_array_equal(fresh.predict(x, verbose=0), want)
    output("convert", "digits.keras", "d.h5", "--overwrite", folder=folder)
    assert "ends in .keras" in error("convert", "digits.keras", "d.onnx", folder=folder)


def test_doctor_compiles_a_model_or_says_why_not(folder, tmp_path):
    assert "is right" in output("doctor", folder=folder)
    done = run("doctor", folder=folder, FNC_CC="/no/such/compiler")
    assert done.returncode == 1 and "/no/such/compiler" in done.stdout and not done.stderr
    broken = tmp_path / "cc"
    broken.write_text('#!/bin/sh\n[ "$1" = --version ] && echo cc 1.0 && exit\necho no; exit 1\n')
    broken.chmod(0o755)
    done = run("doctor", folder=folder, FNC_CC=str(broken))
    assert done.returncode == 1 and "cannot be compiled" in done.stdout and not done.stderr


def test_classes_of_the_user_are_imported_first(folder):
    (folder / "mine.py").write_text(
        "import fncompile\n@fncompile.saving.register_keras_serializable()\n"
        "class Twice(fncompile.Layer):\n    def call(self, x):\n        return 2 * x\n"
    )
    code = "import fncompile, mine; x = fncompile.Input((2,)); " \
           "fncompile.Model(x, mine.Twice()(x)).save('twice.keras')"
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True,
                   env={**os.environ, "PYTHONPATH": f"{ROOT}:."})  # fmt: skip
    assert "Twice" in error("summary", "twice.keras", folder=folder)
    assert "Twice" in output("summary", "twice.keras", "--import", "mine", folder=folder)
    assert "nothing_here" in error(
        "summary", "twice.keras", "--import", "nothing_here", folder=folder
    )


def test_lambdas_need_to_be_allowed(folder):
    x = fncompile.Input((2,))
    fncompile.Model(x, layers.Lambda(lambda v: v + 1)(x)).save(folder / "lambda.keras")
    assert "lambda" in error("summary", "lambda.keras", folder=folder).lower()
    assert "Lambda" in output("summary", "lambda.keras", "--unsafe", folder=folder)


@pytest.mark.parametrize("contents", [b"", b"PK\x03\x04 no archive", b"\x89HDF\r\n\x1a\n"])
def test_damaged_files_are_named(folder, contents):
    (folder / "bad.keras").write_bytes(contents)
    for command in (["summary"], ["explain"], ["bench"], ["profile"]):
        assert "bad.keras" in error(*command, "bad.keras", folder=folder)


@pytest.mark.parametrize("arguments", [
    [], ["nothing"], ["export", "digits.keras"], ["bench", "digits.keras", "--batch", "0"],
    ["profile", "digits.keras", "--repeats", "x"], ["convert", "digits.keras"],
], ids=" ".join)  # fmt: skip
def test_wrong_arguments_end_with_2_and_the_usage(folder, arguments):
    if arguments:
        assert "usage: fncompile" in error(*arguments, folder=folder)
    else:  # python -m fncompile alone tells about the installation
        assert "Next:" in output(folder=folder)


def test_traceback_shows_where_an_error_comes_from(folder):
    done = run("summary", "none.keras", "--traceback", folder=folder)
    assert done.returncode == 1 and "Traceback" in done.stderr


def test_who_stops_reading_early_is_no_error(folder):
    command = f"{sys.executable} -m fncompile explain digits.keras | head -1"
    environment = {**os.environ, "PYTHONPATH": ROOT}
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=folder, env=environment,
                          capture_output=True, text=True)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith("== predict")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_examples_that_parse(name, folder):
    text = output(name, "--help", folder=folder)
    assert all(example in text for example in COMMANDS[name].EXAMPLES)
    from fncompile.cli import _parser

    for example in COMMANDS[name].EXAMPLES:
        assert _parser().parse_args(example.split()[1:]).command == name
    assert text.splitlines()[-1].strip() == COMMANDS[name].EXAMPLES[-1]


def test_the_entry_point_is_declared_and_there():
    text = (Path(ROOT) / "pyproject.toml").read_text()
    assert '[project.scripts]\nfncompile = "fncompile.cli:main"' in text
    assert fncompile.__version__ in subprocess.run(
        [*COMMAND, "--version"], capture_output=True, text=True, check=True
    ).stdout
