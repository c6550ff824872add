"""`export`: everything a native program needs to link a model, in one directory.

The objects are those that Python's own calls run; the generated unit adds the public functions,
a blob the weights. Files appear in the directory when all of them are made, each as a whole.
"""

from __future__ import annotations

import dataclasses
import os
import platform
import re
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fncompile
from fncompile.export import texts
from fncompile.export.api.header import emit_header
from fncompile.export.api.library import Level, Library
from fncompile.export.api.unit import emit_unit, needs_unit
from fncompile.export.checkpoint import make_checkpoint, sources
from fncompile.export.data import data_blocks, data_unit, write_data
from fncompile.export.describe import describe, entries_of, model_hash
from fncompile.export.example import emit_example
from fncompile.export.prefix import model_prefix
from fncompile.export.selftest import emit_selftest
from fncompile.export.vectors import Vectors, measure
from fncompile.export.wrapper import emit_wrapper
from fncompile.flags import flag, override
from fncompile.ir.types import DTYPES, TensorType
from fncompile.runtime import cache, toolchain
from fncompile.runtime.store import open_store


@dataclass(frozen=True)
class Bundle:
    """The files of an export; `prefix` begins every C name.

    `directory` holds all; the others are the paths of the files: `shared`, a link to the library
    itself, `soname`; the archive `static`; `header`, and `wrapper` for C++; `pkgconfig`, and, for
    CMake, `cmake` and `cmake_version`; the programs `example` and `selftest`, which compares the
    library with what Python computed; and `readme`.

    >>> model = fncompile.Sequential([fncompile.Input((2,)), layers.Dense(1)], name="tiny")
    >>> bundle = model.export("build")
    >>> bundle.prefix, bundle.header.name, bundle.shared.name
    ('tiny', 'tiny.h', 'libtiny.so')
    """

    directory: Path
    prefix: str
    shared: Path
    soname: Path
    static: Path
    header: Path
    wrapper: Path
    pkgconfig: Path
    cmake: Path
    cmake_version: Path
    example: Path
    selftest: Path
    readme: Path

    @property
    def files(self) -> tuple[Path, ...]:
        """The paths of all."""
        fields = (getattr(self, f.name) for f in dataclasses.fields(self))
        return tuple(f for f in fields if isinstance(f, Path) and f != self.directory)


@dataclass(frozen=True)
class Sources:
    """The library before it is compiled: units of C by name, the header, the binary data, and what
    the self-test compares with."""

    library: Library
    entries: dict[str, str]
    unit: str
    header: str
    data: list[Any]  # of buffers, to be written one after the other
    vectors: Vectors


def export(
    model: Any,
    directory: str | os.PathLike[str],
    *,
    prefix: str | None = None,
    training: bool | None = None,
    sample_weight: bool = False,
    march: str | None = None,
) -> Bundle:
    """Write `lib<prefix>.so`, `lib<prefix>.a`, `<prefix>.h`, `<prefix>.hpp`, files for pkg-config
    and CMake, an example, a self-test and a README.

    `prefix` begins every C name, by default the model's name. With `training`, by default if
    the model is compiled with a loss, the library trains too, and takes sample weights if
    `sample_weight` says so or the model was trained with them. The data types of targets are those
    the model was last trained with, or else what its losses ask for: int32 class numbers, or the
    dtype of the output.

    On x86-64 the code is there for several kinds of processors, from which each context chooses the
    best: it runs on any. `march="native"` compiles it for this one alone, as Python does, whose
    bits it then gives; other names are those of FNC_TARGET, which has the same effect. Where a
    processor lacks the instructions, `_create` says so by a status.

    What is bfloat16 in the model is float32 for the library's callers and in its files.

    ValueError for a prefix that is no C name, for training without a compiled loss, and for a
    model without fixed inputs that was never called. CompileError and OSError as they come; the
    files of an earlier export are then untouched.

    `model`: a built model; `directory`: a path, made if it is not there.

    >>> model = fncompile.Sequential([fncompile.Input((2,)), layers.Dense(1)], name="tiny")
    >>> bundle = model.export("build")
    >>> bundle.header.name
    'tiny.h'
    """
    prefix = _checked_prefix(model, prefix)
    training = _wants_training(model, training)
    with override(**({"target": march} if march else {})):
        several = not march and flag("target") == "native"
        made = make_sources(model, prefix, training, sample_weight, several)
        return _write(made, Path(directory).resolve())


def _checked_prefix(model: Any, prefix: str | None) -> str:
    if prefix is None:
        return model_prefix(model.name)
    if model_prefix(prefix) != prefix:
        raise ValueError(
            "`prefix` must be a C name in lower case, of 3 to 100 characters without double "
            "underscores, that no header or library of the system has, nor the runtime (`fnc`)."
            f" Received: prefix={prefix!r}; {model_prefix(prefix)!r} would do."
        )
    return prefix


def _wants_training(model: Any, training: bool | None) -> bool:
    possible = model.steps().can_train()
    if training and not possible:
        raise ValueError(
            f"Exporting {model.name!r} with training=True needs a loss and weights to train: call "
            "`compile(optimizer, loss)` first."
        )
    return possible if training is None else training


