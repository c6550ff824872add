"""Libraries for other systems: by zig, run under emulators where there is one."""

from __future__ import annotations

import importlib.util
import struct
import sys

import pytest

from tests.conftest import FULL
from tests.export.zoo import MAKERS
from tests.tools import need, need_module, run

ZIG = [sys.executable, "-m", "ziglang", "cc"]
NODE = """
const { WASI } = require('wasi');
const wasi = new WASI({ version: 'preview1', args: ['selftest'], env: {} });
WebAssembly.compile(require('fs').readFileSync(process.argv[2]))
  .then(m => WebAssembly.instantiate(m, wasi.getImportObject()))
  .then(i => process.exit(wasi.start(i)));
"""


@pytest.fixture
def exported_for(tmp_path):
    """exported_for(triple) -> the bundle of a small model that trains."""
    need_module("ziglang")

    def get(triple: str, name: str = "classifier", **more):
        return MAKERS[name]().export(tmp_path / triple, target=triple, **more)

    return get


def test_aarch64_gives_what_python_computes(exported_for, tmp_path):
    """Values and gradients to the tolerance of the self-test, 2e-4, under qemu."""
    need("aarch64-linux-gnu-gcc", "qemu-aarch64")
    bundle = exported_for("aarch64-linux-gnu")
    run("aarch64-linux-gnu-gcc", "-std=c99", "-static", bundle.selftest, f"-I{bundle.directory}",
        bundle.static, "-lm", "-pthread", "-o", tmp_path / "selftest")  # fmt: skip
    assert run("qemu-aarch64", tmp_path / "selftest") == "passed\n"
    raw = bundle.soname.read_bytes()
    assert raw[:4] == b"\x7fELF" and struct.unpack_from("<H", raw, 18)[0] == 183  # EM_AARCH64


def test_wasm32_in_node_gives_what_python_computes(exported_for, tmp_path):
    need("node")
    bundle = exported_for("wasm32-wasi")
    program, runner = tmp_path / "selftest.wasm", tmp_path / "run.js"
    run(*ZIG, "-target", "wasm32-wasi", "-std=c99", "-O1", bundle.selftest,
        f"-I{bundle.directory}", bundle.static, "-o", program)  # fmt: skip
    runner.write_text(NODE)
    assert run("node", "--no-warnings", runner, program) == "passed\n"
    raw = bundle.shared.read_bytes()
    assert raw[:4] == b"\0asm" and b"digit_model_train_step" in raw


def test_objects_for_macos_link(exported_for, tmp_path):
    bundle = exported_for("aarch64-macos", "plain")
    assert bundle.shared.name == "libplain.dylib"
    assert bundle.shared.read_bytes()[:4] == b"\xcf\xfa\xed\xfe"
    run(*ZIG, "-target", "aarch64-macos", "-std=c99", bundle.selftest, f"-I{bundle.directory}",
        bundle.static, "-o", tmp_path / "selftest")  # fmt: skip


@pytest.mark.skipif(not FULL, reason="zig builds the C library of Windows first, for minutes")
def test_objects_for_windows_link(exported_for, tmp_path):
    bundle = exported_for("x86_64-windows-gnu", "plain", march="ref")
    assert bundle.shared.name == "plain.dll" and bundle.shared.read_bytes()[:2] == b"MZ"
    assert bundle.implib.name == "plain.lib"
    assert bundle.implib.read_bytes().startswith(b"!<arch>\n") and bundle.implib in bundle.files
    run(*ZIG, "-target", "x86_64-windows-gnu", "-std=c99", bundle.selftest,
        f"-I{bundle.directory}", bundle.static, "-o", tmp_path / "selftest.exe")  # fmt: skip


def test_without_zig_it_is_said_what_to_install(monkeypatch, tmp_path):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n, *a: None if n == "ziglang" else found(n, *a)
    )
    from fncompile.runtime.toolchain import ToolchainError

    with pytest.raises(ToolchainError, match=r"pip install 'fncompile\[zig\]'"):
        MAKERS["plain"]().export(tmp_path, target="aarch64-linux-gnu")
