"""The comment above each kernel: where it comes from, what it computes, how much it moves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fncompile.ir.dims import C_STYLE, Dim, Poly, dim_text
from fncompile.ir.types import DTYPES, number_text
from fncompile.plan.cost import flops, read_bytes, written_bytes
from fncompile.plan.names import value_names
from fncompile.plan.product import Border
from fncompile.plan.schedule import schedule_text
from fncompile.plan.types import (
    Affine,
    Apply,
    Bits,
    Const,
    Expr,
    GatherLoad,
    Guarded,
    Index,
    Kernel,
    Load,
    Plan,
    Product,
    Repeat,
    Routine,
    Stage,
    Step,
    Value,
    children,
)

SYMBOLS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "lt": "<", "le": "<=", "eq": "=="}
BATCH_AXES = "ghpq"
OUTER_AXES = "uvw"
AXES = "ijklpqtuw"  # r, s and v with a number are values: r0 is no block of an axis r


def kernel_comment(kernel: Kernel) -> str:
    """Several lines."""
    lines = [f"{kernel.name}: {kernel.layers}"]
    lines += [f"  {line}" for line in stage_lines(kernel)]
    if kernel.schedule is not None:
        lines.append(f"  schedule: {schedule_text(kernel.schedule)}")
    lines.append(
        f"  {dim_text(flops(kernel))} flops; reads {dim_text(read_bytes(kernel))}, writes "
        f"{dim_text(written_bytes(kernel))} bytes"
    )
    return "\n".join(lines)


def stage_lines(kernel: Kernel) -> list[str]:
    """One line a stage, those of later loops after a `then`."""
    lines: list[str] = []
    names = value_names(kernel)
    values: list[str] = []  # how those of the stages before are called
    for position, loop in enumerate(kernel.loops):
        for stage in loop.stages:
            name = names[len(values)]
            axes = _axes(stage, kernel)
            line = _stage_text(stage, name, values, axes)
            lines.append(line if position == 0 else f"then {line}")
            values.append(_stored(stage, axes) or name)
    return lines


def _axes(stage: Stage, kernel: Kernel) -> str:
    """A letter for each axis: those of the product where it has the product's points."""
    product = kernel.product
    same = product is not None and stage.domain == kernel.stages[0].domain
    return product_axes(product) if product is not None and same else AXES


def _stored(stage: Stage, names: str) -> str:
    """Where it stores its value, if it does."""
    return ", ".join(f"{s.buffer.name}[{_at(s.at, names)}]" for s in stage.stores)


def _stage_text(stage: Stage, name: str, values: Sequence[str], names: str) -> str:
    axes = ", ".join(f"{names[i]}<{dim_text(d)}" for i, d in enumerate(stage.domain) if d != 1)
    if stage.routine:
        body = _routine_text(stage.routine, values)
    elif stage.product:
        body = _product_text(stage.product, names.removesuffix("mnk"))
    else:
        body = text(stage.expr, names, values)
        if stage.kind != "map":
            over = ", ".join(names[len(stage.kept) + i] for i in range(stage.reduced))
            body = f"{stage.kind}{f' over {over}' if over else ''}: {body}"
    return f"{_stored(stage, names) or name} = {body}   for {axes or 'one value'}"


def _product_text(product: Product, batches: str) -> str:
    """`sum u<3, k<48 where 1 <= h + u < 33: x[640 * u + 16 * m + k] * w[768 * u + 16 * k + n]`"""
    a, b, extents = product.a, product.b, product.contracted
    left = _at(a.at, batches + "mk" + OUTER_AXES)
    right = _at(product.right_by_segments, batches + "kn" + OUTER_AXES)
    names = [*OUTER_AXES[: len(extents) - 1], "k"]
    over = ", ".join(f"{n}<{dim_text(d)}" for n, d in zip(names, extents))
    if product.border is not None:
        over += f" where {_border_text(product.border, batches[-1])}"
    return f"sum {over}: {a.buffer.name}[{left}] * {b.buffer.name}[{right}]"


