"""Finding a compiler, what it is told, and what it says when it fails."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import fncompile
from fncompile import flags
from fncompile.runtime import cache, toolchain

CC = toolchain.find_compiler()


@pytest.fixture
def empty_path(tmp_path, monkeypatch):
    """No compiler anywhere: an empty PATH, no CC, no ziglang."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda name: None)
    return tmp_path


def fake(directory, name):
    path = directory / name
    path.write_text("#!/bin/sh\nexit 0\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("flags_line, found", [("fpu avx512_bf16", True), ("fpu avx512f", False)])
def test_the_features_of_this_machine_say_whether_it_multiplies_bfloat16(
    flags_line, found, monkeypatch
):
    monkeypatch.setattr(toolchain, "cpu_identity", lambda: f"x86_64\nflags\t\t: {flags_line}")
    with flags(target="native"):
        assert toolchain.multiplies_bfloat16() == found
    for target in ("ref", "x86-64-v4", "x86-64-v4-bf16", "x86-64-v4-amx"):
        with flags(target=target):
            assert toolchain.multiplies_bfloat16() == (target in toolchain.NARROW_TARGETS)


def test_no_compiler_says_what_to_install(empty_path):
    with pytest.raises(toolchain.ToolchainError, match="apt install gcc.*pip install ziglang"):
        toolchain.find_compiler()


def test_order_of_search(empty_path, monkeypatch):
    clang = fake(empty_path, "clang")
    assert toolchain.find_compiler() == [clang]
    gcc = fake(empty_path, "gcc")
    assert toolchain.find_compiler() == [gcc]
    cc = fake(empty_path, "cc")
    assert toolchain.find_compiler() == [cc]
    monkeypatch.setenv("CC", "gcc -m64")
    assert toolchain.find_compiler() == [gcc, "-m64"]
    with flags(cc="clang"):
        assert toolchain.find_compiler() == [clang]


def test_ziglang_is_the_last_resort(empty_path, monkeypatch):
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda name: name == "ziglang")
    assert toolchain.find_compiler() == [sys.executable, "-m", "ziglang", "cc"]
    cc = fake(empty_path, "cc")
    assert toolchain.find_compiler() == [cc]


@pytest.mark.parametrize("variable", ["FNC_CC", "CC"])
def test_a_named_compiler_that_is_missing_is_not_replaced(variable, monkeypatch):
    monkeypatch.setenv(variable, "no-such-cc -O9")
    expected = f"{variable} .*'no-such-cc -O9'.* not found"
    with pytest.raises(toolchain.ToolchainError, match=expected):
        toolchain.find_compiler()


def test_compile_and_link_run(tmp_path):
    one = toolchain.compile_object(CC, "int one(void) { return 1; }", "one", ["-fPIC"], tmp_path)
    two = toolchain.compile_object(
        CC, "int one(void); int two(void) { return one() + one(); }", "two", ["-fPIC"], tmp_path)
    library = toolchain.link_shared(CC, [one, two], tmp_path / "lib.so")
    code = f"import ctypes; print(ctypes.CDLL({str(library)!r}).two())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "2\n"


def test_the_hand_written_headers_are_found(tmp_path):
    source = '#include "fnc_abi.h"\n#include "include/fnc_abi.h"\nint f(void) { return FNC_OK; }\n'
    assert toolchain.compile_object(CC, source, "f", [], tmp_path).is_file()


def test_objects_do_not_depend_on_the_directory(tmp_path):
    flags_ = toolchain.compile_flags(toolchain.compiler_version(CC))
    places = [tmp_path / "a", tmp_path / "a-longer-name"]
    for place in places:
        place.mkdir()
    source = 'const char *where(void) { return __FILE__; }\n'
    first, second = (toolchain.compile_object(CC, source, "f", flags_, p) for p in places)
    assert first.read_bytes() == second.read_bytes()


def test_a_failure_shows_message_line_and_file(tmp_path):
    source = "int f(void)\n{\n    return missing_name;\n}\n"
    with pytest.raises(toolchain.CompileError) as caught:
        toolchain.compile_object(CC, source, "broken", [], tmp_path)
    error = caught.value
    assert "broken.c:3" in error.message and "missing_name" in error.message
    assert error.line == "return missing_name;"
    assert error.source.read_text() == source
    for part in (error.message, error.line, str(error.source)):
        assert part in str(error)
    assert "-c broken.c" in error.output


