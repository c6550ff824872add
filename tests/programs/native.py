"""Compile a Program and run it on arrays, without a model around it."""

from __future__ import annotations

import numpy as np

from fncompile.ir import interp
from fncompile.ir.elements import decode, encode
from fncompile.ir.node import Program
from fncompile.passes.manager import Context, lower
from fncompile.plan.interp import run_plan
from fncompile.runtime.block import Block
from fncompile.runtime.entry import CompiledEntry, build_entry


def compiled(program: Program) -> CompiledEntry:
    """The program as an entry whose parameters lie in one block called `weights`."""
    block = Block("weights", [(p["name"], p.type) for p in program.params])
    entry = build_entry(program, "infer", "program", [block], Context())
    assert isinstance(entry, CompiledEntry)
    return entry


def run(entry: CompiledEntry, inputs, params) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    """Outputs, and every parameter afterwards."""
    block = entry.blocks[0]
    for name, value in params.items():
        block.view(name)[...] = encode(value, block.types[name].dtype)
    entry.prepare(entry._prepared_for + 1)
    dtypes = [node.dtype for node in entry.program.inputs]
    outputs = entry.run([np.ascontiguousarray(encode(a, d)) for a, d in zip(inputs, dtypes)])
    after = {name: decode(block.view(name), block.types[name].dtype).copy() for name in params}
    types = [node.dtype for node in entry.program.outputs.values()]
    return [decode(a, d) for a, d in zip(outputs, types)], after


def stages(program: Program):
    """(pass name, result) after each pass, and the final plan."""
    seen: list = []
    plan = lower(
        program, "infer", Context(observe=lambda name, result: seen.append((name, result)))
    )
    return seen, plan


def run_planned(program: Program, plan, inputs, params):
    """As `run`, by the Plan interpreter."""
    dtypes = {p["name"]: p.dtype for p in program.params}
    after = {name: encode(value, dtypes[name]).copy() for name, value in params.items()}
    outputs = run_plan(plan, inputs, after, interp.bind_symbols(program, inputs))
    types = [node.dtype for node in program.outputs.values()]
    after = {name: decode(value, dtypes[name]) for name, value in after.items()}
    return [decode(a, d) for a, d in zip(outputs, types)], after
