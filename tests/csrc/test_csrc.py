"""Compiles every C test program of this folder and runs it: by gcc and clang, for this machine and
for the oldest one of its kind, and under the address and undefined-behaviour sanitizers.

Requires a C compiler; clang's cases are skipped where it is not installed.
"""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import numpy as np
import pytest

from fncompile import flags
from fncompile.ir.philox import philox
from fncompile.runtime import tiles, toolchain
from tests.tools import executable_targets, need, run

HERE = Path(__file__).parent
CSRC = HERE.parents[1] / "csrc"
PROGRAMS = sorted(path.stem for path in HERE.glob("test_*.c") if path.stem != "test_gemm_bf16")
FULL = os.environ.get("FNC_TEST_FULL")  # every float argument; read before the fixtures clear it
FLAGS = [
    "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O2", "-ftree-vectorize", "-fno-math-errno",
    "-fno-trapping-math", "-fno-signed-zeros", "-ffp-contract=fast", "-fopenmp-simd",
]  # fmt: skip
INCLUDES = [f"-I{CSRC / 'math'}", f"-I{CSRC / 'kern'}", f"-I{HERE}"]
BASELINE = ["-march=x86-64"] if platform.machine() == "x86_64" else []
# Optimizing more takes three times as long, and leaves fewer accesses to look at.
SANITIZE = ["-march=native", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
SANITIZE += ["-g"] if FULL else ["-g1", "-O1", "-fexpensive-optimizations"]  # for fused products
BUILDS = {
    "gcc-native": ("gcc", ["-march=native", "-fvect-cost-model=dynamic"]),
    "gcc-baseline": ("gcc", [*BASELINE, "-fvect-cost-model=dynamic"]),
    "gcc-sanitized": ("gcc", [*SANITIZE, "-fvect-cost-model=dynamic"]),
    "gcc-64-byte-vectors": ("gcc", ["-march=native", "-DFNC_VEC_BYTES=64", "-Wno-psabi"]),
    "clang-native": ("clang", ["-march=native"]),
} | {
    f"gcc-{target}": ("gcc", [f"-march={target}", "-fvect-cost-model=dynamic"])
    for target in executable_targets()
    if target not in ("native", "ref")  # which are native and baseline above
}


TWIN = ["-march=native", "-DFNC_VEC_BYTES=64", "-DFNC_BF16_TWIN", "-Wno-psabi"]
with flags(target="native"):
    NATIVE = [*toolchain.target_flags(), *tiles.refusal_flags()]
NARROW_BUILDS = {
    "native": NATIVE,
    "words by twins": [*TWIN, "-DFNC_HAS_AMX=0", *SANITIZE],
    "tiles by twins": [*TWIN, *SANITIZE],
} | {
    target: [f"-march={target}"]  # by floats, where the native ones have instructions
    for target in ("x86-64-v3", "x86-64-v4")
    if target in executable_targets()
}


def build(program: str, compiler: str, extra: list[str], out: Path) -> Path:
    """Compiles tests/csrc/<program>.c; a warning is an error."""
    need(compiler)
    source = str(HERE / f"{program}.c")
    command = [compiler, *FLAGS, *extra, *INCLUDES, source, "-o", str(out), "-lm", "-pthread"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.parametrize("name", BUILDS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_program(program: str, name: str, tmp_path: Path) -> None:
    compiler, extra = BUILDS[name]
    binary = build(program, compiler, extra, tmp_path / program)
    run_sampled(binary, whole=name == "gcc-native")


def run_sampled(binary: Path, whole: bool) -> None:
    """All of what the program tries, or without FNC_TEST_FULL a part of it."""
    sample = {} if whole else {"FNC_TEST_STRIDE": "16411"}
    sample = {"FNC_TEST_FULL": FULL} if FULL else sample
    done = subprocess.run([binary], capture_output=True, text=True, env=os.environ | sample)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


@pytest.mark.parametrize("name", NARROW_BUILDS)
def test_products_of_bfloat16(name: str, tmp_path: Path) -> None:
    """As this machine does them, by twins of the instructions for them, and by floats."""
    binary = build("test_gemm_bf16", "gcc", NARROW_BUILDS[name], tmp_path / "products")
    run_sampled(binary, whole=name == "native")


@pytest.mark.skipif(not BASELINE, reason="these are instructions of x86-64")
@pytest.mark.parametrize(
    "compiler, march",
    [("gcc", "cooperlake"), ("gcc", "sapphirerapids"), ("clang", "sapphirerapids")],
)
def test_instructions_for_bfloat16_compile(compiler: str, march: str, tmp_path: Path) -> None:
    need("objdump")
    binary = build("test_gemm_bf16", compiler, [f"-march={march}"], tmp_path / "products")
    text = run("objdump", "-d", binary)
    assert text.count("vdpbf16ps") >= 20
    assert ("tdpbf16ps" in text) == (march == "sapphirerapids")


def test_team_under_the_thread_sanitizer(tmp_path: Path) -> None:
    binary = build("test_team", "gcc", ["-g", "-fsanitize=thread"], tmp_path / "team")
    options = {"TSAN_OPTIONS": "die_after_fork=0 halt_on_error=1"}
    done = subprocess.run([binary], capture_output=True, text=True, env=os.environ | options)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


@pytest.mark.parametrize("start", [0, 3, 2**34 - 2, 2**40 + 1])
def test_philox_twin(start: int, tmp_path: Path) -> None:
    binary = build("test_philox", "gcc", ["-march=native"], tmp_path / "philox")
    arguments = [str(binary), "0xdeadbeef", "42", str(start), "131"]
    printed = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout.split()
    assert np.array_equal(philox(0xDEADBEEF, 42, start, 131), np.array(printed, dtype=np.uint32))