def test_the_first_of_several_errors_is_shown(tmp_path):
    source = "int a = first_wrong;\nint b = second_wrong;\n"
    with pytest.raises(toolchain.CompileError, match="first_wrong") as caught:
        toolchain.compile_object(CC, source, "broken", [], tmp_path)
    assert caught.value.line == "int a = first_wrong;"


def test_a_missing_header_is_a_compile_error(tmp_path):
    with pytest.raises(toolchain.CompileError, match=r"no_such\.h") as caught:
        toolchain.compile_object(CC, '#include "no_such.h"\n', "broken", [], tmp_path)
    assert caught.value.line == '#include "no_such.h"'


def test_an_error_in_a_header_shows_the_line_of_the_header(tmp_path):
    (tmp_path / "bad.h").write_text("\n\nint x = nothing;\n")
    with pytest.raises(toolchain.CompileError) as caught:
        toolchain.compile_object(CC, '#include "bad.h"\n', "f", [], tmp_path)
    assert caught.value.line == "int x = nothing;"


def test_an_undefined_function_fails_at_link(tmp_path):
    unit = toolchain.compile_object(
        CC, "int absent(void); int f(void) { return absent(); }", "f", ["-fPIC"], tmp_path)
    with pytest.raises(toolchain.ToolchainError, match="absent"):
        toolchain.link_shared(CC, [unit], tmp_path / "lib.so")


def test_a_silent_failure_names_the_exit_code(tmp_path):
    quiet = tmp_path / "quiet"
    quiet.write_text("#!/bin/sh\nexit 7\n")
    quiet.chmod(0o755)
    with pytest.raises(toolchain.CompileError, match="exit code 7"):
        toolchain.compile_object([str(quiet)], "int x;", "f", [], tmp_path)


def test_a_compiler_that_cannot_run_is_named(tmp_path):
    (tmp_path / "cc").write_text("not a program")
    with pytest.raises(toolchain.ToolchainError, match="cannot run .*cc"):
        toolchain.compile_object([str(tmp_path / "cc")], "int x;", "f", [], tmp_path)


def test_archive_is_linkable_and_replaced(tmp_path):
    old = toolchain.compile_object(CC, "int f(void) { return 1; }", "old", ["-fPIC"], tmp_path)
    new = toolchain.compile_object(CC, "int f(void) { return 2; }", "new", ["-fPIC"], tmp_path)
    toolchain.make_archive(CC, [old], tmp_path / "libf.a")
    toolchain.make_archive(CC, [new], tmp_path / "libf.a")
    (tmp_path / "main.c").write_text("int f(void); int main(void) { return f(); }")
    subprocess.run([*CC, "main.c", "libf.a", "-o", "main"], cwd=tmp_path, check=True)
    assert subprocess.run([tmp_path / "main"], check=False).returncode == 2


def script(directory, text):
    path = directory / "my-cc"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def runs(process):
    """Whether the process of this number has not ended yet."""
    with contextlib.suppress(OSError):  # no such process
        return Path("/proc", process, "stat").read_text().split()[2] != "Z"
    return False


def test_a_compiler_that_hangs_is_ended_with_its_children(tmp_path):
    """gcc starts cc1: both must be gone, and nobody waits for what they would have said."""
    cc = script(tmp_path, 'sleep 1000 & echo $! > child; wait')
    with flags(cc_timeout=1), pytest.raises(toolchain.ToolchainError) as caught:
        toolchain.compile_object([cc], "int x;", "unit", [], tmp_path)
    assert "longer than 1 seconds. FNC_CC_TIMEOUT" in str(caught.value) and cc in str(caught.value)
    child = (tmp_path / "child").read_text().strip()
    deadline = time.monotonic() + 60  # a killed process ends when it is next scheduled
    while runs(child):
        assert time.monotonic() < deadline, "the child of the compiler lives on"
        time.sleep(0.01)


def test_the_limit_reaches_the_threads_that_compile(tmp_path):
    cc = script(tmp_path, '[ "$1" = --version ] && echo 1 || sleep 1000')
    store = tmp_path / "store"
    error = pytest.raises(toolchain.ToolchainError, match="longer than 1 seconds")
    with flags(cc=cc, cc_timeout=1, cache=store), error:
        cache.build_library({"unit": "int x;"})


