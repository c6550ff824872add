"""`export`: everything a native program needs to link a model, in one directory.

The objects are those that Python's own calls run; the generated unit adds the public functions,
a blob the weights. Files appear in the directory when all of them are made, each as a whole.
"""

from __future__ import annotations

import os
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fncompile
from fncompile.export import texts
from fncompile.export.api.header import emit_header
from fncompile.export.api.library import Library
from fncompile.export.api.unit import emit_unit
from fncompile.export.checkpoint import make_checkpoint, sources
from fncompile.export.data import data_blocks, data_unit, write_data
from fncompile.export.describe import describe, entries_of, model_hash
from fncompile.export.example import emit_example
from fncompile.export.prefix import model_prefix
from fncompile.flags import override
from fncompile.ir.types import TensorType
from fncompile.runtime import cache, toolchain
from fncompile.runtime.store import open_store


@dataclass(frozen=True)
class Bundle:
    """The files of an export; `prefix` begins every C name.

    `directory` holds all; `shared`, `static`, `header`, `pkgconfig`, `example` and `readme` are the
    paths of the files.

    >>> model = fncompile.Sequential([fncompile.Input((2,)), layers.Dense(1)], name="tiny")
    >>> bundle = model.export("build")
    >>> bundle.prefix, bundle.header.name, bundle.shared.name
    ('tiny', 'tiny.h', 'libtiny.so')
    """

    directory: Path
    prefix: str
    shared: Path
    static: Path
    header: Path
    pkgconfig: Path
    example: Path
    readme: Path


@dataclass(frozen=True)
class Sources:
    """The library before it is compiled: units of C by name, the header, and the binary data."""

    library: Library
    entries: dict[str, str]
    unit: str
    header: str
    data: list[Any]  # of buffers, to be written one after the other


def export(
    model: Any,
    directory: str | os.PathLike[str],
    *,
    prefix: str | None = None,
    training: bool | None = None,
    sample_weight: bool = False,
    target: str | None = None,
) -> Bundle:
    """Write `lib<prefix>.so`, `lib<prefix>.a`, `<prefix>.h`, `<prefix>.pc`, an example and a
    README.

    `prefix` begins every C name, by default the model's name. With `training`, by default if
    the model is compiled with a loss, the library trains too, and takes sample weights if
    `sample_weight` says so or the model was trained with them. `target` is the machine to
    compile for as in FNC_TARGET, by default this one. The data types of targets are those the
    model was last trained with, or else what its losses ask for: int32 class numbers, or the
    dtype of the output.

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
    with override(**({"target": target} if target else {})):
        made = make_sources(model, prefix, _wants_training(model, training), sample_weight)
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


def make_sources(model: Any, prefix: str, training: bool, sample_weight: bool = False) -> Sources:
    """The C of a library and its data; compiles nothing but what Python itself runs."""
    native = model.steps().native(training, sample_weight)
    tree, known = sources(model, native.memories, optimizer=training)
    arrays = [(path, TensorType(a.dtype.name, a.shape)) for path, a in tree.datasets()]
    hash = model_hash(native.predict.program, arrays)
    blocks, train_at = data_blocks(native)
    checkpoint, carried = make_checkpoint(tree, known, hash, sum(b.nbytes for b in blocks))
    facts = {
        "hash": hash,
        "build": _build_info(),
        "version": fncompile.__version__,
        "train_at": train_at,
    }
    library = describe(native, prefix, checkpoint, facts)
    entries = {e.name: _entry_text(e, prefix) for e in entries_of(native).values()}
    return Sources(library, entries, emit_unit(library), emit_header(library), [*blocks, carried])


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
        bundle = _bundle(made.library.prefix, directory)
        for path in (
            bundle.shared,
            bundle.static,
            bundle.header,
            bundle.pkgconfig,
            bundle.example,
            bundle.readme,
        ):
            os.replace(Path(work) / path.name, path)
    return bundle


def _bundle(prefix: str, directory: Path) -> Bundle:
    names = (
        f"lib{prefix}.so",
        f"lib{prefix}.a",
        f"{prefix}.h",
        f"{prefix}.pc",
        f"example_{prefix}.c",
    )
    return Bundle(
        directory, prefix, *(directory / n for n in names), directory / f"README_{prefix}.md"
    )


def build(made: Sources, work: Path) -> None:
    """Make all files of the bundle in `work`, beside what compiling leaves there."""
    m, library = made.library.prefix, made.library
    for name, text in (
        (f"{m}.h", made.header),
        (f"{m}.pc", texts.pkgconfig(library)),
        (f"{m}.map", texts.exports(library)),
        (f"example_{m}.c", emit_example(library)),
        (f"README_{m}.md", texts.readme(library)),
    ):
        (work / name).write_text(text, encoding="utf-8")
    built = cache.build_library(made.entries, keep_objects=True).objects
    objects = _named_after(m, built, work)
    compiler = cache.Compiler.find(open_store())
    write_data(made.data, work / f"{m}_data.bin")
    for name, text in ((m, made.unit), (f"{m}_data", data_unit(m))):
        objects.append(toolchain.compile_object(compiler.command, text, name, compiler.flags, work))
    shared = [f"-Wl,-soname,lib{m}.so", "-Wl,-z,relro,-z,now", "-Wl,-z,noexecstack"]
    shared.append(f"-Wl,--version-script={m}.map")
    toolchain.link_shared(compiler.command, objects, work / f"lib{m}.so", shared)
    toolchain.make_archive(compiler.command, objects, work / f"lib{m}.a")


def _named_after(prefix: str, objects: dict[str, Path], work: Path) -> list[Path]:
    """Copies of the objects under names that say whose they are, for the archive."""
    found = []
    for name, path in objects.items():
        found.append(work / f"{prefix}_{name}.o")
        found[-1].write_bytes(path.read_bytes())
    return found
