"""The comment above each kernel: where it comes from, what it computes, how much it moves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from fncompile.codegen.affine import index
from fncompile.codegen.cprint import expression
from fncompile.codegen.ctree import Name
from fncompile.ir.dims import Dim, dim_text, product
from fncompile.ir.types import DTYPES
from fncompile.passes.plan import (
    Apply,
    Bits,
    Buffer,
    Const,
    Expr,
    GatherLoad,
    Guarded,
    Index,
    Kernel,
    Load,
    Plan,
    Stage,
    Value,
    children,
    reads,
    root_buffer,
    writes,
)

SYMBOLS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "lt": "<", "le": "<=", "eq": "=="}
AXES = "ijklpqtuw"  # r, s and v with a number are values: r0 is no block of an axis r


def kernel_comment(kernel: Kernel) -> str:
    """Several lines."""
    lines = [f"{kernel.name}: {', '.join(kernel.origins) or 'no layer'}"]
    lines += [f"  {line}" for line in stage_lines(kernel)]
    lines.append(
        f"  {dim_text(flops(kernel))} flops; reads {dim_text(_bytes(kernel, reads))}, writes "
        f"{dim_text(_bytes(kernel, writes))} bytes"
    )
    return "\n".join(lines)


def stage_lines(kernel: Kernel) -> list[str]:
    """One line a stage, with loops separated by a dash."""
    lines, number = [], 0
    for position, loop in enumerate(kernel.loops):
        for stage in loop.stages:
            lines.append(("" if position == 0 else "then ") + _stage_text(stage, number))
            number += 1
    return lines


def _stage_text(stage: Stage, number: int) -> str:
    names = "gmnk" if stage.product else AXES
    axes = ", ".join(f"{names[i]}<{dim_text(d)}" for i, d in enumerate(stage.domain))
    target = ", ".join(f"{s.buffer.name}[{_at(s.at, names)}]" for s in stage.stores) or f"v{number}"
    if stage.product:
        a, b, k = stage.product.a, stage.product.b, dim_text(stage.product.shape[3])
        body = (
            f"sum k<{k}: {a.buffer.name}[{_at(a.at, 'gmk')}] * {b.buffer.name}[{_at(b.at, 'gkn')}]"
        )
    else:
        body = text(stage.expr, names)
        if stage.kind != "map":
            over = ", ".join(names[len(stage.kept) + i] for i in range(stage.reduced))
            body = f"{stage.kind}{f' over {over}' if over else ''}: {body}"
    return f"{target} = {body}   for {axes or 'one value'}"


def _at(at, names: str) -> str:
    return expression(index(at, [Name(n) for n in names]))


def text(expr: Expr, names: str = AXES, depth: int = 0) -> str:
    """A formula; parts nested deeper than 12 are shown as dots."""
    if depth > 12:
        return "…"
    if isinstance(expr, Load):
        return f"{expr.buffer.name}[{_at(expr.at, names)}]"
    if isinstance(expr, Const):
        return str(expr.value)
    if isinstance(expr, Value):
        return f"v{expr.stage}"
    if isinstance(expr, Index):
        return _at(expr.at, names)
    parts = [text(c, names, depth + 1) for c in children(expr)]
    if isinstance(expr, Apply):
        return _call(expr, parts)
    if isinstance(expr, Guarded):
        inside = " and ".join(f"0 <= {_at(a, names)} < {dim_text(d)}" for a, d in expr.conditions)
        return f"({parts[0]} if {inside} else {parts[1]})"
    if isinstance(expr, GatherLoad):
        return f"{expr.buffer.name}[row {parts[0]}][{_at(expr.at, names)}]"
    assert isinstance(expr, Bits)
    return f"bits({expr.seed.name}, {_at(expr.at, names)})"


def _call(expr: Apply, parts: Sequence[str]) -> str:
    if expr.fn in SYMBOLS:
        return f"({parts[0]} {SYMBOLS[expr.fn]} {parts[1]})"
    if expr.fn == "select":
        return f"({parts[1]} if {parts[0]} else {parts[2]})"
    if expr.fn == "neg":
        return f"-{parts[0]}"
    return f"{DTYPES[expr.dtype].short if expr.fn == 'cast' else expr.fn}({', '.join(parts)})"


def flops(kernel: Kernel) -> Dim:
    """Scalar functions computed, each counted as one; a multiply-add as two."""
    total: Dim = 0
    for stage in kernel.stages:
        if stage.product:
            total = total + product(stage.product.shape) * 2
        total = total + stage.size * (
            _applications(stage.expr) + (1 if stage.kind not in ("map", "dot", "pack") else 0)
        )
    return total


def _applications(expr: Expr) -> int:
    seen: set[Expr] = set()
    stack = [expr]
    while stack:
        e = stack.pop()
        if e not in seen:
            seen.add(e)
            stack.extend(children(e))
    return sum(isinstance(e, Apply) for e in seen)


def _bytes(kernel: Kernel, which: Callable[[Kernel], set[Buffer]]) -> Dim:
    places = {(root_buffer(b), _start(b), b.type.nbytes) for b in which(kernel)}
    return sum((nbytes for _, _, nbytes in places), 0)


def _start(buffer: Buffer) -> Dim:
    return 0 if buffer.base is None else _start(buffer.base) + buffer.offset


def moved_bytes(kernel: Kernel) -> Dim:
    """Bytes of every piece of memory that the kernel reads or writes, each counted once for
    either."""
    return _bytes(kernel, reads) + _bytes(kernel, writes)


def amount(kernels: Iterable[Kernel]) -> Dim:
    """The work of kernels in multiply-adds of a product, or what takes as long: some four for each
    scalar function and one for each byte moved. Rough: it only tells small calls from large."""
    total: Dim = 0
    for kernel in kernels:
        products = sum((product(s.product.shape) for s in kernel.stages if s.product), 0)
        total = total + products + (flops(kernel) - products * 2) * 4 + moved_bytes(kernel)
    return total


def plan_text(plan: Plan) -> str:
    """The whole plan: memory, then each kernel with its stages."""
    lines = [
        f"plan  symbols {', '.join(plan.symbols) or 'none'}; arena {dim_text(plan.arena)} bytes"
    ]
    lines += [
        f"  {b.kind} {b.name} : {b.type}" for b in (*plan.inputs, *plan.params, *plan.outputs)
    ]
    lines += [f"  arena {b.name} : {b.type} at {dim_text(at)}" for b, at in plan.offsets.items()]
    lines += [f"  prepared {b.name} : {b.type} at {at}" for b, at in plan.prepared_offsets.items()]
    for kernel in (*plan.prepare, *plan.kernels):
        lines += ["", kernel_comment(kernel)]
    return "\n".join(lines) + "\n"