@pytest.mark.parametrize("text", ["exit 0", "touch unit.o", 'echo version 1'])
def test_a_compiler_that_writes_nothing_is_named(tmp_path, text):
    cc = script(tmp_path, text)
    with pytest.raises(toolchain.ToolchainError, match=r"my-cc.* did not write unit.o"):
        toolchain.compile_object([cc], "int x;", "unit", [], tmp_path)
    with pytest.raises(toolchain.ToolchainError, match=r"my-cc.* did not write lib.so"):
        toolchain.link_shared([cc], [], tmp_path / "lib.so")
    model = fncompile.Sequential([fncompile.Input((2,)), fncompile.layers.Dense(1)])
    with flags(cc=cc, cache="off"), pytest.raises(toolchain.ToolchainError, match="my-cc"):
        model.predict([[0.0, 0.0]], verbose=0)


def test_archive_without_ar_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(toolchain.ToolchainError, match="install binutils"):
        toolchain.make_archive(["cc"], [], tmp_path / "libf.a")


@pytest.mark.parametrize(("target", "expected"), [
    ("ref", "-DFNC_TARGET_REF=1"), ("x86-64-v3", "-march=x86-64-v3"),
    ("x86-64-v4", "-march=x86-64-v4"), ("x86-64-v4-bf16", "-march=x86-64-v4 -mavx512bf16"),
    ("x86-64-v4-amx", "-march=x86-64-v4 -mavx512bf16 -mamx-tile -mamx-bf16")])
def test_target(target, expected):
    with flags(target=target):
        assert toolchain.target_flags() == expected.split()
        assert not any("native" in word for word in toolchain.compile_flags("gcc 12"))


def test_native_follows_the_processor(monkeypatch):
    with flags(target="native"):
        words = toolchain.target_flags()
    assert words in (["-march=native"], ["-mcpu=native"])
    assert os.uname().machine in toolchain.cpu_identity()


def test_only_the_safe_subset_of_float_flags():
    for version in ("gcc (Debian) 12.2.0", "clang version 17"):
        words = toolchain.compile_flags(version)
        for unsafe in ("-ffast-math", "-Ofast", "-ffinite-math-only", "-fassociative-math"):
            assert unsafe not in words
    assert not any("math" in word or "-fp-" in word for word in toolchain.link_flags())
    assert "-fvect-cost-model=dynamic" in toolchain.compile_flags("gcc (Debian) 12.2.0")
    assert "-fvect-cost-model=dynamic" not in toolchain.compile_flags("clang version 17")


def test_linking_does_not_change_the_float_state_of_the_process(tmp_path):
    unit = toolchain.compile_object(CC, "int f(void) { return 0; }", "f",
                                    toolchain.compile_flags("gcc"), tmp_path)
    library = toolchain.link_shared(CC, [unit], tmp_path / "lib.so")
    code = (f"import ctypes; ctypes.CDLL({str(library)!r}); import numpy as np;"
            "print(np.float32(1e-40) * np.float32(1) != 0)")
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "True\n"


def test_cflags_come_last_and_sanitizers_reach_the_link():
    with flags(cflags="-O0 -DNAME='a b'", san="undefined"):
        assert toolchain.compile_flags("gcc")[-2:] == ["-O0", "-DNAME=a b"]
        assert "-fsanitize=undefined" in toolchain.compile_flags("gcc")
        assert "-fsanitize=undefined" in toolchain.link_flags()


def test_address_sanitizer_is_refused_where_loading_would_end_the_process():
    with flags(san="address"), pytest.raises(toolchain.ToolchainError, match="LD_PRELOAD"):
        toolchain.check_sanitizer_loaded(CC)


def test_csrc_is_found_in_a_package_too(tmp_path, monkeypatch):
    package = tmp_path / "fncompile"
    shutil.copytree(toolchain.csrc_dir() / "include", package / "csrc" / "include")
    monkeypatch.setattr(toolchain, "__file__", str(package / "runtime" / "toolchain.py"))
    assert toolchain.csrc_dir() == package / "csrc"
    shutil.rmtree(package / "csrc")
    with pytest.raises(toolchain.ToolchainError, match="reinstall"):
        toolchain.csrc_dir()