def make_sources(
    model: Any,
    prefix: str,
    training: bool,
    sample_weight: bool = False,
    several: bool = False,
) -> Sources:
    """The C of a library and its data; compiles nothing but what Python itself runs. `several`
    levels of instructions, or that of FNC_TARGET."""
    native = model.steps().native(training, sample_weight)
    tree, known = sources(model, native.blocks, optimizer=training)
    arrays = [(path, TensorType(a.dtype.name, a.shape)) for path, a in tree.datasets()]
    hash = model_hash(native.predict.program, arrays)
    blocks, train_at = data_blocks(native)
    checkpoint, carried = make_checkpoint(tree, known, hash, sum(b.nbytes for b in blocks))
    facts = {
        "hash": hash,
        "build": _build_info(),
        "version": fncompile.__version__,
        "levels": _levels(native, several),
        "train_at": train_at,
    }
    library = describe(native, prefix, checkpoint, facts)
    entries = {e.name: _entry_text(e, prefix) for e in entries_of(native).values()}
    unit, header, data = emit_unit(library), emit_header(library), [*blocks, carried]
    return Sources(library, entries, unit, header, data, measure(native, library))


def _levels(native: Any, several: bool) -> tuple[Level, ...]:
    """That of FNC_TARGET; or all that are worth it on processors of this kind, with that for
    products of bfloat16 where the model has any."""
    if not several:
        return (Level(flag("target"), flag("target")),)
    if platform.machine() not in ("x86_64", "AMD64"):
        return (Level("baseline", "ref"),)
    targets = {"avx512": "x86-64-v4", "avx2": "x86-64-v3", "baseline": "ref"}
    if any(DTYPES[dtype].widens for dtype in native.predict.program.dtypes):
        targets = {"avx512_bf16": "x86-64-v4-bf16", **targets}
    return tuple(Level(name, target, f"_{name}") for name, target in targets.items())


def _entry_text(entry: Any, prefix: str) -> str:
    """Python's own text, unless other names were asked for."""
    return entry.source if prefix == entry.prefix else entry.emit(prefix)


def _build_info() -> str:
    compiler = cache.Compiler.find(open_store())
    version = compiler.version.splitlines()[0] if compiler.version else ""
    return f"fncompile {fncompile.__version__}; {version}; {shlex.join(compiler.flags)}"


# files ------------------------------------------------------------------------------------------


def _write(made: Sources, directory: Path) -> Bundle:
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=directory) as work:
        build(made, Path(work))
        bundle = _bundle(made.library, directory)
        for path in bundle.files:
            os.replace(Path(work) / path.name, path)
    return bundle


def _bundle(library: Library, directory: Path) -> Bundle:
    m = library.prefix
    names = {
        "shared": f"lib{m}.so",
        "soname": texts.soname(library),
        "static": f"lib{m}.a",
        "header": f"{m}.h",
        "wrapper": f"{m}.hpp",
        "pkgconfig": f"{m}.pc",
        "cmake": f"{m}Config.cmake",
        "cmake_version": f"{m}ConfigVersion.cmake",
        "example": f"example_{m}.c",
        "selftest": f"{m}_selftest.c",
        "readme": f"README_{m}.md",
    }
    return Bundle(directory, m, **{field: directory / name for field, name in names.items()})


def build(made: Sources, work: Path) -> None:
    """Make all files of the bundle in `work`, beside what compiling leaves there."""
    m, library = made.library.prefix, made.library
    names = _bundle(library, work)
    for path, text in (
        (names.header, made.header),
        (names.wrapper, emit_wrapper(library)),
        (names.pkgconfig, texts.pkgconfig(library)),
        (names.cmake, texts.cmake(library)),
        (names.cmake_version, texts.cmake_version(library)),
        (names.example, emit_example(library)),
        (names.selftest, emit_selftest(library, made.vectors)),
        (names.readme, texts.readme(library)),
        (work / f"{m}.map", texts.exports(library)),
    ):
        path.write_text(text, encoding="utf-8")
    objects = [path for level in library.levels for path in _level_objects(made, level, work)]
    with override(target="ref"):  # create has to run anywhere, to say that the rest does not
        compiler = cache.Compiler.find(open_store())
    write_data(made.data, work / f"{m}_data.bin")
    for name, text in ((m, made.unit), (f"{m}_data", data_unit(m))):
        objects.append(toolchain.compile_object(compiler.command, text, name, compiler.flags, work))
    soname = texts.soname(library)
    shared = [f"-Wl,-soname,{soname}", "-Wl,-z,relro,-z,now", "-Wl,-z,noexecstack"]
    shared.append(f"-Wl,--version-script={m}.map")
    toolchain.link_shared(compiler.command, objects, work / soname, shared)
    names.shared.symlink_to(soname)
    toolchain.make_archive(compiler.command, objects, names.static)


def _level_objects(made: Sources, level: Level, work: Path) -> list[Path]:
    """The entries compiled for a level, under names that say whose they are, for the archive."""
    library, found = made.library, []
    with override(target=level.target):
        built = cache.build_objects(made.entries, _renamed(made, level))
        built |= cache.build_objects({"needs": needs_unit(library, level)})
    for name, path in built.items():
        found.append(work / f"{library.prefix}_{name}{level.suffix}.o")
        found[-1].write_bytes(path.read_bytes())
    return found


def _renamed(made: Sources, level: Level) -> list[str]:
    """What gives the functions that units export the level's suffix."""
    if not level.suffix:
        return []
    found = {n for text in made.entries.values() for n in re.findall(r"FNC_EXPORT \w+ (\w+)", text)}
    return [f"-D{name}={name}{level.suffix}" for name in sorted(found)]
