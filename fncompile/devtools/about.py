"""What `python -m fncompile` prints: version, compiler, cache, processor, and what to do next."""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
from importlib import metadata
from pathlib import Path

import fncompile
from fncompile.flags import flag
from fncompile.runtime import store, toolchain
from fncompile.runtime.binding import how_calls_are_made

_FEATURES = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "sve")
_OPTIONAL = (
    ("h5py", "h5py", "HDF5 files of other programs", "pip install h5py"),
    ("Pillow", "PIL", "pictures as PNG", "pip install pillow"),
)


def about() -> tuple[str, bool]:
    """The text, and whether models can be compiled."""
    compiler, found = _compiler()
    rows = [
        ("fncompile", f"{fncompile.__version__} in {Path(fncompile.__file__).parent}"),
        ("Python", f"{platform.python_version()}, NumPy {metadata.version('numpy')}"),
        ("compiler", compiler),
        ("calls", how_calls_are_made()),
        ("target", f"{flag('target')} (FNC_TARGET)"),
        ("processor", _processor()),
        ("threads", f"{flag('threads')} for one step (FNC_THREADS)"),
        ("cache", _cache()),
        *((label, _optional(name, use, how)) for label, name, use, how in _OPTIONAL),
    ]
    table = "\n".join(f"{label:<9} {value}" for label, value in rows)
    return f"{table}\n\n{_next_steps(found)}", found


def _compiler() -> tuple[str, bool]:
    try:
        command = toolchain.find_compiler()
        version = toolchain.compiler_version(command).splitlines()[0]
    except toolchain.ToolchainError as error:
        return f"none: {error}", False
    return f"{' '.join(command)}: {version}", True


def _processor() -> str:
    words = set(toolchain.cpu_identity().split()) if os.path.exists("/proc/cpuinfo") else set()
    known = " ".join(name for name in _FEATURES if name in words)
    return ", ".join([_model_name(), f"{os.cpu_count()} CPUs", *([known] if known else [])])


def _model_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _cache() -> str:
    if flag("cache") == "off":
        return "off (FNC_CACHE)"
    root = store.cache_root()
    sizes = [size for _, size, _ in store.usage(root)] if root.is_dir() else []
    return f"{root}, {len(sizes)} entries, {sum(sizes) / 2**20:.1f} MB of {flag('cache_mb')}"


def _optional(name: str, use: str, install: str) -> str:
    there = importlib.util.find_spec(name) is not None
    return f"installed, for {use}" if there else f"not installed; for {use}: {install}"


def _next_steps(compiler_found: bool) -> str:
    install = "install a C compiler: apt install gcc, or pip install ziglang"
    steps = [
        *([] if compiler_found else [install]),
        "fncompile --help lists the commands for models in files",
        f"{Path(sys.executable).name} -m fncompile.flags lists the switches",
        "help(fncompile.layers.Dense) and the like: arguments, shapes, an example",
        "model.explain() shows how a model was compiled, model.profile(x) where its time goes",
        "model.export(directory) writes the library, header and example for C programs",
    ]
    return "\n".join(["Next:", *(f"  {step}" for step in steps)])
