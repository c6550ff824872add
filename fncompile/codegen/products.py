"""Kernels around a contraction: a call of the register tile, and an epilogue per finished block.

The epilogue of a kernel is a function that receives finished sums in a small block and computes
every following stage from them: bias, activation, residual, mask, store.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fncompile.codegen.affine import dim, index
from fncompile.codegen.cprint import expression
from fncompile.codegen.ctree import (
    Assign,
    Binary,
    CExpr,
    Declare,
    Do,
    Element,
    For,
    Function,
    If,
    Int,
    Name,
    Stmt,
    Unary,
    binary,
    call,
    names_in,
)
from fncompile.codegen.expr import Scope, c_type, in_register, rounded
from fncompile.codegen.expr import store as put
from fncompile.codegen.pointers import Pointers, with_symbols
from fncompile.ir.types import DTYPES
from fncompile.plan.schedule import DRIVERS, Guard, Partition, Schedule, Variant
from fncompile.plan.text import BATCH_AXES, OUTER_AXES
from fncompile.plan.types import Affine, Kernel, Operand, Product, result_arrays


def emit_epilogue(kernel: Kernel, pointers: Pointers) -> Function:
    """`k01_epilogue(tile, m0, n0, mr, nr, acc)`."""
    dtype = in_register(kernel.stages[0].dtype)
    product = kernel.product
    assert product is not None
    batches = batch_names(product)
    place: list[CExpr] = [*map(Name, batches)] or [Int(0)]
    place += [binary("+", Name("m0"), Name("i")), binary("+", Name("n0"), Name("j"))]
    stride: CExpr = Name(f"FNC_NR_{DTYPES[dtype].short.upper()}") if DTYPES[dtype].tile else Int(1)
    at = binary("+", Binary("*", Name("i"), stride), Name("j"))
    point = _point(kernel, pointers, place, Element(Name("acc"), at))
    columns = For("j", Int(0), Name("nr"), tuple(point), pragma="omp simd")
    memory = pointers.declarations(s.buffer for stage in kernel.stages for s in stage.stores)
    rows = For("i", Int(0), Name("mr"), (columns,))
    body = with_symbols(pointers.plan.kernel_symbols, [*memory, rows])
    used = names_in(body)
    body[:0] = [
        Declare("const int64_t", name, Name(f"((const fnc_tile *)tile)->g[{i}]"))
        for i, name in enumerate(batches)
        if name in used
    ]
    body.insert(0, Declare("const fnc_env *", "env", Name("((const fnc_tile *)tile)->env")))
    body[:0] = [Do(Name(f"(void){p}")) for p in ("m0", "n0") if p not in names_in(body)]
    params = (
        "const void *tile",
        "int64_t m0",
        "int64_t n0",
        "int64_t mr",
        "int64_t nr",
        f"const {c_type(dtype)} *acc",
    )
    return Function("FNC_INLINE", "void", f"{kernel.name}_epilogue", params, tuple(body))


def _point(kernel: Kernel, pointers: Pointers, names: list[CExpr], sum_: CExpr) -> list[Stmt]:
    scope = Scope(names, pointers, {})
    dtype = kernel.stages[0].dtype
    scope.values[0] = scope.declare(dtype, rounded(sum_, dtype))
    stores: list[Stmt] = []
    for stage in kernel.stages[1:]:
        scope.count(stage.expr)
    for i, stage in enumerate(kernel.stages):
        if i:
            value = scope.value(stage.expr)
            scope.values[i] = (
                value if isinstance(value, Name) else scope.declare(stage.dtype, value)
            )
        for store in stage.stores:
            at = index(store.at, names)
            stores.append(put(pointers(store.buffer), at, store.buffer, scope.values[i]))
    return [*scope.body, *stores]


def emit_product(kernel: Kernel, pointers: Pointers) -> list[Stmt]:
    """The body of the kernel's function: batches, and the worker's part of the result."""
    product, schedule = kernel.product, kernel.schedule
    assert product is not None and schedule is not None
    work = _variants(kernel, schedule, pointers)
    for i, (name, extent) in reversed(list(enumerate(zip(batch_names(product), product.batches)))):
        cut = i == 0 and schedule.partition.axis == "batches"
        first, last = (Name("begin"), Name("end")) if cut else (Int(0), dim(extent))
        known = Assign(Name(f"tile.g[{i}]"), "=", Name(name))
        work = [For(name, first, last, (known, *work))]
    tile = Declare("fnc_tile", "tile", Name("{env, {0}}"))
    return [*_own_part(kernel, schedule.partition), tile, *work]


def batch_names(product: Product) -> list[str]:
    """Variables that count the batches: none of a single matrix."""
    return [] if product.is_single else list(BATCH_AXES[: len(product.batches)])


def _own_part(kernel: Kernel, partition: Partition) -> list[Stmt]:
    if partition.axis != "longer":
        return begin_and_end(partition)
    product = kernel.product
    assert product is not None
    m, n, k = product.matrix_shape
    size = DTYPES[in_register(kernel.stages[0].dtype)].size
    small = call("FNC_IS_SMALL", dim(n), dim(k), Int(size))
    block = call("fnc_share_block", dim(m), dim(n), small, Name("part"), Name("parts"))
    return [Declare("const fnc_block", "own", block)]


def begin_and_end(partition: Partition) -> list[Stmt]:
    """Where the worker's part begins and ends."""
    extent, grain = dim(partition.extent), Int(partition.grain)
    return [
        Declare("const int64_t", name, call("fnc_share", extent, grain, part, Name("parts")))
        for name, part in (("begin", Name("part")), ("end", binary("+", Name("part"), Int(1))))
    ]


