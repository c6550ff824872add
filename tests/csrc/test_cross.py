"""All of csrc/kern compiles for a CPU that this machine is not: aarch64 with NEON, by a cross
compiler, without a warning; and its tiles stay in registers there too."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.csrc.test_csrc import CSRC, FLAGS, HERE, INCLUDES
from tests.tools import missing

COMPILER = "aarch64-linux-gnu-gcc"
pytestmark = pytest.mark.skipif(bool(missing(COMPILER)), reason=missing(COMPILER))
PROGRAMS = sorted(path.stem for path in HERE.glob("test_*.c"))
TEMPLATES = ("_type.h", "gemm_tile.h", "gemm_driver.h", "gemm_direct.h")  # included by others
INSTRUCTIONS = ("bf16_amx.h", "bf16_twin.h")  # of x86-64, or in place of those
HEADERS = sorted(
    path.name
    for path in (CSRC / "kern").glob("*.h")
    if not path.name.endswith((*TEMPLATES, *INSTRUCTIONS))
)


def assembly(source: str, directory: Path) -> str:
    unit, out = directory / "unit.c", directory / "unit.s"
    unit.write_text(source)
    command = [COMPILER, *FLAGS, *INCLUDES, "-S", str(unit), "-o", str(out)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out.read_text()


@pytest.mark.parametrize("program", PROGRAMS)
def test_program_compiles(program: str, tmp_path: Path) -> None:
    assembly(f'#include "{program}.c"\n', tmp_path)


@pytest.mark.parametrize("header", HEADERS)
def test_header_stands_alone(header: str, tmp_path: Path) -> None:
    assembly(f'#include "{header}"\n', tmp_path)


@pytest.mark.parametrize("suffix", ["f32", "f64"])
@pytest.mark.parametrize("vectors", [1, 2, 3, 4])
def test_tile_stays_in_registers(vectors: int, suffix: str, tmp_path: Path) -> None:
    """The loop over k has as many multiply-adds as the tile has accumulators, none is spilled."""
    name = f"fnc_tile_high_{suffix}_{'v16' if vectors == 2 else vectors}"
    source = f'#include "gemm_shapes.h"\nfnc_tile_{suffix} *const tile = {name};\n'
    lines = assembly(source, tmp_path).split(f"{name}:\n")[1].split(".size")[0].splitlines()
    labels = {line[:-1]: i for i, line in enumerate(lines) if line.endswith(":")}
    jumps = [re.match(r"\t(?:b|cb|tb)\S*\t.*(\.L\w+)$", line) for line in lines]
    loops = []
    for i, jump in enumerate(jumps):
        start = labels.get(jump[1], i) if jump else i
        if start < i and not any(jumps[start:i]):
            loops.append(lines[start:i])
    hot = [body for body in loops if any("\tfmla\t" in text for text in body)]
    assert [sum("\tfmla\t" in text for text in body) for body in hot] == [24]
    moved = [text for text in hot[0] if re.match(r"\t(?:ldr|str|ldp|stp)\t[qv].*\[sp", text)]
    assert not moved
