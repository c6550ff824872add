"""Every flag of every command, in one process: what it does, and what is refused."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import fncompile
from fncompile import layers
from fncompile.cli import COMMANDS, _parser, main
from tests.cli.test_commands import digits, sequences


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """With digits.keras, sequences.keras and nested.keras."""
    folder = tmp_path_factory.mktemp("flags")
    digits().save(folder / "digits.keras")
    sequences().save(folder / "sequences.keras")
    x = fncompile.Input((4,), name="x")
    inner = fncompile.Model(x, layers.Dense(3, name="deep", trainable=False)(x), name="inner")
    fncompile.Model(x, layers.Dense(2, name="top")(inner(x)), name="outer").save(
        folder / "nested.keras"
    )
    return folder


@pytest.fixture
def call(folder, monkeypatch, capsys):
    """call(*arguments) -> exit code, what is printed, and errors; of the command in `folder`."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FNC_NOTICE", "0")
    monkeypatch.setattr(sys, "path", list(sys.path))

    def get(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = main([str(a) for a in arguments])
        except SystemExit as stop:
            code = int(str(stop.code))
        return code, *capsys.readouterr()

    return get


def flags(name: str) -> set[str]:
    """The long ones of a command, but for --help."""
    commands = next(a for a in _parser()._actions if isinstance(a, argparse._SubParsersAction))
    known = {s for a in commands.choices[name]._actions for s in a.option_strings}
    return {flag for flag in known if flag.startswith("--")} - {"--help"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_flag_stands_in_a_test(name):
    here = Path(__file__)
    tests = here.read_text() + here.with_name("test_commands.py").read_text()
    assert not {flag for flag in flags(name) if not re.search(rf'"{flag}[" ]', tests)}


DEFAULT = {
    "prefix": None, "training": None, "sample_weight": False, "march": None, "target": None,
    "sources": False, "freestanding": False, "weights": "embedded",
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "changed"), [
    ("", {}),
    ("--prefix other", {"prefix": "other"}),
    ("--march x86-64-v3", {"march": "x86-64-v3"}),
    ("--training", {"training": True}),
    ("--no-training", {"training": False}),
    ("--target wasm32-wasi", {"target": "wasm32-wasi"}),
    ("--sources", {"sources": True}),
    ("--freestanding", {"freestanding": True}),
    ("--weights file", {"weights": "file"}),
    ("--weights embedded", {}),
    ("--sample-weight", {"sample_weight": True}),
])  # fmt: skip
def test_flags_of_export_reach_it(call, monkeypatch, arguments, changed):
    seen = {}

    def export(model, directory, **given):
        seen.update(given, name=model.name, directory=directory)
        return SimpleNamespace(files=(Path("b"), Path("a")))

    monkeypatch.setattr(fncompile.Model, "export", export)
    for out in ("-o", "--output"):
        found = call("export", "digits.keras", out, "build", *arguments.split())
        assert found == (0, "a\nb\n", "")
        assert seen == {**DEFAULT, **changed, "name": "digits", "directory": "build"}


def test_the_files_of_an_export_in_sources(call):
    asked = ("--freestanding", "--sample-weight", "--no-training", "--march", "ref")
    code, shown, errors = call("export", "digits.keras", "-o", "bare", *asked)
    names = {"README_digits.md", "digits.c", "digits.h", "digits_selftest.c", "digits_weights.c",
             "example_digits.c"}  # fmt: skip
    assert (code, errors) == (0, "") and {Path(p).name for p in shown.split()} == names


@pytest.mark.parametrize("arguments", [
    "export digits.keras -o x --weights elsewhere",
    "export digits.keras -o x --freestanding --weights file",
    "export digits.keras -o x --freestanding --target wasm32-wasi",
    "export digits.keras -o x --march z80",
    "export digits.keras -o x --target vax-vms",
    "export nested.keras -o x --training",
    "export digits.keras", "summary", "summary none.keras", "summary digits.keras --plot x.pdfx",
    "summary digits.keras --import no_module", "explain digits.keras --layer none",
    "explain digits.keras none", "profile digits.keras --batch 0",
    "profile digits.keras --length -1", "profile digits.keras --repeats 0",
    "profile nested.keras --training", "bench digits.keras --seconds x",
    "bench digits.keras --threads 0", "bench digits.keras --batch", "selftest", "selftest none",
    "convert digits.keras", "convert digits.keras x.txt", "convert none.keras x.h5",
    "doctor --what", "explain", "profile", "bench", "export -o x", "",
])  # fmt: skip
def test_what_cannot_be_is_told_on_stderr_and_by_2(call, folder, arguments):
    before = sorted(folder.iterdir())
    code, shown, errors = call(*arguments.split())
    assert (code, shown) == (2, "") and "Traceback" not in errors
    assert "error: " in errors.splitlines()[-1] or errors.startswith("fncompile ")
    assert sorted(folder.iterdir()) == before


def test_traceback_raises_what_went_wrong(call):
    with pytest.raises(ValueError, match="File not found"):
        call("summary", "none.keras", "--traceback")


def test_flags_of_summary(call, folder):
    plain = call("summary", "nested.keras")[1]
    assert "deep" not in plain and "inner" in plain and "Trainable\n" not in plain
    assert "deep" in call("summary", "nested.keras", "--nested")[1]
    learns = call("summary", "nested.keras", "--nested", "--trainable")[1]
    rows = {name: next(r for r in learns.splitlines() if name in r) for name in ("deep", "top")}
    assert [rows[name].split()[-2] for name in rows] == ["N", "Y"]
    for suffix in (".svg", ".dot"):
        assert call("summary", "nested.keras", "--plot", f"drawn{suffix}")[0] == 0
        assert (folder / f"drawn{suffix}").read_text()


def test_flags_about_sizes_reach_the_data(call, monkeypatch):
    seen = []
    monkeypatch.setattr(fncompile.Model, "profile", lambda *given: seen.append(given[1:]) or "")
    sizes = ("--batch", 3, "--length", 7, "--repeats", 2)
    assert call("profile", "sequences.keras", *sizes) == (0, "", "")
    x, y, repeats = seen[0]
    assert (x.shape, y, repeats) == ((3, 7), None, 2)
    bound = type(sequences())
    monkeypatch.setattr(bound, "bind", lambda _, x: seen.append(x.shape) or (lambda: 0))
    sizes = ("--batch", 1, 5, "--length", 9, "--seconds", 0, "--threads", 2)
    code, shown, errors = call("bench", "sequences.keras", *sizes)
    assert (code, errors) == (0, "") and seen[1:] == [(1, 9), (5, 9)]
    assert [line.split()[0] for line in shown.splitlines()] == ["rows", "1", "5"]