def _ranges(product: Product, axis: str) -> tuple[CExpr, CExpr, CExpr, CExpr]:
    """First and last row, first and last column of the worker's block."""
    m, n = (dim(d) for d in product.matrix_shape[:2])
    begin, end = Name("begin"), Name("end")
    found: dict[str, tuple[CExpr, CExpr, CExpr, CExpr]] = {
        "batches": (Int(0), m, Int(0), n),
        "rows": (begin, end, Int(0), n),
        "columns": (Int(0), m, begin, end),
        "longer": (Name("own.m0"), Name("own.m1"), Name("own.n0"), Name("own.n1")),
    }
    return found[axis]


def _variants(kernel: Kernel, schedule: Schedule, pointers: Pointers) -> list[Stmt]:
    """The calls of all variants, the guarded ones before the one that always serves."""
    *guarded, last = schedule.variants
    work = _calls(kernel, last, pointers)
    for variant in reversed(guarded):
        assert variant.guard is not None
        work = [If(guard(variant.guard), tuple(_calls(kernel, variant, pointers)), tuple(work))]
    return work


def guard(condition: Guard) -> CExpr:
    return Binary("<=", dim(condition.size), Int(condition.most))


def _calls(kernel: Kernel, variant: Variant, pointers: Pointers) -> list[Stmt]:
    product, schedule = kernel.product, kernel.schedule
    assert product is not None and schedule is not None
    if variant.driver == "loops":
        return _plain(kernel, product, pointers, schedule.partition.axis)
    driver, dtype = DRIVERS[variant.driver], kernel.stages[0].dtype
    assert variant.a is not None and variant.b is not None
    a, b = (Matrix(o, _start(o, product, pointers)) for o in (variant.a, variant.b))
    ranges = _ranges(product, schedule.partition.axis)
    rest = [*ranges, Name(f"{kernel.name}_epilogue"), Unary("&", Name("tile"))]
    packed = driver.b in ("panels", "narrow")
    suffix = DTYPES[dtype if packed else in_register(dtype)].tile
    m, n, k = (dim(d) for d in product.matrix_shape)
    arguments = ARGUMENTS[variant.driver](m, n, k, a, b)
    before, after = _result_arrays(kernel, pointers) if driver.unit == "row" else ([], [])
    function = driver.function
    if variant.outer:
        function += "_walked"
        before.append(_outer(variant))
        arguments = [Int(len(variant.outer)), Name("outer"), *arguments]
    return [*before, Do(call(f"{function}_{suffix}", *arguments, *rest, *after))]


