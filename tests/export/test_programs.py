"""C programs that use a library: under valgrind, sanitizers, and with the allocator watched."""

from __future__ import annotations

import platform
import re
import subprocess
from pathlib import Path

import pytest

from fncompile.export.api.unit import needs_unit
from fncompile.export.bundle import make_sources
from fncompile.export.data import data_unit, write_data
from fncompile.runtime.toolchain import BASE_FLAGS, include_flags
from tests.tools import emulated_target, executable_targets, need, run

HERE = Path(__file__).parent
STRICT = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror"]


def build(exported, program: str, out: Path, *flags: str) -> Path:
    """A program of this folder linked with the archive that ships."""
    return link(exported("classifier")[1].bundle, program, out, *flags)


def link(bundle, program: str, out: Path, *flags: str) -> Path:
    source = HERE / f"{program}.c"
    run(
        "cc",
        *STRICT,
        "-g",
        *flags,
        source,
        f"-I{bundle.directory}",
        bundle.static,
        "-lm",
        "-o",
        out,
    )
    return out


@pytest.fixture(scope="module")
def units(exported, tmp_path_factory):
    """The C of the whole library, as files."""
    directory = tmp_path_factory.mktemp("units")
    made = make_sources(exported("classifier")[0], "digit_model", True)
    (directory / "digit_model.h").write_text(made.header)
    write_data(made.data, directory / "digit_model_data.bin")
    needs = needs_unit(made.library, made.library.levels[0])
    public = {"digit_model": made.unit, "digit_model_data": data_unit("digit_model")}
    texts = {**made.entries, "needs": needs, **public}
    for name, text in texts.items():
        (directory / f"{name}.c").write_text(text)
    return directory, [f"{name}.c" for name in texts]


def test_the_driver(exported, tmp_path):
    program = build(exported, "driver", tmp_path / "driver")
    assert run(program, tmp_path / "x.weights.h5") == "done\n"


QUIET = re.compile("mem(cpy|set|move|cmp|chr)|str[a-z]+|f[eg]etenv|__errno_location|_GLOBAL.*")


def watching(bundle) -> list[str]:
    """Flags for programs that include watched.h: all that the library takes from others is counted,
    but what only touches the memory that it is given."""
    listed = run("nm", "-A", bundle.static)
    named = re.findall(r" ([A-Za-z]) (\S+)$", listed, re.M)
    own = {name for kind, name in named if kind != "U"}
    taken = sorted({name for kind, name in named if kind == "U"} - own)
    names = [name for name in taken if not QUIET.fullmatch(name)]
    assert {"malloc", "free", "pthread_mutex_lock", "pthread_cond_wait", "open"} <= set(names)
    counted = " ".join(f"X({name})" for name in names)
    return [f"-DNAMES(X)={counted}", *(f"-Wl,--wrap={name}" for name in names)]


def test_nothing_is_asked_of_the_system_where_nothing_is_promised(exported, tmp_path):
    flags = ["-DTRAP", *watching(exported("classifier")[1].bundle)]
    program = build(exported, "driver", tmp_path / "driver", *flags)
    assert run(program, tmp_path / "x.weights.h5") == "done\n"


def test_no_system_call_allocation_or_lock_in_any_step(exported, tmp_path):
    """Predicting, fused steps, steps in parts, and exchanging weights: the kernel ends a process in
    its strict mode at the first system call."""
    bundle, program = exported("classifier")[1].bundle, tmp_path / "realtime"
    run("cc", "-std=gnu99", *STRICT[2:], HERE / "realtime.c", f"-I{bundle.directory}",
        bundle.static, "-lm", "-pthread", *watching(bundle), "-o", program)  # fmt: skip
    done = subprocess.run([program], capture_output=True, text=True)
    if done.returncode == 77:
        pytest.skip("this system has no seccomp")
    assert done.returncode == 0, done.stdout
    *before, last = done.stdout.split()
    assert last == "done"
    assert {"malloc", "calloc", "pthread_create", "pthread_join"} <= set(before)  # it counts


def test_under_valgrind(exported, tmp_path):
    """For a target that valgrind knows: this machine may have instructions that it does not."""
    need("valgrind")
    bundle = exported("classifier")[0].export(tmp_path / "lib", march=emulated_target())
    program = link(bundle, "driver", tmp_path / "driver")
    options = ["-q", "--error-exitcode=9", "--leak-check=full", "--show-leak-kinds=all"]
    command = ["valgrind", *options, program, tmp_path / "x.weights.h5"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == "done\n", done.stderr


@pytest.mark.parametrize("target", executable_targets())
def test_the_driver_for_each_target_of_this_machine(exported, tmp_path, target):
    bundle = exported("classifier")[0].export(tmp_path / "lib", march=target)
    program = link(bundle, "driver", tmp_path / "driver")
    assert run(program, tmp_path / "x.weights.h5") == "done\n"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="these are processors of x86-64")
@pytest.mark.parametrize(("target", "processor"), [("ref", "qemu64"), ("x86-64-v3", "Haswell")])
def test_the_driver_on_a_processor_with_no_more_than_its_target(
    exported, tmp_path, target, processor
):
    """Whatever this machine has: no instruction comes in that the target does not name."""
    need("qemu-x86_64")
    bundle = exported("classifier")[0].export(tmp_path / "lib", march=target)
    program = link(bundle, "driver", tmp_path / "driver")
    emulated = ["qemu-x86_64", "-cpu", processor, program]
    assert run(*emulated, tmp_path / "x.weights.h5") == "done\n"


@pytest.mark.parametrize(("kind", "program"), [
    ("address,undefined", "driver"), ("thread", "threads"), ("thread", "swap"),
    ("thread", "pool"),
])  # fmt: skip
def test_under_sanitizers(units, tmp_path, kind, program):
    """The whole library, generated and hand-written, built with the sanitizers."""
    directory, names = units
    flags = [f for f in BASE_FLAGS if f not in ("-O2", "-fvisibility=hidden")]
    sanitize = ["-O1", "-g", f"-fsanitize={kind}", "-fno-sanitize-recover=all"]
    out = tmp_path / program
    shared = ["-DFNC_LEAST_WORK=1", "-DFNC_LEAST_STEP=1"]  # even the smallest calls
    sources = [*names, HERE / f"{program}.c"]
    run(
        "cc",
        *flags,
        *sanitize,
        *shared,
        *include_flags(),
        "-I.",
        *sources,
        "-lm",
        "-pthread",
        "-o",
        out,
        cwd=directory,
    )
    assert run(out, *([tmp_path / "x.weights.h5"] if program == "driver" else [])) == "done\n"


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_all_generated_c_compiles_without_warnings(units, tmp_path, compiler):
    need(compiler)
    directory, names = units
    strict = ["-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-O1"]
    for name in names:
        run(
            compiler,
            *BASE_FLAGS,
            *strict,
            *include_flags(),
            "-c",
            name,
            "-o",
            tmp_path / "x.o",
            cwd=directory,
        )
