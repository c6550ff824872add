"""What the self-test of a library compares with: what Python computes from inputs that C can make.

Requires the entries and memories of `session.exported`. Ensures that these are left as they were.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from fncompile.export.api.library import Library, Port
from fncompile.export.halves import lies_in_bits
from fncompile.flags import flag
from fncompile.ir.dims import evaluate
from fncompile.ir.types import DTYPES
from fncompile.runtime.entry import InterpretedEntry

BATCH, LENGTHS, MOST = 2, (3, 8, 32, 128), 16  # MOST: values that are kept of an array
_WORDS = 1 << 16  # that are digested at once


@dataclass(frozen=True)
class Vectors:
    """`sizes` by symbol. Of each array `kept` values at equal distances: see `places`."""

    sizes: dict[str, int]
    outputs: list[np.ndarray]
    loss: float | None = None  # of the first batch, where the library trains
    gradients: tuple[np.ndarray, ...] | None = None  # of each weight that get_params gives
    digest: int = 0
    tolerance: float = 1e-4


def places(count: int) -> range:
    """Which elements of an array of so many are kept."""
    return range(0, count, max(1, -(-count // MOST)))


def value_of(port: Port) -> tuple[int, bool]:
    """Element i of an input is i % the number, or, where that is said, a real number made of it."""
    if port.type.kind == "f" and not port.known and port.role != "weight":
        return 16 if lies_in_bits(port.type.dtype) else 19, True  # a half holds sixteenths exactly
    if port.role == "weight":
        return 1, False
    return (int(port.known.split()[2]) + 1 if port.known else 2), False


def fill(port: Port, sizes: dict[str, int]) -> np.ndarray:
    """An input as the C of `selftest` makes it."""
    shape = tuple(evaluate(d, sizes) for d in port.type.shape)
    numbers = np.arange(int(np.prod(shape)))
    many, real = value_of(port)
    dtype = DTYPES[port.type.dtype].border
    if real:
        found = (numbers * 7 % many).astype(dtype) / dtype.type(many) - dtype.type(0.5)
    elif port.role == "weight":
        found = np.ones(numbers.size)
    else:
        found = numbers % many
    return np.ascontiguousarray(found.astype(dtype).reshape(shape))


def measure(native: Any, library: Library) -> Vectors:
    """ValueError where no length that is tried fits the model."""
    others = [s for s in library.symbols if s != "B"]
    batch = BATCH if library.batch is None else library.batch
    for length in LENGTHS:
        sizes = {"B": batch, **dict.fromkeys(others, length)}
        try:
            return _measured(native, library, sizes)
        except ValueError:
            if length == LENGTHS[-1] or not others:
                raise
    raise AssertionError


def _measured(native: Any, library: Library, sizes: dict[str, int]) -> Vectors:
    outputs = _run(native, native.predict, library.steps["predict"].inputs, sizes)
    ports = library.steps["predict"].outputs
    narrow = any(p.narrow or lies_in_bits(p.type.dtype) for p in library.params)
    narrow |= any(lies_in_bits(p.type.dtype) for p in ports)
    tolerance = 0.05 if narrow else 1e-8 if library.param_dtype == "float64" else 2e-4
    kept = [_kept(o) for o in outputs]
    digest = _digest(native, library)
    if native.training is None:
        return Vectors(sizes, kept, digest=digest, tolerance=tolerance)
    if native.training.gradient is None:
        loss = _loss_of_step(native, library, sizes)
        return Vectors(sizes, kept, loss, None, digest, tolerance)
    loss, gradients = _gradients(native, library, sizes)
    return Vectors(sizes, kept, loss, gradients, digest, tolerance)


def _kept(array: np.ndarray) -> np.ndarray:
    return array.ravel()[list(places(array.size))].astype("float64")


def _run(native: Any, entry: Any, ports: Sequence[Port], sizes: dict[str, int]) -> list[np.ndarray]:
    """By the interpreter where this machine may not have the target's instructions."""
    arrays = [fill(p, sizes) for p in ports]
    with _first_state(native):
        if flag("target") != "native":
            return InterpretedEntry(entry.program, entry.blocks).run(arrays)
        version = native.memories[0].version
        if not entry.is_prepared(version):
            entry = entry.twin()  # packed weights are as large as the model: they are not kept
            entry.prepare(version)
        return entry.run(arrays)