def _outer(variant: Variant) -> Stmt:
    """The axes of the left operand that its sums are walked along."""
    assert variant.a is not None
    first = variant.a.batches + 2
    steps = [variant.a.at.coefficient(first + i) for i in range(len(variant.outer))]
    rows = [f"{{{expression(dim(e))}, {expression(dim(s))}}}" for e, s in zip(variant.outer, steps)]
    return Declare("const fnc_axis", "outer[]", Name("{" + ", ".join(rows) + "}"))


@dataclass(frozen=True)
class Matrix:
    """An operand in C: where it starts, and the steps along its axes."""

    operand: Operand
    start: CExpr

    @property
    def strides(self) -> list[CExpr]:
        return [dim(stride) for stride in self.operand.strides]


ARGUMENTS: dict[str, Callable[[CExpr, CExpr, CExpr, Matrix, Matrix], list[CExpr]]] = {
    "tiles": lambda m, n, k, a, b: [m, n, k, a.start, *a.strides, b.start, b.strides[0]],
    "panels": lambda m, n, k, a, b: [m, n, k, a.start, *a.strides, b.start],
    "strips": lambda m, n, k, a, b: [m, n, k, a.start, *a.strides, b.start, b.strides[0]],
    "swapped": lambda m, n, k, a, b: [m, n, k, b.start, b.strides[1], a.start],
    "bands": lambda m, n, k, a, b: [n, k, a.start, a.strides[1], b.start],
    "single": lambda m, n, k, a, b: [n, k, a.start, a.strides[1], b.start],
}
"""The arguments of each driver up to the block of the result: see csrc/kern."""


def _result_arrays(kernel: Kernel, pointers: Pointers) -> tuple[list[Stmt], list[CExpr]]:
    """The arrays that the epilogue walks beside the result, which are prefetched: their table, and
    the arguments that name it."""
    found: dict[tuple[str, Affine], CExpr] = {}
    for access in result_arrays(kernel):
        pointer = pointers(access.buffer)
        found[pointer.text, access.at] = binary("+", pointer, dim(access.at.offset))
    table = Name("{" + ", ".join(map(expression, found.values())) + "}")
    type = c_type(kernel.stages[0].dtype)
    return [Declare(f"const {type} *const", "beside[]", table)], [Name("beside"), Int(len(found))]


def _start(operand: Operand, product: Product, pointers: Pointers) -> CExpr:
    """The first element of the matrix of a batch."""
    at, start = operand.at, binary("+", pointers(operand.buffer), dim(operand.at.offset))
    for i, name in enumerate(batch_names(product)):
        start = binary("+", start, binary("*", dim(at.coefficient(i)), Name(name)))
    return start


def _plain(kernel: Kernel, product: Product, pointers: Pointers, axis: str) -> list[Stmt]:
    """Integer products, which are rare: three loops and the same epilogue."""
    dtype = kernel.stages[0].dtype
    *outer, inner = product.contracted
    batches: list[CExpr] = [*map(Name, batch_names(product))] or [Int(0)]
    names = OUTER_AXES[: len(outer)]
    left = [*batches, Name("m"), Name("k"), *map(Name, names)]
    a = Element(pointers(product.a.buffer), index(product.a.at, left))
    right = [*batches, Name("k"), Name("n"), *map(Name, names)]
    b = Element(pointers(product.b.buffer), index(product.right_by_segments, right))
    short = DTYPES[dtype].short
    wraps = short in ("i32", "i64")
    term: CExpr = call(f"fnc_mul_{short}", a, b) if wraps else Binary("*", a, b)
    add = call(f"fnc_add_{short}", Name("sum"), term) if wraps else Binary("+", Name("sum"), term)
    finish = call(
        f"{kernel.name}_epilogue",
        Unary("&", Name("tile")),
        Name("m"),
        Name("n"),
        Int(1),
        Int(1),
        Name("&sum"),
    )
    steps: Stmt = For("k", Int(0), dim(inner), (Assign(Name("sum"), "=", add),))
    for name, extent in reversed(list(zip(names, outer))):
        steps = For(name, Int(0), dim(extent), (steps,))
    point: list[Stmt] = [Declare(c_type(dtype), "sum", Int(0)), steps, Do(finish)]
    m0, m1, n0, n1 = _ranges(product, axis)
    return [For("m", m0, m1, (For("n", n0, n1, tuple(point)),))]
