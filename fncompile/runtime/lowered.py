"""A program as C text and what its caller must know, remembered between processes.

Planning and printing take longer than all else in a warm start, so their result is stored under a
hash of the program's text, the places and runs of its parameters, and the compiler's own source.
Switches that look into the pipeline, or change it, go around the store.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fncompile
from fncompile.codegen.place import Place
from fncompile.flags import flag, looked_into
from fncompile.ir.dims import Dim, dim_text, parse_dim
from fncompile.ir.node import Program
from fncompile.ir.text import print_program
from fncompile.ir.types import TensorType, parse_type
from fncompile.passes.manager import Context, plan
from fncompile.plan.machine import drawn, machine
from fncompile.runtime import toolchain
from fncompile.runtime.store import open_store

if TYPE_CHECKING:
    from fncompile.plan.types import Plan


@dataclass(frozen=True)
class Lowered:
    """`units` are C texts to be compiled at once and linked; `arena` and `row_bytes` (one an input)
    are in bytes, over `symbols`; `amount` is the work of a call, see `plan.cost.amount`."""

    units: tuple[str, ...]
    outputs: tuple[TensorType, ...]
    symbols: tuple[str, ...]
    arena: Dim
    prepared: int
    has_prepare: bool
    has_steps: bool
    row_bytes: tuple[Dim, ...]
    amount: Dim

    @classmethod
    def of(cls, made: Plan, units: Sequence[str]) -> Lowered:
        from fncompile.codegen.entries import plan_has_steps, row_bytes
        from fncompile.plan.cost import amount

        has_steps = plan_has_steps(made)
        return cls(
            tuple(units),
            tuple(b.type for b in made.outputs),
            tuple(made.symbols),
            made.arena,
            made.prepared,
            bool(made.prepare),
            has_steps,
            tuple(row_bytes(b) for b in made.inputs) if has_steps else (),
            amount(made.steps),
        )

    def to_json(self) -> str:
        return json.dumps({
            "units": self.units,
            "outputs": [str(t) for t in self.outputs],
            "symbols": self.symbols,
            "arena": dim_text(self.arena),
            "prepared": self.prepared,
            "has_prepare": self.has_prepare,
            "has_steps": self.has_steps,
            "row_bytes": [dim_text(d) for d in self.row_bytes],
            "amount": dim_text(self.amount),
        })

    @classmethod
    def from_json(cls, text: str) -> Lowered:
        found: dict[str, Any] = json.loads(text)
        return cls(
            tuple(found["units"]),
            tuple(parse_type(t) for t in found["outputs"]),
            tuple(found["symbols"]),
            parse_dim(found["arena"]),
            found["prepared"],
            found["has_prepare"],
            found["has_steps"],
            tuple(parse_dim(d) for d in found["row_bytes"]),
            parse_dim(found["amount"]),
        )


@contextmanager
def numbers_of_target() -> Iterator[None]:
    """Inside, numbers are those of the machine to compile for."""
    emulated = {} if toolchain.multiplies_bfloat16() else {"narrow": machine().narrow_emulated}
    with drawn(**emulated):
        yield


@numbers_of_target()
def lowered(
    program: Program,
    kind: str,
    name: str,
    prefix: str,
    places: Mapping[str, Place],
    context: Context,
) -> Lowered:
    """The transformed `program` as C, from the store where it has been made before."""
    one_by_one = flag("check") or flag("nan") or flag("profile")

    def make() -> Lowered:
        from fncompile.codegen.program import emit_units  # a warm start does without

        made = plan(program, kind, context)
        return Lowered.of(made, emit_units(made, places, prefix, name, one_by_one))

    if looked_into() or context.observe is not None:
        return make()

    def write(directory: Path) -> None:
        (directory / "lowered.json").write_text(make().to_json(), encoding="utf-8")

    facts = repr(sorted(places.items())), repr(machine()), repr(context.runs)
    key = _key(print_program(program), kind, name, prefix, *facts)
    found = open_store().entry(key, write) / "lowered.json"
    return Lowered.from_json(found.read_text(encoding="utf-8"))


def _key(*parts: str) -> str:
    digest = hashlib.blake2b(digest_size=20)
    for part in (*parts, compiler_digest()):
        digest.update(len(part).to_bytes(8, "little") + part.encode())
    return digest.hexdigest()


@functools.lru_cache(maxsize=1)
def compiler_digest() -> str:
    """A hash of the files that turn programs into C: their names, sizes and times."""
    root = Path(fncompile.__file__).parent
    rooms = ("ir", "autodiff", "plan", "passes", "codegen")
    files = sorted(path for room in rooms for path in (root / room).rglob("*.py"))
    stats = [(path.relative_to(root), os.stat(path)) for path in files]
    facts = [f"{name} {s.st_size} {s.st_mtime_ns}" for name, s in stats]
    return hashlib.blake2b(
        "\n".join([fncompile.__version__, *facts]).encode(), digest_size=16
    ).hexdigest()
