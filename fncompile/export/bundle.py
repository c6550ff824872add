"""`export`: everything a native program needs to link a model, in one directory.

The objects are those that Python's own calls run; the generated unit adds the public functions,
a blob the weights. Files appear in the directory when all of them are made, each as a whole.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import fncompile
from fncompile.export.api.library import Level
from fncompile.export.build import Bundle, Sources, Wanted, write
from fncompile.export.checkpoint import make_checkpoint
from fncompile.export.checkpoint import sources as places
from fncompile.export.data import data_blocks
from fncompile.export.describe import describe, entries_of, model_hash
from fncompile.export.exported import ExportedModel
from fncompile.export.prefix import model_prefix
from fncompile.export.systems import System
from fncompile.export.vectors import measure
from fncompile.flags import flag, override
from fncompile.ir.types import DTYPES, TensorType
from fncompile.runtime import cache
from fncompile.runtime.entry import CompiledEntry
from fncompile.runtime.store import open_store

if TYPE_CHECKING:
    from fncompile.session.exported import Native

HOST = System.of("")
MOST_TEXT = 64 << 20  # bytes of data as C: more takes compilers minutes


def export(
    model: ExportedModel,
    directory: str | os.PathLike[str],
    *,
    prefix: str | None = None,
    training: bool | None = None,
    sample_weight: bool = False,
    march: str | None = None,
    target: str | None = None,
    sources: bool = False,
    freestanding: bool = False,
    weights: str = "embedded",
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

    `target` is another system, as zig calls it: "aarch64-linux-gnu", "aarch64-macos",
    "x86_64-windows-gnu", "wasm32-wasi" and others. It needs `pip install fncompile[zig]`.

    `sources` adds `<prefix>.c`, the whole library as one file of C99 for any compiler, and its
    weights as `<prefix>_weights.c`. `freestanding` writes these alone, with header, example and
    self-test, and asks nothing of a system but memcpy and math.h: no heap, files or threads.

    `weights="file"` keeps the weights out of the library, in `<prefix>.weights`, which contexts
    map when they are told where it is (`_create_with`): any number of processes share it.

    What is bfloat16 in the model is float32 for the library's callers and in its files.

    ValueError for a prefix that is no C name, for training without a compiled loss, for a model
    without fixed inputs that was never called, and for choices that exclude each other.
    CompileError, ToolchainError and OSError as they come; the files of an earlier export are then
    untouched.

    `model`: a built model; `directory`: a path, made if it is not there.

    >>> model = fncompile.Sequential([fncompile.Input((2,)), layers.Dense(1)], name="tiny")
    >>> bundle = model.export("build")
    >>> bundle.header.name
    'tiny.h'
    """
    prefix = _checked_prefix(model, prefix)
    training = _wants_training(model, training)
    wanted = Wanted(System.of(target or ""), not freestanding, sources or freestanding)
    _check_choices(weights, target, freestanding)
    with override(**({"target": march} if march else {})):
        several = not march and (flag("target") == "native" or bool(target))
        made = make_sources(
            model, prefix, training, sample_weight, several, wanted.system,
            embedded=weights == "embedded", freestanding=freestanding,
        )  # fmt: skip
        if wanted.sources and made.library.embedded and made.library.data_bytes > MOST_TEXT:
            raise ValueError(
                f"The weights of {model.name!r} are {made.library.data_bytes >> 20} MB, too many "
                "for C text: export them with weights='file'."
            )
        return write(made, wanted, Path(directory).resolve())


def _check_choices(weights: str, target: str | None, freestanding: bool) -> None:
    if weights not in ("embedded", "file"):
        raise ValueError(f"`weights` must be 'embedded' or 'file'. Received: weights={weights!r}")
    if freestanding and (target or weights == "file"):
        raise ValueError(
            "freestanding=True writes sources for any system, with their weights: it goes with "
            f"neither `target` nor weights='file'. Received: target={target!r}, "
            f"weights={weights!r}"
        )


def _checked_prefix(model: ExportedModel, prefix: str | None) -> str:
    if prefix is None:
        return model_prefix(model.name)
    if model_prefix(prefix) != prefix:
        raise ValueError(
            "`prefix` must be a C name in lower case, of 3 to 100 characters without double "
            "underscores, that no header or library of the system has, nor the runtime (`fnc`)."
            f" Received: prefix={prefix!r}; {model_prefix(prefix)!r} would do."
        )
    return prefix


def _wants_training(model: ExportedModel, training: bool | None) -> bool:
    possible = model.steps().can_train()
    if training and not possible:
        raise ValueError(
            f"Exporting {model.name!r} with training=True needs a loss and weights to train: call "
            "`compile(optimizer, loss)` first."
        )
    return possible if training is None else training


def make_sources(
    model: ExportedModel,
    prefix: str,
    training: bool,
    sample_weight: bool = False,
    several: bool = False,
    system: System = HOST,
    embedded: bool = True,
    freestanding: bool = False,
) -> Sources:
    """The C of a library and its data; compiles nothing but what Python itself runs. `several`
    levels of instructions, or that of FNC_TARGET."""
    native = model.steps().native(training, sample_weight)
    tree, known = places(model, native.blocks, optimizer=training)
    arrays = [(path, TensorType(a.dtype.name, a.shape)) for path, a in tree.datasets()]
    hash = model_hash(native.predict.program, arrays)
    blocks, train_at = data_blocks(native)
    checkpoint, carried = make_checkpoint(tree, known, hash, sum(b.nbytes for b in blocks))
    data = [*blocks, carried]
    facts = {
        "hash": hash,
        "data_bytes": sum(b.nbytes for b in blocks) + len(carried),
        "build": _build_info(),
        "version": fncompile.__version__,
        "levels": _levels(native, system, several),
        "train_at": train_at,
        "embedded": embedded,
        "freestanding": freestanding,
    }
    library = describe(native, prefix, checkpoint, facts)
    entries = {e.name: _entry_text(e, prefix) for e in entries_of(native).values()}
    vectors = measure(native, library)
    return Sources(library, entries, data, vectors)


def _levels(native: Native, system: System, several: bool) -> tuple[Level, ...]:
    """That of FNC_TARGET; or all that are worth it on processors of this kind, with those for
    products of bfloat16 where the model has any; of others than x86-64 the one that all have."""
    if not several:
        return (Level(flag("target"), flag("target")),)
    if not system.is_x86_64:
        return (Level("baseline", "ref", "_baseline"),)
    targets = {"avx512": "x86-64-v4", "avx2": "x86-64-v3", "baseline": "ref"}
    narrow = any(DTYPES[dtype].tile == "bf16" for dtype in native.predict.program.dtypes)
    if narrow and system.kind == "elf" and not system.triple:
        targets = {"amx": "x86-64-v4-amx", "avx512_bf16": "x86-64-v4-bf16", **targets}
    return tuple(Level(name, target, f"_{name}") for name, target in targets.items())


def _entry_text(entry: CompiledEntry, prefix: str) -> str:
    """Python's own text, unless other names were asked for."""
    return entry.source if prefix == entry.prefix else entry.emit(prefix)


def _build_info() -> str:
    compiler = cache.Compiler.find(open_store())
    version = compiler.version.splitlines()[0] if compiler.version else ""
    return f"fncompile {fncompile.__version__}; {version}; {shlex.join(compiler.flags)}"
