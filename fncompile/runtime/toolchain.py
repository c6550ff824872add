"""Find a C compiler and run it: text to object, objects to a shared library or an archive.

Requires nothing installed but one of the compilers that `find_compiler` tries. Ensures that the
same text, flags and compiler give the same bytes (paths stay out of the objects), and that a
failure carries the compiler's first message, the line of C it points at, and the file to look in.
Nothing here decides when to compile: that is cache.py.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from fncompile.flags import flag

# No -ffast-math: NaN and infinity propagate as IEEE says. None of these is passed when linking,
# where gcc would take some as a wish to change the rounding mode of the whole process.
BASE_FLAGS = (
    "-std=gnu11", "-O2", "-ftree-vectorize", "-fno-math-errno", "-fno-trapping-math",
    "-fno-signed-zeros", "-ffp-contract=fast", "-fopenmp-simd", "-fPIC", "-fvisibility=hidden",
)
# clang's -O2 vectorises by such a cost model already. gcc 12.2 takes a kernel for pure, and drops
# its call, where induction variables made the address that it stores to a sum of two pointers
# (tests/programs/test_short_loops.py): it shall not guess what functions touch.
GCC_FLAGS = ("-fvect-cost-model=dynamic", "-fno-ipa-pure-const", "-fno-ipa-modref")
_CANDIDATES = ("cc", "gcc", "clang")


class ToolchainError(RuntimeError):
    """There is no usable compiler, or a tool of it could not be run."""


class CompileError(ToolchainError):
    """A compiler refused: `message` is its first complaint, `line` the C it points at (or ""),
    `source` the file that was compiled, which is kept, `output` all that it said."""

    def __init__(self, message: str, line: str, source: Path, output: str) -> None:
        self.message, self.line, self.source, self.output = message, line, source, output
        shown = f"\n    {line}" if line else ""
        super().__init__(f"the C compiler failed: {message}{shown}\nThe source is kept in {source}")


def csrc_dir() -> Path:
    """The directory of hand-written C: inside an installed package, or beside it in a checkout.

    Raises ToolchainError if it is in neither place.
    """
    package = Path(__file__).resolve().parents[1]
    for place in (package / "csrc", package.parent / "csrc"):
        if (place / "include" / "fnc_abi.h").is_file():
            return place
    raise ToolchainError(f"fncompile's C sources are missing from {package}: reinstall the package")


def include_directories() -> list[Path]:
    """csrc and each of its directories, so that a header is found by either name."""
    root = csrc_dir()
    return [root, *sorted(p for p in root.iterdir() if p.is_dir() and p.name != "py")]


def include_flags() -> list[str]:
    return [f"-I{path}" for path in include_directories()]


def find_compiler() -> list[str]:
    """The command of the C compiler: FNC_CC, CC, cc, gcc, clang, then the ziglang package. For
    another system, FNC_SYSTEM, it is the last.

    Raises ToolchainError when a named compiler is not there, or when there is none at all.
    """
    if flag("system"):
        return _cross_compiler(flag("system"))
    for variable, value in (("FNC_CC", flag("cc")), ("CC", os.environ.get("CC", ""))):
        if value:
            return _named_compiler(variable, value)
    for name in _CANDIDATES:
        if path := shutil.which(name):
            return [path]
    if importlib.util.find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "cc"]
    raise ToolchainError(
        "fncompile compiles models with a C compiler and found none (tried $FNC_CC, $CC, "
        f"{', '.join(_CANDIDATES)}, and the ziglang package). Install gcc or clang "
        "(Debian, Ubuntu: apt install gcc; Fedora: dnf install gcc), or: pip install ziglang")


def _cross_compiler(triple: str) -> list[str]:
    if importlib.util.find_spec("ziglang") is None:
        raise ToolchainError(
            f"compiling for {triple} needs the ziglang package: pip install 'fncompile[zig]'")
    return [sys.executable, "-m", "ziglang", "cc", "-target", triple]


def _named_compiler(variable: str, value: str) -> list[str]:
    command = shlex.split(value)
    path = shutil.which(command[0]) if command else None
    if path is None:
        raise ToolchainError(f"{variable} names the compiler {value!r}, which is not found: "
                             f"correct it, or unset {variable} to have one looked for")
    return [path, *command[1:]]


def compiler_files(command: Sequence[str]) -> list[str]:
    """The files whose change means that the command is another compiler."""
    files = [path for word in command if (path := shutil.which(word))]
    if "ziglang" in command and (spec := importlib.util.find_spec("ziglang")) and spec.origin:
        files.append(spec.origin)
    return [os.path.realpath(path) for path in files]


def compiler_version(command: Sequence[str]) -> str:
    """What the compiler says of itself; runs it."""
    return _run([*command, "--version"], Path.cwd())


def is_clang(version: str) -> bool:
    return "clang" in version.lower()


# Targets with instructions for products of bfloat16, those that csrc/kern/bf16_isa.h uses: what
# each has beyond x86-64-v4.
NARROW_TARGETS = {
    "x86-64-v4-amx": ("-mavx512bf16", "-mamx-tile", "-mamx-bf16"),
    "x86-64-v4-bf16": ("-mavx512bf16",),
}


def target_flags() -> list[str]:
    """Flags of the machine to compile for, FNC_TARGET."""
    target = flag("target")
    if target == "ref":
        return ["-DFNC_TARGET_REF=1"]
    if target == "native":
        arm = os.uname().machine in ("aarch64", "arm64")
        return ["-mcpu=native" if arm else "-march=native"]
    if flag("system"):
        return [f"-march={target.replace('-', '_')}"]
    if target in NARROW_TARGETS:
        return ["-march=x86-64-v4", *NARROW_TARGETS[target]]
    return [f"-march={target}"]


def multiplies_bfloat16() -> bool:
    """Has the machine to compile for instructions for products of bfloat16?"""
    if flag("target") == "native":
        return "avx512_bf16" in cpu_identity().split()
    return flag("target") in NARROW_TARGETS


def sanitizer_flags() -> list[str]:
    """Flags for FNC_SAN; the only ones that compiling and linking share."""
    names = flag("san")
    return [f"-fsanitize={','.join(names)}", "-fno-omit-frame-pointer", "-g"] if names else []


def compile_flags(version: str) -> list[str]:
    """All flags of a compilation, but for -I and the names of files."""
    base = [f for f in BASE_FLAGS if f != "-fPIC" or "windows" not in flag("system")]
    return [*base, *(() if is_clang(version) else GCC_FLAGS), *target_flags(),
            *sanitizer_flags(), *shlex.split(flag("cflags"))]


def link_flags() -> list[str]:
    """Flags of a link. A missing function is an error here rather than when it is first called."""
    if flag("system"):
        return [] if "wasm" in flag("system") else ["-shared"]
    sanitizers = sanitizer_flags()
    return ["-shared", *sanitizers, *([] if sanitizers else ["-Wl,-z,defs"])]


def check_sanitizer_loaded(command: Sequence[str]) -> None:
    """Raise ToolchainError where loading a sanitized library would end the process.

    The runtimes of these two must come before all else, which only LD_PRELOAD can arrange.
    """
    runtimes = {"address": "libasan.so", "thread": "libtsan.so"}
    for name in flag("san"):
        library = runtimes.get(name)
        if library and library.removesuffix(".so") not in Path("/proc/self/maps").read_text():
            raise ToolchainError(
                f"FNC_SAN={name} needs its runtime loaded first. Start Python with "
                f"LD_PRELOAD=$({shlex.join(command)} -print-file-name={library})"
                + (" ASAN_OPTIONS=detect_leaks=0" if name == "address" else ""))


def compile_object(command: Sequence[str], source: str, name: str, flags: Sequence[str],
                   directory: Path) -> Path:
    """Write `source` as `name`.c in `directory` and compile it there to `name`.o.

    Raises CompileError; the source then stays where it is.
    """
    path = directory / f"{name}.c"
    path.write_text(source, encoding="utf-8")
    # Run in the directory and by relative names, so that objects do not record where that was.
    arguments = [*command, *flags, *include_flags(), "-c", path.name, "-o", f"{name}.o"]
    code, output = _run_any(arguments, directory)
    if code != 0:
        message, line = first_complaint(output, directory, code)
        raise CompileError(message, line, path, f"{shlex.join(arguments)}\n{output}")
    return _written(path.with_suffix(".o"), arguments)


def link_shared(command: Sequence[str], objects: Iterable[Path], target: Path,
                more: Sequence[str] = ("-lm", "-pthread")) -> Path:
    """Link objects, with `more` behind them, to a shared library that needs libc and libm alone.

    Raises ToolchainError, with the linker's words, if that cannot be done.
    """
    inputs = [str(path) for path in objects]
    arguments = [*command, *link_flags(), "-o", target.name, *inputs, *more]
    _run(arguments, target.parent)
    return _written(target, arguments)


def build_program(source: Path, library: Path, target: Path) -> Path:
    """A program of one C file, which includes headers beside it, and a static library.

    Raises ToolchainError, with the words of the compiler, if that cannot be done.
    """
    inputs = ["-std=c99", f"-I{source.parent.resolve()}", str(source.resolve())]
    arguments = [*find_compiler(), *inputs, str(library.resolve()), "-o", target.name]
    _run([*arguments, "-lm", "-pthread"], target.parent)
    return _written(target, arguments)


def make_archive(command: Sequence[str], objects: Iterable[Path], target: Path) -> Path:
    """Collect objects in a static library; replaces `target`. Raises ToolchainError without ar."""
    target.unlink(missing_ok=True)
    inputs = [str(path) for path in objects]
    arguments = [*_find_archiver(command), "rcsD", target.name, *inputs]
    _run(arguments, target.parent)
    return _written(target, arguments)


def _find_archiver(command: Sequence[str]) -> list[str]:
    if flag("system"):
        return [sys.executable, "-m", "ziglang", "ar"]
    for name in ("ar", "gcc-ar", "llvm-ar"):
        if path := shutil.which(name):
            return [path]
    if "ziglang" in command:
        return [*command[:-1], "ar"]
    raise ToolchainError("a static library needs `ar`, which was not found: install binutils")


def _written(path: Path, arguments: Sequence[str]) -> Path:
    """The file that a tool was to write. Raises ToolchainError, naming the tool, if it did not."""
    if not path.is_file() or not path.stat().st_size:
        raise ToolchainError(
            f"{shlex.join(arguments)} reported success but did not write {path.name}: is "
            f"{arguments[0]!r} a C compiler? FNC_CC and CC choose another")
    return path


def _run(arguments: Sequence[str], directory: Path) -> str:
    """What a tool printed. Raises ToolchainError, with all of that, if it failed."""
    code, output = _run_any(arguments, directory)
    if code != 0:
        raise ToolchainError(f"{shlex.join(arguments)} failed with exit code {code}:\n{output}")
    return output


def _run_any(arguments: Sequence[str], directory: Path) -> tuple[int, str]:
    """Exit code and output. Raises ToolchainError if the tool cannot be run, or takes longer than
    FNC_CC_TIMEOUT seconds; it is then ended, with the processes that it started."""
    environment = {**os.environ, "LC_ALL": "C"}  # messages are parsed, so no translations
    limit = flag("cc_timeout")
    try:
        process = subprocess.Popen(
            arguments, cwd=directory, env=environment, text=True, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True)
    except OSError as error:
        raise ToolchainError(f"cannot run {arguments[0]}: {error}") from error
    try:
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        raise ToolchainError(
            f"{shlex.join(arguments)} was ended: it took longer than {limit} seconds. "
            "FNC_CC_TIMEOUT sets another limit") from None
    finally:  # also when the user interrupts
        _end_group(process)
    return process.returncode, output


def _end_group(process: subprocess.Popen[str]) -> None:
    """End a process, if it still runs, with those that it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