def _border_text(border: Border, line: str) -> str:
    """Where there are not zeros alone."""
    row = _at(Affine(0, ((0, border.line), (1, border.tap))), line + OUTER_AXES[border.axis])
    return f"{border.first} <= {row} < {border.last}"


def _routine_text(routine: Routine, values: Sequence[str]) -> str:
    """`attention scale=0.5 (0: q[64 * i + j], ..., 3: 0.0 for i<2, ...)`: sources by number."""
    sources = {i: f"{a.buffer.name}[{_at(a.at, AXES)}]" for i, a in routine.arrays}
    sources |= {i: text(e, AXES, values) for i, e in routine.exprs}
    attrs = "".join(f" {name}={value!r}" for name, value in routine.attrs)
    return f"{routine.name}{attrs} ({', '.join(sources[i] for i in sorted(sources))})"


def product_axes(product: Product) -> str:
    """A letter for each axis of a product: of its batches, then m, n and k."""
    return BATCH_AXES[: len(product.batches)] + "mnk"


def _at(at: Affine, names: str) -> str:
    """`64 * i + j - 3`: terms that are added first."""
    added = [_term(c, names[axis]) for axis, c in at.terms if not _is_negative(c)]
    taken = [_term(c * -1, names[axis]) for axis, c in at.terms if _is_negative(c)]
    if at.offset != 0 or not added:
        added.append(_dim(at.offset))
    return " - ".join([" + ".join(added).replace("+ -", "- "), *taken])


def _term(coefficient: Dim, axis: str) -> str:
    if coefficient == 1:
        return axis
    text = _dim(coefficient)
    several = isinstance(coefficient, Poly) and len(coefficient.terms) > 1
    return f"({text}) * {axis}" if several else f"{text} * {axis}"


def _dim(dim: Dim) -> str:
    """With the operators of C, as the rest of an index has them."""
    return dim_text(dim, style=C_STYLE)


def _is_negative(dim: Dim) -> bool:
    return dim < 0 if isinstance(dim, int) else dim.terms[0][1] < 0


def text(expr: Expr, names: str, values: Sequence[str], depth: int = 0) -> str:
    """A formula of axes and values of stages by their `names`; parts nested deeper than 12 are
    shown as dots."""
    if depth > 12:
        return "…"
    if isinstance(expr, Load):
        return f"{expr.buffer.name}[{_at(expr.at, names)}]"
    if isinstance(expr, Const):
        return number_text(expr.value, expr.dtype)
    if isinstance(expr, Value):
        return values[expr.stage]
    if isinstance(expr, Index):
        number = _at(expr.at, names)
        return f"({number})" if " " in number else number
    parts = [text(c, names, values, depth + 1) for c in children(expr)]
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


def plan_text(plan: Plan) -> str:
    """The whole plan: memory, then each kernel with its stages."""
    lines = [
        f"plan  symbols {', '.join(plan.symbols) or 'none'}; arena {dim_text(plan.arena)} bytes"
        + (f"; {plan.slice} samples at a time" if plan.slice else "")
    ]
    lines += [
        f"  {b.kind} {b.name} : {b.type}" for b in (*plan.inputs, *plan.params, *plan.outputs)
    ]
    lines += [f"  arena {b.name} : {b.type} at {dim_text(at)}" for b, at in plan.offsets.items()]
    lines += [f"  prepared {b.name} : {b.type} at {at}" for b, at in plan.prepared_offsets.items()]
    return "\n".join([*lines, *_step_lines([*plan.prepare, *plan.steps])]) + "\n"


def _step_lines(steps: Iterable[Step]) -> list[str]:
    """An empty line and then its text for each step; those of a repeat are indented."""
    lines: list[str] = []
    for step in steps:
        if isinstance(step, Repeat):
            carried = ", ".join(b.name for b in step.carries) or "nothing"
            lines += ["", f"repeat {step.symbol} < {dim_text(step.count)}, carries {carried}"]
            lines += [f"  {line}" if line else "" for line in _step_lines(step.body)]
        else:
            lines += ["", *kernel_comment(step).splitlines()]
    return lines
