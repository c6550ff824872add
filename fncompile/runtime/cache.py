"""Compile each text once: `build_library`, over the store of what has been compiled.

    built = build_library({"model": c_text})
    Library(built.path_so)

Objects and libraries are entries of store.py, named by a hash of all that their contents depend
on: text, flags, the compiler and its version, the C files in csrc, and for the native target the
processor. A second build starts no process, not even to ask the compiler for its version.
FNC_CFLAGS are part of the hash; files that they name are not.

A library that is `linked` has tiles and whatever else no model changes from csrc/rt/fnc_shared.c,
an object of its own: made once for a compiler, its flags and a processor, and for those of an
installation while it is installed, setup.py. Exports have all that they need in their own units.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from fncompile.flags import flag
from fncompile.runtime import notice, toolchain
from fncompile.runtime.store import Store, open_store

SHARED = "fnc_shared"
INSTALLED = Path(__file__).with_name("installed")


class Built(NamedTuple):
    """A library, and where asked for the objects it was linked from, by the names of sources."""

    path_so: Path
    objects: dict[str, Path]


def build_library(
    sources: Mapping[str, str], *, keep_objects: bool = False, linked: bool = False
) -> Built:
    """Compile each text as a unit of its own, as many at once as there are processors, and link
    them in the given order; if `linked`, with what csrc has for all of them.

    Raises CompileError when a text does not compile, ToolchainError when the units do not link
    or there is no compiler.
    """
    store = open_store()
    compiler = Compiler.find(store)
    units = _linked(sources) if linked and not flag("san") else sources
    keys = {name: compiler.key("object", name, text) for name, text in units.items()}
    link = toolchain.link_flags()

    def make(directory: Path) -> None:
        notice.now(f"the C compiler makes {len(sources)} unit{'s' * (len(sources) != 1)}")
        objects = _compile_all(store, compiler, units, keys)
        notice.now("linking")
        toolchain.link_shared(compiler.command, objects.values(), directory / "model.so")

    entry = store.entry(compiler.key("library", *link, *keys.values()), make)
    if flag("keep"):
        for name, text in sources.items():
            (entry / f"{name}.c").write_text(text, encoding="utf-8")
    toolchain.check_sanitizer_loaded(compiler.command)
    objects = _compile_all(store, compiler, units, keys) if keep_objects else {}
    return Built(entry / "model.so", objects)


def _linked(sources: Mapping[str, str]) -> dict[str, str]:
    """These units without what they share, and that."""
    own = {name: f"#define FNC_LINKED 1\n{text}" for name, text in sources.items()}
    return {SHARED: _shared_text(), **own}


def _shared_text() -> str:
    return (toolchain.csrc_dir() / "rt" / f"{SHARED}.c").read_text(encoding="utf-8")


def install_shared(directory: Path) -> None:
    """Make the object that libraries share, for the compiler and the processor at hand, where
    `build_library` looks for it if `directory` is INSTALLED.

    Raises as `build_library`.
    """
    with tempfile.TemporaryDirectory() as place:
        store = Store(Path(place), sys.maxsize)
        compiler = Compiler.find(store)
        text = _shared_text()
        key = compiler.key("object", SHARED, text)
        [made] = _compile_all(store, compiler, {SHARED: text}, {SHARED: key}).values()
        contents = made.read_bytes()  # perhaps of the earlier installation, which goes now
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    (directory / f"{key}.o").write_bytes(contents)


def build_objects(sources: Mapping[str, str]) -> dict[str, Path]:
    """The object of each text; raises as `build_library`."""
    store = open_store()
    compiler = Compiler.find(store)
    keys = {name: compiler.key("object", name, text) for name, text in sources.items()}
    return _compile_all(store, compiler, sources, keys)


def _compile_all(store: Store, compiler: Compiler, sources: Mapping[str, str],
                 keys: Mapping[str, str]) -> dict[str, Path]:
    from concurrent.futures import ThreadPoolExecutor  # only a cold build needs it

    def compile_one(name: str) -> Path:
        if (installed := INSTALLED / f"{keys[name]}.o").is_file():
            return installed

        def make(directory: Path) -> None:
            toolchain.compile_object(compiler.command, sources[name], name, compiler.flags,
                                     directory)
            (directory / f"{name}.c").unlink()  # FNC_KEEP puts it beside the library

        return store.entry(keys[name], make) / f"{name}.o"

    # Its threads see the switches of this one.
    with ThreadPoolExecutor(max_workers=toolchain.processors()) as pool:
        made = {name: pool.submit(copy_context().run, compile_one, name) for name in sources}
        return {name: future.result() for name, future in made.items()}


@dataclass(frozen=True)
class Compiler:
    """A compiler as the hash sees it: the command, its version, its flags, and a digest of these
    with the machine and the headers."""

    command: Sequence[str]
    version: str
    flags: Sequence[str]
    identity: str

    @classmethod
    def find(cls, store: Store) -> Compiler:
        command = toolchain.find_compiler()
        version = _version(store, command)
        from fncompile.runtime import tiles  # which compiles what asks for them

        flags = [*toolchain.compile_flags(version), *tiles.refusal_flags()]
        machine = toolchain.cpu_identity() if flag("target") == "native" else ""
        identity = _digest(*command, version, *flags, machine, headers_digest())
        return cls(command, version, flags, identity)

    def key(self, *parts: str) -> str:
        return _digest(self.identity, *parts)


def _version(store: Store, command: Sequence[str]) -> str:
    """The compiler's version, asked for anew only when one of its files has changed."""
    files = toolchain.compiler_files(command)
    stats = [os.stat(path) for path in files]
    key = _digest("version", *command, *files, *(f"{s.st_size} {s.st_mtime_ns}" for s in stats))

    def make(directory: Path) -> None:
        (directory / "version").write_text(toolchain.compiler_version(command), encoding="utf-8")

    return (store.entry(key, make) / "version").read_text(encoding="utf-8")


def headers_digest() -> str:
    """A hash of every C file that a compilation may include."""
    root = toolchain.csrc_dir()
    files = sorted(path for path in root.rglob("*") if path.suffix in (".h", ".c"))
    return _digest(*(part for path in files
                     for part in (str(path.relative_to(root)), path.read_text(encoding="utf-8"))))


def _digest(*parts: str) -> str:
    """One hash of several texts; lengths keep ("ab", "c") and ("a", "bc") apart."""
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode()
        whole.update(b"%d:" % len(data) + data)
    return whole.hexdigest()[:40]