_COMPLAINT = re.compile(
    r"^(?P<file>[^\s:][^:]*):(?P<line>\d+)(?::\d+)?: (?:fatal )?error: .*$", re.MULTILINE)


def first_complaint(output: str, directory: Path, code: int) -> tuple[str, str]:
    """The first error of a compiler's output, and the line of C that it points at, or ""."""
    found = _COMPLAINT.search(output)
    if not found:
        lines = output.splitlines()
        errors = [line for line in lines if "error" in line]
        return (errors or lines or [f"exit code {code}, no message"])[0], ""
    return found.group(), _line_of(directory / found["file"], int(found["line"]))


def _line_of(path: Path, number: int) -> str:
    if not path.is_file():
        return ""
    lines = path.read_text(errors="replace").splitlines()
    return lines[number - 1].strip() if 0 < number <= len(lines) else ""


def processors() -> int:
    """Processors that this process may use: more threads than these would only be in the way."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@functools.cache
def cpu_identity() -> str:
    """What -march=native depends on: model and features of the processor."""
    wanted = ("vendor_id", "cpu family", "model", "flags",
              "Features", "CPU implementer", "CPU part")
    kept = []
    with open("/proc/cpuinfo") as lines:
        for line in lines:
            if not line.strip():
                break  # the other processors are of the same kind
            if line.split(":")[0].strip() in wanted:
                kept.append(line.strip())
    return "\n".join([os.uname().machine, *kept])
