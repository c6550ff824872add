"""Whether Python's own code uses the tiles of AMX: where the machine has them, the system gives
them to this process, and they compute."""

from __future__ import annotations

import ctypes

import pytest

from fncompile import flags
from fncompile.runtime import tiles, toolchain
from fncompile.runtime.cache import Compiler
from fncompile.runtime.store import open_store
from tests.tools import processor_features

ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XTILEDATA = 158, 0x1023, 18


def flags_of(target: str) -> list[str]:
    with flags(target=target):
        return list(Compiler.find(open_store()).flags)


def test_the_system_is_asked():
    """On a machine without tiles, or in a sandbox, it refuses: no tile is touched then."""
    granted = ctypes.CDLL(None).syscall(ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XTILEDATA) == 0
    assert tiles.work() == (granted and "amx_bf16" in processor_features())


@pytest.mark.parametrize("works", [False, True])
def test_code_for_this_machine_has_no_tiles_where_they_are_refused(works, monkeypatch):
    monkeypatch.setattr(toolchain, "cpu_identity", lambda: "x86_64\nflags\t\t: fpu amx_bf16")
    monkeypatch.setattr(tiles, "work", lambda: works)
    assert ("-mno-amx-bf16" in flags_of("native")) != works
    assert "-mno-amx-bf16" not in flags_of("x86-64-v4-amx")  # of an export, which asks itself


def test_a_machine_without_tiles_is_not_asked(monkeypatch):
    monkeypatch.setattr(toolchain, "cpu_identity", lambda: "x86_64\nflags\t\t: fpu avx512_bf16")
    monkeypatch.setattr(tiles, "work", lambda: pytest.fail("asked"))
    assert "-mno-amx-bf16" not in flags_of("native")
