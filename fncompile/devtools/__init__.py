"""Looking into the compiler and its results: what the FNC_* switches and `model.explain()` show."""

from __future__ import annotations

from collections.abc import Sequence

from fncompile.flags import flag
from fncompile.ir.node import Program
from fncompile.passes.manager import Context
from fncompile.runtime.block import Block
from fncompile.runtime.entry import CompiledEntry, Entry
from fncompile.runtime.entry import build_entry as build_plain


def build_entry(
    program: Program, kind: str, name: str, blocks: Sequence[Block], context: Context, prefix: str
) -> Entry:
    """As `runtime.entry.build_entry`, watched and run kernel by kernel as the switches say."""
    if not any(flag(name) for name in ("debug", "dump", "explain", "verify")):
        return _build(program, kind, name, blocks, context, prefix)
    from fncompile.devtools.observe import observer, show_source

    title = f"{prefix}_{name}"
    context.observe = observer(title, context)
    entry = _build(program, kind, name, blocks, context, prefix)
    if isinstance(entry, CompiledEntry):
        show_source(title, lambda: entry.source)
    return entry


def _build(
    program: Program, kind: str, name: str, blocks: Sequence[Block], context: Context, prefix: str
) -> Entry:
    if (flag("check") or flag("nan") or flag("profile")) and not flag("interp"):
        from fncompile.devtools.stepwise import StepwiseEntry
        from fncompile.passes.manager import transform

        return StepwiseEntry(transform(program, kind, context), kind, name, blocks, context, prefix)
    return build_plain(program, kind, name, blocks, context, prefix)
