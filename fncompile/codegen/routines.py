"""Kernels that a routine of csrc/kern computes, item by item.

What a routine computes by element, as masks and terms of scores, is a function of the kernel's own
that is inlined into it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fncompile.codegen.affine import dim
from fncompile.codegen.cprint import braces
from fncompile.codegen.ctree import (
    Assign,
    Binary,
    Cast,
    CExpr,
    Declare,
    Do,
    Element,
    For,
    Function,
    Int,
    Name,
    Real,
    Stmt,
    binary,
    call,
    names_in,
)
from fncompile.codegen.expr import Scope, local_array
from fncompile.codegen.pointers import Pointers, with_symbols
from fncompile.codegen.products import begin_and_end, of_tile, the_tile
from fncompile.ir.dims import Dim, product, row_major
from fncompile.ir.types import DTYPES
from fncompile.plan.routine import Array, Routine
from fncompile.plan.types import Apply, Const, Expr, Index, Kernel, Value

HEADERS = {"attention": "attention.h", "attention_grad": "attention.h", "argsort": "argsort.h"}


def emit_routine(
    kernel: Kernel, pointers: Pointers, own: Callable[[], Pointers]
) -> tuple[list[Function], list[Stmt]]:
    """Functions of the kernel, and the body of its own; `own` gives each function its pointers."""
    routine, schedule = kernel.routine, kernel.schedule
    assert routine is not None and schedule is not None
    functions, before, work = EMITTERS[routine.name](kernel, pointers, own)
    [items] = kernel.stages[0].domain
    part = begin_and_end(schedule.partition, dim(items))
    return functions, [*part, *before, For("i", Name("begin"), Name("end"), tuple(work))]


def _place(array: Array, pointers: Pointers, at: dict[int, CExpr]) -> CExpr:
    """The address of the first element at these indices of some axes."""
    first = binary("+", pointers(array.buffer), dim(array.at.offset))
    return _counted(first, array.strides, at)


def _counted(first: CExpr, strides: Sequence[Dim], at: dict[int, CExpr]) -> CExpr:
    for axis, index in at.items():
        first = binary("+", first, binary("*", dim(strides[axis]), index))
    return first


# attention ----------------------------------------------------------------------------------------

POINT: tuple[CExpr, ...] = (
    Name("m"), Name("n"), Name("g"), binary("+", Name("t0"), Name("i")),
    binary("+", Name("z0"), Name("j")),
)  # fmt: skip
BLOCK = (
    "const void *tile", "int64_t g", "int64_t t0", "int64_t z0", "int64_t nr", "int64_t mr",
    "float *restrict acc",
)  # fmt: skip
EVERYTHING = 1 << 40  # so far ahead that there are no such keys


def _attention(
    kernel: Kernel, pointers: Pointers, own: Callable[[], Pointers]
) -> tuple[list[Function], list[Stmt], list[Stmt]]:
    routine = kernel.routine
    assert routine is not None
    backward = routine.name == "attention_grad"
    maps, attrs = _maps(routine, backward), dict(routine.attrs)
    functions = [_block(kernel, f"{kernel.name}_{name}", e, own()) for name, e in maps.items() if e]
    named = [Name(f"{kernel.name}_{n}") if e else Name("NULL") for n, e in maps.items()]
    q, k, v = (routine.array[i] for i in range(3))
    (b, t, heads, groups, width), s, columns = q.shape, k.shape[1], v.shape[3]
    result = kernel.stages[0].stores[0].buffer if not backward else routine.array[6].buffer
    m, n = Name("m"), Name("n")
    first: CExpr = pointers(result)
    if backward:  # which reads what forward wrote, by the same struct
        first = binary("+", Cast("float *", first), dim(routine.array[6].at.offset))
    rows = b * heads * groups * t
    item = Binary("*", Name("i"), dim(groups * t))
    top = Binary("+", binary("+", first, dim(rows * columns)), item)
    share = Binary("+", binary("+", first, dim(rows * columns + rows)), item)
    row = row_major((b, t, heads, groups, columns))
    given = [
        *map(dim, (groups, t, s)),
        _place(q, pointers, {0: m, 2: n}), _place(k, pointers, {0: m, 2: n}),
        _place(v, pointers, {0: m, 2: n}),
        dim(q.strides[3]), dim(q.strides[1]), dim(k.strides[1]), dim(v.strides[1]),
        _counted(first, row, {0: m, 2: n}), dim(row[3]), dim(row[1]), top, share,
        Real(attrs["scale"], True), Real(attrs["hidden"], True), dim(_ahead(routine)),
    ]  # fmt: skip
    room = "FNC_ATTENTION_BACKWARD" if backward else "FNC_ATTENTION_FORWARD"
    before: list[Stmt] = [
        *the_tile(pointers),
        local_array("float", "acc", call(room, dim(width), dim(columns))),
    ]
    work = [
        *_batch_and_head(heads),
        Assign(Name("tile.g[0]"), "=", m),
        Assign(Name("tile.g[1]"), "=", n),
        _struct("fnc_attention", "part_of", given),
    ]
    sizes = (dim(width), dim(columns))
    if not backward:
        last = call("fnc_attention_forward_f32", Name("&part_of"), *sizes, *named[:2],
                    Name("&tile"), Name("acc"))  # fmt: skip
        return functions, before, [*work, Do(last)]
    d_out, to = routine.array[7], pointers(kernel.stages[0].stores[0].buffer)
    parts: list[CExpr] = []
    start: Dim = 0
    for x in (q, k, v):
        at = _counted(binary("+", to, dim(start)), row_major(x.shape), {0: m, 2: n})
        parts.append(at)
        start = start + product(x.shape)
    steps = [row_major(x.shape) for x in (q, k, v)]
    wanted = [
        _place(d_out, pointers, {0: m, 2: n}), dim(d_out.strides[3]), dim(d_out.strides[1]), *parts,
        dim(steps[0][3]), dim(steps[0][1]), dim(steps[1][1]), dim(steps[2][1]),
    ]  # fmt: skip
    work.append(_struct("fnc_attention_gradient", "wanted", wanted))
    last = call("fnc_attention_backward_f32", Name("&part_of"), Name("&wanted"), *sizes, *named,
                Name("&tile"), Name("acc"))  # fmt: skip
    return functions, before, [*work, Do(last)]


def _batch_and_head(heads: Dim) -> list[Stmt]:
    found = {"m": Binary("/", Name("i"), dim(heads)), "n": Binary("%", Name("i"), dim(heads))}
    if heads == 1:
        found = {"m": Name("i"), "n": Int(0)}  # type: ignore[dict-item]
    return [Declare("const int64_t", name, value) for name, value in found.items()]


def _struct(type: str, name: str, values: Sequence[CExpr]) -> Stmt:
    return Declare(f"const {type}", name, braces(values))


def _maps(routine: Routine, backward: bool) -> dict[str, Expr | None]:
    """What becomes of a score, of a weight, and of a cotangent: None where it stays."""
    bias, mask, factor = (routine.expr[i] for i in (3, 4, 5))
    hidden = Const(dict(routine.attrs)["hidden"], "float32")
    x: Expr = Value(0, "float32")
    shown = mask != Const(True, "bool")
    score = x if bias == Const(0.0, "float32") else Apply("add", (x, bias), "float32")
    score = Apply("select", (mask, score, hidden), "float32") if shown else score
    weight = None if factor == Const(1.0, "float32") else Apply("mul", (x, factor), "float32")
    zero = Const(0.0, "float32")
    found = {"scores": None if score == x else score, "weights": weight}
    if backward:
        found["shown"] = Apply("select", (mask, x, zero), "float32") if shown else None
    return found


def _ahead(routine: Routine) -> Dim:
    """Query t sees no key beyond t + so many."""
    waiting, found = [routine.expr[4]], [EVERYTHING]
    while waiting:
        e = waiting.pop()
        if isinstance(e, Apply) and e.fn == "and":
            waiting += e.args
        elif isinstance(e, Apply) and e.fn in ("le", "lt"):
            key, query = e.args
            if isinstance(key, Index) and isinstance(query, Index):
                behind = query.at + key.at.scale(-1)
                if behind.terms == ((3, 1), (4, -1)) and isinstance(behind.offset, int):
                    found.append(behind.offset - (e.fn == "lt"))
    return min(found)


def _block(kernel: Kernel, name: str, expr: Expr, pointers: Pointers) -> Function:
    """`name(tile, g, t0, z0, nr, mr, acc)`: of `nr` queries and `mr` keys, in place."""
    routine = kernel.routine
    assert routine is not None
    at = binary("+", Binary("*", Name("j"), Name("FNC_NR_F32")), Name("i"))
    here = Element(Name("acc"), at)
    scope = Scope(POINT, pointers.sizes("mngij", routine.points), pointers, {0: here})
    scope.count(expr)
    value = scope.value(expr)
    lanes = For("i", Int(0), Name("nr"), (*scope.body, Assign(here, "=", value)), pragma="omp simd")
    keys = For("j", Int(0), Name("mr"), (lanes,))
    body = pointers.with_constants([*pointers.declarations(()), keys])
    body = with_symbols(pointers.plan.kernel_symbols, body)
    used = names_in(body)
    tile = "((const fnc_tile *)tile)"
    batch = [(x, Name(f"{tile}->g[{i}]")) for i, x in enumerate("mn") if x in used]
    head: list[Stmt] = [Declare("const int64_t", x, value) for x, value in batch]
    head += of_tile(used)
    head += [Do(Name(f"(void){x}")) for x in ("g", "t0", "z0") if x not in used]
    if not {"env", "at", "m", "n"} & used:
        head.append(Do(Name("(void)tile")))
    return Function("FNC_INLINE", "void", name, BLOCK, (*head, *body))


# rows ---------------------------------------------------------------------------------------------


def _argsort(
    kernel: Kernel, pointers: Pointers, own: Callable[[], Pointers]
) -> tuple[list[Function], list[Stmt], list[Stmt]]:
    routine = kernel.routine
    assert routine is not None
    x = routine.array[0]
    n = dim(x.shape[-1])
    row = binary("+", _place(x, pointers, {}), binary("*", n, Name("i")))
    to = binary("+", pointers(kernel.stages[0].stores[0].buffer), binary("*", n, Name("i")))
    descending = Int(int(dict(routine.attrs)["descending"]))
    function = f"fnc_argsort_{DTYPES[x.dtype].short}"
    return [], [], [Do(call(function, n, row, descending, to))]


EMITTERS = {"attention": _attention, "attention_grad": _attention, "argsort": _argsort}