@contextmanager
def _first_state(native: Any) -> Iterator[None]:
    """Inside, what predictions leave to the next ones is as before any."""
    memory = native.state.block.memory if native.state else np.empty(0, np.uint8)
    present = memory.copy()
    memory[:] = native.first_state
    try:
        yield
    finally:
        memory[:] = present


def _gradients(
    native: Any, library: Library, sizes: dict[str, int]
) -> tuple[float, tuple[np.ndarray, ...]]:
    entry = native.training.gradient
    views = {
        p["name"]: next(b.view(p["name"]) for b in entry.blocks if p["name"] in b.offsets)
        for p in entry.program.updates
    }
    sums = {run.gradient["name"] for run in native.runs}
    before = {k: v.copy() for k, v in views.items() if k not in sums}
    loss = float(_run(native, entry, library.steps["gradient"].inputs, sizes)[-1])
    found = tuple(_gradient(native, p) for p in library.params if p.first is not None)
    for name, view in views.items():
        view[...] = before.get(name, 0)
    native.memories[0].version += 1
    return loss, found


def _loss_of_step(native: Any, library: Library, sizes: dict[str, int]) -> float:
    """Of the first step since the metrics were reset, which is then undone."""
    training, memories = native.training, native.memories
    entry = training.train_step
    before = [m.block.memory[: m.state_bytes].copy() for m in memories]
    for variable, value in zip(training.metric_variables, training.reset_values, strict=True):
        variable.assign(value)
    (loss,) = _run(native, entry, library.steps["train_step"].inputs, sizes)
    for memory, values in zip(memories, before, strict=True):
        memory.block.memory[: memory.state_bytes] = values
        memory.version += 1
    return float(loss)


def _gradient(native: Any, param: Any) -> np.ndarray:
    count = evaluate(param.type.size, {})
    if param.part is None:
        return np.zeros(len(places(count)))
    memory = native.memories[1].block.memory
    storage = DTYPES["bfloat16" if param.narrow else param.type.dtype].storage
    start = param.part.gradient
    flat = memory[start : start + count * storage.itemsize].view(storage)
    picked = flat[list(places(count))]
    return _widened(picked, param.narrow)


def _widened(values: np.ndarray, narrow: bool) -> np.ndarray:
    if narrow:
        values = (values.astype("uint32") << 16).view("float32")
    return values.astype("float64")


def _digest(native: Any, library: Library) -> int:
    """Of what get_params gives, as words of 32 bits, or 16 of halves: the sum of (2 i + 1) times
    word i, modulo 2**64. A change of any one word changes it."""
    size = word_bytes(library)
    weights = native.memories[0].block.memory
    total = at = 0
    for param in library.params:
        count = evaluate(param.type.nbytes, {}) // size
        if param.first is None:
            continue
        for start in range(0, count, _WORDS):
            words = _words(weights, param, size, start, min(count - start, _WORDS))
            factors = 2 * np.arange(at + start, at + start + words.size, dtype="uint64") + 1
            total += int((words * factors).sum(dtype="uint64"))
        at += count
    return total % 2**64


def word_bytes(library: Library) -> int:
    """Of a word of the digest."""
    return min(DTYPES[library.param_dtype].size, 4)


def _words(weights: np.ndarray, param: Any, size: int, start: int, count: int) -> np.ndarray:
    """Words of the array of a weight, from `start` on."""
    size = 2 if param.narrow else size
    first = param.offset + start * size
    raw = weights[first : first + count * size].view(f"<u{size}").astype("uint64")
    return raw << 16 if param.narrow else raw
