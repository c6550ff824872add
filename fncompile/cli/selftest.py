"""Build and run the self-test of an export.

It is built with the C compiler of this machine.
Ends with 0 where the library computes what Python did when it was exported, with 1 where not.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

from fncompile.runtime import toolchain

EXAMPLES = ("fncompile selftest build/digits",)
LONGEST = 600  # seconds that a self-test may take


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", metavar="DIR", help="what `fncompile export` wrote")


def run(options: argparse.Namespace) -> int:
    source = find_source(Path(options.directory))
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "selftest"
        toolchain.build_program(source, library_of(source), program)
        done = subprocess.run(
            [program], capture_output=True, text=True, timeout=LONGEST, errors="replace",
            cwd=source.parent,  # where weights in a file are looked for
        )  # fmt: skip
    print(done.stdout, end="")
    if done.returncode < 0:
        raise ValueError(f"The self-test of {source.parent} ended by signal {-done.returncode}.")
    return min(done.returncode, 1)


def find_source(directory: Path) -> Path:
    """The self-test in the directory. FileNotFoundError or ValueError unless there is one."""
    if not directory.is_dir():
        raise FileNotFoundError(f"{directory} is no directory.")
    found = sorted(directory.glob("*_selftest.c"))
    if len(found) != 1:
        named = ", ".join(path.name for path in found) or "none"
        raise ValueError(f"{directory} should hold one self-test, NAME_selftest.c. Found: {named}.")
    return found[0]


def library_of(source: Path) -> Path:
    """The static library beside a self-test."""
    library = source.parent / f"lib{source.stem.removesuffix('_selftest')}.a"
    if not library.is_file():
        raise FileNotFoundError(f"{library} is missing beside {source.name}.")
    return library
