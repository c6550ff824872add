"""Add the gradient of the loss for every trainable parameter; or give those of inputs.

Requires: an output called `loss`, a scalar. Ensures: an output `grad:<name>` for each name in
`context.trainable`; markers have done their work and are gone.
"""

from __future__ import annotations

from dataclasses import replace

from fncompile.autodiff import gradients
from fncompile.ir import build
from fncompile.ir.node import Node, Program, rebuild
from fncompile.ir.ops import OPS


def differentiate(program: Program, context) -> Program:
    by_name = {p["name"]: p for p in program.params}
    names = [n for n in context.trainable if n in by_name]
    grads = gradients(program.outputs["loss"], [by_name[n] for n in names])
    outputs = {**program.outputs, **{f"grad:{n}": g for n, g in zip(names, grads)}}
    return drop_markers(replace(program, outputs=outputs))


def input_gradients(program: Program, context) -> Program:
    """In place of the outputs, `d_<input>` for each real input, where `context.seeds` names for
    each output the input that is its gradient. What joins sizes has to come before, so that no
    input is taken for one that is broadcast."""
    by_name = {p["name"]: p for p in program.inputs}
    seeds = {k: by_name[name] for k, name in context.seeds.items()}
    wanted = [
        p for p in program.inputs if p.type.kind == "f" and p not in set(seeds.values())
    ]
    sums = [build.full(p.shape, 0, p.dtype) for p in wanted]
    for name, seed in seeds.items():
        parts = gradients(program.outputs[name], wanted, seed)
        sums = [build.ew("add", s, g) for s, g in zip(sums, parts)]
    outputs = {f"d_{p['name']}": s for p, s in zip(wanted, sums)}
    return drop_markers(replace(program, outputs=outputs))


def drop_markers(program: Program, context=None) -> Program:
    """Remove what only differentiation reads: markers are their first source."""

    def visit(node: Node, src: tuple[Node, ...]) -> Node | None:
        return src[0] if OPS[node.op].family == "marker" else None

    return program.map(rebuild(program.roots, visit).__getitem__)
