"""The files of a bundle, made in a directory from the C and the data of a library.

Requires a compiler for the system at hand, FNC_SYSTEM, or for the sources alone none.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fncompile.export import texts
from fncompile.export.amalgam import amalgamate
from fncompile.export.api.header import emit_header
from fncompile.export.api.library import Level, Library
from fncompile.export.api.unit import emit_unit, needs_unit
from fncompile.export.data import data_unit, weights_head, weights_text, write_data
from fncompile.export.example import emit_example
from fncompile.export.merged import merge
from fncompile.export.selftest import emit_selftest
from fncompile.export.systems import System
from fncompile.export.vectors import Vectors
from fncompile.export.wrapper import emit_wrapper
from fncompile.flags import override
from fncompile.runtime import cache, toolchain
from fncompile.runtime.store import open_store

SOURCE = Level("source", "ref")  # what the one file of C has: whatever it is compiled for


@dataclass(frozen=True)
class Sources:
    """The library before it is compiled: entries as C by name, the binary data, and what the
    self-test compares with."""

    library: Library
    entries: dict[str, str]
    data: list[Any]  # of buffers, to be written one after the other
    vectors: Vectors

    @property
    def unit(self) -> str:
        """C of the public functions."""
        return emit_unit(self.library)

    @property
    def header(self) -> str:
        return emit_header(self.library)


@dataclass(frozen=True)
class Wanted:
    """Which files: `compiled` ones for `system`, `sources`, or both."""

    system: System
    compiled: bool = True
    sources: bool = False


@dataclass(frozen=True)
class Bundle:
    """The files of an export; `prefix` begins every C name.

    `directory` holds all; the others are the paths of the files, or None where they were not
    asked for: `shared`, a link to the library itself, `soname` (of other systems than Linux both
    are the library); `implib`, for Windows, which programs link that load the library; the archive
    `static`; `header`, and `wrapper` for C++; `pkgconfig`, and, for
    CMake, `cmake` and `cmake_version`; the programs `example` and `selftest`, which compares the
    library with what Python computed; `readme`; the whole library as C, `source`, with its data
    as C, `weights_source`; and `weights`, the data as a file that contexts map.

    >>> model = fncompile.Sequential([fncompile.Input((2,)), layers.Dense(1)], name="tiny")
    >>> bundle = model.export("build")
    >>> bundle.prefix, bundle.header.name, bundle.shared.name
    ('tiny', 'tiny.h', 'libtiny.so')
    """

    directory: Path
    prefix: str
    header: Path
    example: Path
    selftest: Path
    readme: Path
    shared: Path = Path()
    soname: Path = Path()
    implib: Path | None = None
    static: Path = Path()
    wrapper: Path = Path()
    pkgconfig: Path = Path()
    cmake: Path = Path()
    cmake_version: Path = Path()
    source: Path | None = None
    weights_source: Path | None = None
    weights: Path | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """The paths of all."""
        fields = (getattr(self, f.name) for f in dataclasses.fields(self))
        return tuple(f for f in fields if isinstance(f, Path) and f not in (self.directory, Path()))


def write(made: Sources, wanted: Wanted, directory: Path) -> Bundle:
    """Make the files and put each as a whole in its place, when all of them are made; where they
    cannot be made, a directory that was not there is not there either."""
    is_new = not directory.exists()
    directory.mkdir(parents=True, exist_ok=True)
    try:
        return _written(made, wanted, directory)
    except BaseException:
        if is_new:
            with contextlib.suppress(OSError):
                directory.rmdir()
        raise


def _written(made: Sources, wanted: Wanted, directory: Path) -> Bundle:
    with tempfile.TemporaryDirectory(prefix=".export-", dir=directory) as work:
        build(made, wanted, Path(work))
        bundle = _bundle(made.library, wanted, directory)
        for path in dict.fromkeys(bundle.files):
            os.replace(Path(work) / path.name, path)
    return bundle


def _bundle(library: Library, wanted: Wanted, directory: Path) -> Bundle:
    m, system = library.prefix, wanted.system
    names = {
        "header": f"{m}.h",
        "example": f"example_{m}.c",
        "selftest": f"{m}_selftest.c",
        "readme": f"README_{m}.md",
    }
    if wanted.compiled:
        names |= {
            "shared": system.shared(m),
            "soname": system.soname(m),
            "static": f"lib{m}.a",
            "wrapper": f"{m}.hpp",
            "pkgconfig": f"{m}.pc",
            "cmake": f"{m}Config.cmake",
            "cmake_version": f"{m}ConfigVersion.cmake",
        }
        names |= {"implib": f"{m}.lib"} if system.kind == "pe" else {}
    if wanted.sources:
        names |= {"source": f"{m}.c"}
        names |= {"weights_source": f"{m}_weights.c"} if library.embedded else {}
    names |= {} if library.embedded else {"weights": f"{m}.weights"}
    return Bundle(directory, m, **{field: directory / name for field, name in names.items()})


def build(made: Sources, wanted: Wanted, work: Path) -> None:
    """Make all files of the bundle in `work`, beside what compiling leaves there."""
    library = made.library
    names = _bundle(library, wanted, work)
    _write_texts(
        {
            names.header: made.header,
            names.example: emit_example(library),
            names.selftest: emit_selftest(library, made.vectors),
            names.readme: texts.readme(library, wanted),
        }
    )
    if wanted.sources:
        _write_sources(made, names)
    if names.weights is not None:
        write_data([weights_head(library), *made.data], names.weights)
    if wanted.compiled:
        _compile(made, wanted.system, names, work)


def _write_texts(found: dict[Path, str]) -> None:
    for path, text in found.items():
        path.write_text(text, encoding="utf-8")


def _write_sources(made: Sources, names: Bundle) -> None:
    library = dataclasses.replace(made.library, levels=(SOURCE,))
    assert names.source is not None
    _write_texts({names.source: amalgamate(library, made.entries)})
    if names.weights_source is not None:
        _write_texts({names.weights_source: weights_text(library.prefix, made.data)})


def _compile(made: Sources, system: System, names: Bundle, work: Path) -> None:
    library, m = made.library, made.library.prefix
    _write_texts(
        {
            names.wrapper: emit_wrapper(library),
            names.pkgconfig: texts.pkgconfig(library),
            names.cmake: texts.cmake(library, system),
            names.cmake_version: texts.cmake_version(library),
            work / f"{m}.map": texts.exports(library),
        }
    )
    with override(system=system.triple):
        compiler, objects = _objects(made, work)
        toolchain.link_shared(compiler.command, objects, names.soname, system.link_flags(m))
        toolchain.make_archive(compiler.command, objects, names.static)
    if names.shared != names.soname:
        names.shared.symlink_to(names.soname.name)


def _objects(made: Sources, work: Path) -> tuple[cache.Compiler, list[Path]]:
    """Those of the library, compiled at once, and the compiler of what has to run anywhere, which
    `create` has: it says that the rest does not."""
    library, m = made.library, made.library.prefix
    public = made.unit.replace(f'#include "{m}.h"\n', made.header)  # whole, so that it is cached

    with ThreadPoolExecutor(max_workers=toolchain.processors()) as pool:

        def started(target: str, suffix: str, units: dict[str, str]) -> Future[list[Path]]:
            return pool.submit(copy_context().run, _cached, target, suffix, units, work / m)

        built = [started(v.target, v.suffix, _level_units(made, v)) for v in library.levels]
        built.append(started("ref", "", {"public": public}))
        objects = [path for future in built for path in future.result()]
    with override(target="ref"):
        compiler = cache.Compiler.find(open_store())
    if library.embedded:
        write_data(made.data, work / f"{m}_data.bin")
        objects.append(
            toolchain.compile_object(
                compiler.command, data_unit(m), f"{m}_data", compiler.flags, work
            )
        )
    return compiler, objects


def _level_units(made: Sources, level: Level) -> dict[str, str]:
    """The texts of a level. Of several levels each has one of all entries, which share what they
    use of csrc; the only one has those that Python itself runs."""
    code = {"code": merge(made.entries, level.suffix)} if level.suffix else made.entries
    return {**code, "needs": needs_unit(made.library, level)}


def _cached(target: str, suffix: str, units: dict[str, str], begin: Path) -> list[Path]:
    """Objects under names that say in the archive whose they are."""
    with override(target=target):
        built = cache.build_objects(units)
    found = [begin.with_name(f"{begin.name}_{name}{suffix}.o") for name in built]
    for path, made in zip(found, built.values(), strict=True):
        path.write_bytes(made.read_bytes())
    return found
