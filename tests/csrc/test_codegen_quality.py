"""What the compiler makes of the hand-written headers: loops over each scalar function vectorise,
and the inner loop of the register tile keeps its accumulators in registers.

Requires gcc and objdump on x86-64; elsewhere the tests are skipped.
"""

from __future__ import annotations

import platform
import re
import subprocess
from pathlib import Path

import pytest

from tests.csrc.test_csrc import FLAGS, INCLUDES
from tests.tools import missing

pytestmark = [
    pytest.mark.skipif(platform.machine() != "x86_64", reason="these are instructions of x86-64"),
    pytest.mark.skipif(bool(missing("gcc", "objdump")), reason=missing("gcc", "objdump")),
]
GCC = ["gcc", *FLAGS, "-fvect-cost-model=dynamic", *INCLUDES]
LEVELS = {"sse2": "x86-64", "avx2": "x86-64-v3", "avx512": "x86-64-v4"}
UNARY = [
    "exp",
    "expm1",
    "tanh",
    "sigmoid",
    "erf",
    "log",
    "log1p",
    "sin",
    "cos",
    "tan",
    "atan",
    "sqrt",
    "rsqrt",
    "floor",
    "ceil",
    "rint",
    "abs",
    "sign",
]
LOOP = (
    "void loop(T *restrict y, const float *restrict a, const float *restrict b, int64_t n) {\n"
    "    (void)b;\n"
    "    for (int64_t i = 0; i < n; ++i) y[i] = E;\n"
    "}\n"
)


