"""What tests ask of the machine: programs that may be missing, and targets that it can execute; and
how they run commands and blocks of Python."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import io
import os
import platform
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

import fncompile
from fncompile.tree import flatten

# Program -> the Debian package that has it. `.ci/run` installs what is missing.
PACKAGES = {
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
    "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi", "node": "nodejs",
    "qemu-aarch64": "qemu-user", "tcc": "tcc",
    "ar": "binutils", "clang": "clang", "clang++": "clang", "cmake": "cmake", "gcc": "gcc",
    "g++": "g++", "h5dump": "hdf5-tools", "make": "make", "mpicc": "libopenmpi-dev",
    "mpirun": "openmpi-bin", "nm": "binutils", "objdump": "binutils",
    "pkg-config": "pkg-config", "rustc": "rustc",
    "qemu-x86_64": "qemu-user", "readelf": "binutils", "setarch": "util-linux",
    "size": "binutils", "valgrind": "valgrind",
    "x86_64-w64-mingw32-gcc": "gcc-mingw-w64-x86-64",
    "x86_64-w64-mingw32-objdump": "binutils-mingw-w64-x86-64",
}  # fmt: skip


def missing(*programs: str) -> str:
    """What to install for those of the programs that are not there; empty if all are."""
    absent = [program for program in programs if shutil.which(program) is None]
    packages = sorted({PACKAGES[program] for program in absent})
    return f"needs {', '.join(absent)}: apt-get install {' '.join(packages)}" if absent else ""


def need(*programs: str) -> None:
    """Skip the test unless the programs are there, and say what to install."""
    if reason := missing(*programs):
        pytest.skip(reason)


# Module of Python -> the extra of this project that has it.
EXTRAS = {"dask": "dask", "distributed": "dask", "joblib": "sklearn", "mpi4py": "mpi",
          "pandas": "dask", "tensorboard": "tensorboard", "ziglang": "zig"}  # fmt: skip


def need_module(name: str) -> None:
    """Skip the test unless the module is there, and say what to install."""
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"needs {name}: pip install 'fncompile[{EXTRAS[name]}]'")


def public_model(name: str) -> Path | None:
    """A model file of others, in shared/data of a directory above the project, where it is."""
    file = Path("shared", "data", "public_models", f"{name}.h5")
    above = Path(__file__).resolve().parents[1].parents
    return next((p / file for p in above if (p / file).is_file()), None)


# What each target of FNC_TARGET asks of /proc/cpuinfo; the best first.
FEATURES = {
    "x86-64-v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
    "x86-64-v3": {"avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"},
    "ref": set(),
}


@functools.cache
def processor_features() -> frozenset[str]:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(flags.partition(":")[2].split())


def executable_targets() -> list[str]:
    """The targets whose code this machine runs, the best first; "native" is that of the machine."""
    named = FEATURES if platform.machine() == "x86_64" else {"ref": set()}
    found = processor_features()
    return ["native", *(name for name, wanted in named.items() if wanted <= found)]


def emulated_target() -> str:
    """The best target that this machine, valgrind and qemu-user execute: none has AVX-512."""
    return next(name for name in executable_targets() if name in ("x86-64-v3", "ref"))


def environment(**changes: str) -> dict[str, str]:
    """This process's environment with some changes, for a child."""
    return {**os.environ, **changes}


def run(*command: object, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """What a command prints, which must succeed; by default in this process's environment."""
    done = subprocess.run(
        [str(c) for c in command], cwd=cwd, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def run_blocks(blocks: Iterable[str], name: str) -> tuple[dict, list[str]]:
    """Runs Python code as that of a file, block by block in one namespace; gives this, and what
    each block printed."""
    namespace: dict = {"__name__": Path(name).stem}
    printed = []
    try:
        for code in blocks:
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(code, name, "exec"), namespace)
            printed.append(out.getvalue())
    finally:
        fncompile.distribution.set_distribution(None)  # the tests that follow train alone
    return namespace, printed


def exported(model, x, folder):
    """Does the library predict what the model does, bit for bit?"""
    expected = model.predict(x, verbose=0)
    bundle = model.export(folder, training=False)
    found = fncompile.load_library(bundle.directory).predict(x)
    for one, other in zip(flatten(found), flatten(expected), strict=True):
        np.testing.assert_array_equal(one, other)
    return expected