def compile_text(text: str, flags: list[str], directory: Path) -> tuple[Path, str]:
    """Compiles C text to an object; gives its path and what the compiler reported."""
    source, target = directory / "unit.c", directory / "unit.o"
    source.write_text(text)
    command = [*GCC, *flags, "-c", str(source), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target, done.stderr


@pytest.mark.parametrize("level", LEVELS)
def test_loops_over_functions_vectorise(level: str, tmp_path: Path) -> None:
    cases = [("float", f"fnc_{name}_f32(a[i])") for name in UNARY]
    cases += [("float", f"fnc_{name}_f32(a[i], b[i])") for name in ("pow", "max", "min")]
    cases += [("int32_t", "fnc_i32_from_f32(a[i])")]
    text = '#include "fnc_math.h"\n'
    for number, (result, expression) in enumerate(cases):
        loop = LOOP.replace("T *", f"{result} *").replace("E;", f"{expression};")
        text += loop.replace("void loop", f"void loop{number}").replace("\n", " ") + "\n"
    flags = [f"-march={LEVELS[level]}", "-fopt-info-vec-optimized"]
    report = compile_text(text, flags, tmp_path)[1]
    vectorised = {int(line) for line in re.findall(r"unit\.c:(\d+):\d+: optimized: loop", report)}
    scalar = [case for line, case in enumerate(cases, start=2) if line not in vectorised]
    assert not scalar


def inner_loops(assembly: str) -> list[list[str]]:
    """The instructions of each innermost loop: from the target of a backward jump up to it."""
    lines = re.findall(r"^\s*([0-9a-f]+):\t(.*)$", assembly, re.M)
    place = {int(address, 16): i for i, (address, _) in enumerate(lines)}
    loops = []
    for i, (_, text) in enumerate(lines):
        jump = re.match(r"j\w+\s+([0-9a-f]+)", text)
        start = place.get(int(jump.group(1), 16), i) if jump else i
        body = [t for _, t in lines[start : i + 1]]
        if start < i and not any(re.match(r"j", t) for t in body[:-1]):
            loops.append(body)
    return loops


@pytest.mark.parametrize("suffix", ["f32", "f64"])
@pytest.mark.parametrize("level", LEVELS)
def test_tile_stays_in_registers(level: str, suffix: str, tmp_path: Path) -> None:
    """Fails on any access to the stack in the loop over k, and on loads of B made twice."""
    scalar = {"f32": "float", "f64": "double"}[suffix]
    text = (
        '#include "gemm.h"\n'
        "FNC_INLINE void store(const void *env, int64_t m, int64_t n, int64_t mr, int64_t nr,\n"
        f"                      const {scalar} *acc) {{\n"
        f"    {scalar} *const *out = env;\n"
        "    for (int64_t i = 0; i < mr * nr; ++i) (*out)[m * 999 + n + i] = acc[i];\n"
        "}\n"
        f"void f(int64_t M, int64_t N, int64_t K, const {scalar} *A, const {scalar} *B,\n"
        f"       {scalar} *C) {{\n"
        f"    fnc_gemm_packed_{suffix}(M, N, K, A, K, 1, B, 0, M, 0, N, store, &C);\n"
        "}\n"
    )
    listing = disassembled(text, level, tmp_path)
    assert check_tiles(listing, r"fnc_tile_(?:high|low|prefetch)_\w+", level) == 3


def disassembled(text: str, level: str, directory: Path) -> str:
    target = compile_text(text, [f"-march={LEVELS[level]}"], directory)[0]
    dump = ["objdump", "-d", "--no-show-raw-insn", str(target)]
    return subprocess.run(dump, capture_output=True, text=True, check=True).stdout


def check_tiles(listing: str, names: str, level: str) -> int:
    """How many functions of these names there are: none touches the stack in its only loop."""
    checked = 0
    for function in re.split(r"\n\n", listing):
        name = re.match(rf"\s*[0-9a-f]+ <({names})(?:\.\w+)*>", function)
        if not name:
            continue
        loops = [b for b in inner_loops(function) if any("mul" in t or "fma" in t for t in b)]
        assert len(loops) == 1, name.group(1)
        stack = [text for text in loops[0] if re.search(r"\(%rsp|-0x[0-9a-f]+\(%rbp", text)]
        assert not stack, f"{name.group(1)} spills: {stack}"
        moves = [text for text in loops[0] if re.match(r"v?mov[au]p[sd]\s+%\S+,\s*%", text)]
        assert level == "sse2" or not moves, f"{name.group(1)} copies registers: {moves}"
        checked += 1
    return checked


@pytest.mark.parametrize("suffix", ["f32", "f64"])
@pytest.mark.parametrize("level", LEVELS)
def test_every_shape_stays_in_registers(level: str, suffix: str, tmp_path: Path) -> None:
    """Tiles of one, three and four vectors, high, low and of a row; and the one for copied rows."""
    shapes = [f"fnc_tile_{form}_{suffix}_{v}" for form in ("high", "low", "row") for v in (1, 3, 4)]
    shapes.append(f"fnc_tile_copied_{suffix}")
    text = '#include "gemm_large.h"\n#include "gemm_shapes.h"\n'
    text += f"fnc_tile_{suffix} *const tiles[] = {{{', '.join(shapes)}}};\n"
    listing = disassembled(text, level, tmp_path)
    assert check_tiles(listing, r"fnc_tile_\w+", level) == len(shapes)


VECTORS = {"sse2": (1, 4), "avx2": (1, 4, 8), "avx512": (1, 4, 8, 16)}


@pytest.mark.parametrize("level, columns", [(lv, n) for lv, ns in VECTORS.items() for n in ns])
def test_a_width_of_one_vector_takes_tiles_of_one(level: str, columns: int, tmp_path: Path) -> None:
    """A tile of two would compute each column twice: 22 instead of 14 GFLOP/s for 16 x 16."""
    text = (
        '#include "gemm.h"\n'
        "FNC_INLINE void store(const void *env, int64_t m, int64_t n, int64_t mr, int64_t nr,\n"
        "                      const float *acc) {\n"
        "    float *const *out = env;\n"
        "    for (int64_t i = 0; i < mr * nr; ++i) (*out)[m * 999 + n + i] = acc[i];\n"
        "}\n"
        "void f(int64_t M, const float *A, const float *B, float *C) {\n"
        f"    fnc_gemm_f32(M, {columns}, 20, A, 20, 1, B, {columns}, 0, M, 0, {columns},"
        " store, &C);\n"
        "}\n"
    )
    listing = disassembled(text, level, tmp_path)
    names = set(re.findall(r"<(fnc_tile_\w+)[.\w]*>:", listing))
    width = {1: "scalar", 4: "v16", 8: "v32", 16: "v64"}[columns]
    assert names == {f"fnc_tile_{form}_1_f32_{width}" for form in ("high", "low", "row")}
    if columns > 1:
        assert check_tiles(listing, r"fnc_tile_\w+", level) == 3
