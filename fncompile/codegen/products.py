"""Kernels around a contraction: a call of the register tile, and an epilogue per finished block.

The epilogue of a kernel is a function that receives finished sums in a small block and computes
every following stage from them: bias, activation, residual, mask, store.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

from fncompile.codegen.affine import Size, dim, index, stride
from fncompile.codegen.cprint import braces
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
from fncompile.codegen.expr import Scope, c_type, in_register, rounded, times
from fncompile.codegen.expr import store as put
from fncompile.codegen.pixels import by_pixels, sums_up_turns, tile_type
from fncompile.codegen.pointers import Pointers, with_symbols
from fncompile.ir.types import DTYPES
from fncompile.plan.schedule import DRIVERS, Guard, Partition, Schedule, Variant
from fncompile.plan.text import BATCH_AXES, OUTER_AXES, product_axes
from fncompile.plan.types import Affine, Kernel, Operand, Product, Stage, result_arrays


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
    body = pointers.with_constants([*memory, rows])
    body = with_symbols(pointers.plan.kernel_symbols, body)
    used = names_in(body)
    body[:0] = [
        Declare("const int64_t", name, Name(f"((const fnc_tile *)tile)->g[{i}]"))
        for i, name in enumerate(batches)
        if name in used
    ]
    body[:0] = of_tile(used)
    used = names_in(body)
    body[:0] = [Do(Name(f"(void){p}")) for p in ("m0", "n0", "tile") if p not in used]
    params = (
        "const void *tile",
        "int64_t m0",
        "int64_t n0",
        "int64_t mr",
        "int64_t nr",
        f"const {c_type(dtype)} *acc",
    )
    return Function("FNC_INLINE", "void", f"{kernel.name}_epilogue", params, tuple(body))


def of_tile(used: Container[str]) -> list[Stmt]:
    """Of the call, and the pointers that it was given, what is used."""
    return [
        Declare(type, name, Name(f"((const fnc_tile *)tile)->{name}"))
        for name, type in (("env", "const fnc_env *"), ("at", "const void *const *"))
        if name in used
    ]


def the_tile(pointers: Pointers) -> list[Stmt]:
    """The tile that functions of a kernel find its memory by."""
    given = list(pointers.given.values())
    tile = Declare("fnc_tile", "tile", Name(f"{{env, {{0}}, {'at' if given else 'NULL'}}}"))
    at = Declare("const void *const", "at[]", braces(given))
    return [*[at] * bool(given), tile]


def _point(kernel: Kernel, pointers: Pointers, names: list[CExpr], sum_: CExpr) -> list[Stmt]:
    sizes = _sizes(kernel, pointers)[:-1]
    scope = Scope(names, sizes, pointers, {})
    dtype, stages = kernel.stages[0].dtype, kernel.stages
    stores: list[Stmt] = []
    for stage in stages[1:]:
        scope.count(stage.expr)
    nameless = without_names(kernel, 0, stages)
    for i, stage in enumerate(stages):
        value = scope.value(stage.expr) if i else rounded(sum_, dtype)
        if not (isinstance(value, Name) or i in nameless):
            value = scope.put(stage.dtype, value, pointers.values[i])
        scope.values[i] = value
        for store in stage.stores:
            at = index(store.at, names, sizes)
            stores.append(put(pointers(store.buffer), at, store.buffer, value))
    return [*scope.body, *stores]


def without_names(kernel: Kernel, first: int, together: Sequence[Stage]) -> set[int]:
    """Of the stages `first`, ... those whose value is only stored, where that is all that is stored
    `together`."""
    numbers = set(range(first, first + len(together))) - kernel.read_values
    return numbers if sum(len(stage.stores) for stage in together) == 1 else set()


def emit_product(kernel: Kernel, pointers: Pointers) -> list[Stmt]:
    """The body of the kernel's function: batches, and the worker's part of the result."""
    product, schedule = kernel.product, kernel.schedule
    assert product is not None and schedule is not None
    work = _variants(kernel, schedule, pointers)
    sizes = [size.text for size in _sizes(kernel, pointers)]
    loops = list(enumerate(batch_names(product)))
    for i, name in reversed(loops[: product.line_axis if by_pixels(schedule) else None]):
        cut = i == 0 and schedule.partition.axis == "batches"
        first, last = (Name("begin"), Name("end")) if cut else (Int(0), sizes[i])
        known = Assign(Name(f"tile.g[{i}]"), "=", Name(name))
        work = [For(name, first, last, (known, *work))]
    return [*_own_part(kernel, schedule.partition, sizes), *the_tile(pointers), *work]


def _sizes(kernel: Kernel, pointers: Pointers) -> list[Size]:
    """Of the axes of a product: of its batches, then M, N and K."""
    product = kernel.product
    assert product is not None
    return pointers.sizes(product_axes(product), product.shape)


def _pixels(kernel: Kernel, variant: Variant, pointers: Pointers) -> list[Stmt]:
    product, schedule = kernel.product, kernel.schedule
    assert product is not None and schedule is not None
    assert variant.a is not None and variant.b is not None
    line = product.line_axis
    cut, (m, n, _) = schedule.partition.axis, _sizes(kernel, pointers)[-3:]
    counted = len(product.batches) if line is None else line
    height = Int(1) if line is None else dim(product.batches[line])
    lines = (Name("begin"), Name("end")) if line == 0 and cut == "batches" else (Int(0), height)
    ranges = [*lines, *_ranges(m.text, n.text, cut)]
    turns = [dim(variant.outer[0])] if sums_up_turns(schedule) else []
    if not turns:
        del ranges[2:4]  # it takes all pixels
    starts = [_start(o, product, pointers, counted) for o in (variant.a, variant.b)]
    number = "&(int64_t){0}" if line is None else f"&tile.g[{line}]"
    names = (f"{kernel.name}_epilogue", "&tile", number)
    image, tile = call(f"{kernel.name}_image", *turns), Name(f"{kernel.name}_tile")
    function = f"{DRIVERS[variant.driver].function}_{tile_type(kernel)}"
    return [Do(call(function, image, tile, *starts, *ranges, *map(Name, names)))]


def batch_names(product: Product) -> list[str]:
    """Variables that count the batches: none of a single matrix."""
    return [] if product.is_single else list(BATCH_AXES[: len(product.batches)])


def _contracted(product: Product, pointers: Pointers) -> list[Size]:
    """Of the axes that K is in memory of the left operand, the outer ones first."""
    names = [*OUTER_AXES[: len(product.contracted) - 1], "k"]
    return pointers.sizes(names, product.contracted)


def _own_part(kernel: Kernel, partition: Partition, sizes: Sequence[CExpr]) -> list[Stmt]:
    m, n, k = sizes[-3:]
    if partition.axis != "longer":
        cut = {"rows": m, "columns": n, "batches": sizes[0]}
        return begin_and_end(partition, cut.get(partition.axis, Int(1)))
    size = DTYPES[in_register(kernel.stages[0].dtype)].size
    small = call("FNC_IS_SMALL", n, k, Int(size))
    block = call("fnc_share_block", m, n, small, Name("part"), Name("parts"))
    return [Declare("const fnc_block", "own", block)]


def begin_and_end(partition: Partition, extent: CExpr) -> list[Stmt]:
    """Where the worker's part of `extent` begins and ends."""
    grain = Int(partition.grain)
    return [
        Declare("const int64_t", name, call("fnc_share", extent, grain, part, Name("parts")))
        for name, part in (("begin", Name("part")), ("end", binary("+", Name("part"), Int(1))))
    ]


def _ranges(m: CExpr, n: CExpr, axis: str) -> tuple[CExpr, CExpr, CExpr, CExpr]:
    """First and last row, first and last column of the worker's block."""
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
    if by_pixels(schedule):
        return _pixels(kernel, variant, pointers)
    if variant.driver == "loops":
        return _plain(kernel, product, pointers, schedule.partition.axis)
    driver, dtype = DRIVERS[variant.driver], kernel.stages[0].dtype
    assert variant.a is not None and variant.b is not None
    *batches, m, n, k = _sizes(kernel, pointers)
    *outer, inner = _contracted(product, pointers)
    left = [*batches, m, inner, *outer]
    a = Matrix(variant.a, _start(variant.a, product, pointers), left)
    b = Matrix(variant.b, _start(variant.b, product, pointers), [*batches, k, n])
    ranges = _ranges(m.text, n.text, schedule.partition.axis)
    rest = [*ranges, Name(f"{kernel.name}_epilogue"), Unary("&", Name("tile"))]
    packed = driver.b == "panels"
    suffix = DTYPES[dtype if packed else in_register(dtype)].tile
    arguments = ARGUMENTS[variant.driver](m.text, n.text, k.text, a, b)
    before, after = _result_arrays(kernel, pointers) if driver.unit == "row" else ([], [])
    function = driver.function
    if variant.outer:
        function += "_walked"
        before.append(_outer(a))
        arguments = [Int(len(variant.outer)), Name("outer"), *arguments]
    return [*before, Do(call(f"{function}_{suffix}", *arguments, *rest, *after))]


def _outer(matrix: Matrix) -> Stmt:
    """The axes of the left operand that its sums are walked along."""
    at, first = matrix.operand.at, matrix.operand.batches + 2
    rows = [
        braces([size.text, stride(at.coefficient(i), at, matrix.sizes)])
        for i, size in enumerate(matrix.sizes[first:], first)
    ]
    return Declare("const fnc_axis", "outer[]", braces(rows))


@dataclass(frozen=True)
class Matrix:
    """An operand in C: where it starts, and the steps along its axes."""

    operand: Operand
    start: CExpr
    sizes: Sequence[Size]

    @property
    def strides(self) -> list[CExpr]:
        return [stride(step, self.operand.at, self.sizes) for step in self.operand.strides]


ARGUMENTS: dict[str, Callable[[CExpr, CExpr, CExpr, Matrix, Matrix], list[CExpr]]] = {
    "tiles": lambda m, n, k, a, b: [m, n, k, a.start, *a.strides, b.start, b.strides[0]],
    "panels": lambda m, n, k, a, b: [m, n, k, a.start, *a.strides, b.start],
    "packing": lambda m, n, k, a, b: [m, n, k, a.start, *a.strides, b.start, b.strides[0]],
    "swapped": lambda m, n, k, a, b: [m, n, k, b.start, b.strides[1], a.start],
    "row_panels": lambda m, n, k, a, b: [n, k, a.start, a.strides[1], b.start],
}
"""The arguments of each driver up to the block of the result: see csrc/kern."""


def _result_arrays(kernel: Kernel, pointers: Pointers) -> tuple[list[Stmt], list[CExpr]]:
    """The arrays that the epilogue walks beside the result, which are prefetched: their table, and
    the arguments that name it."""
    found: dict[tuple[str, Affine], CExpr] = {}
    for access in result_arrays(kernel):
        pointer = pointers(access.buffer)
        found[pointer.text, access.at] = binary("+", pointer, dim(access.at.offset))
    table = braces(found.values())
    type = c_type(kernel.stages[0].dtype)
    return [Declare(f"const {type} *const", "beside[]", table)], [Name("beside"), Int(len(found))]


def _start(
    operand: Operand, product: Product, pointers: Pointers, counted: int | None = None
) -> CExpr:
    """The first element of the matrix of a batch, of which so many axes are counted: or all."""
    at, start = operand.at, binary("+", pointers(operand.buffer), dim(operand.at.offset))
    for i, name in enumerate(batch_names(product)[:counted]):
        start = binary("+", start, binary("*", dim(at.coefficient(i)), Name(name)))
    return start


def _plain(kernel: Kernel, product: Product, pointers: Pointers, axis: str) -> list[Stmt]:
    """Integer products, which are rare: three loops and the same epilogue."""
    dtype = kernel.stages[0].dtype
    *counts, m, n, _ = _sizes(kernel, pointers)
    *walked, k = _contracted(product, pointers)
    outer = [Name(axis) for axis, _ in zip(OUTER_AXES, walked)]
    batches: list[CExpr] = [*map(Name, batch_names(product))] or [Int(0)]
    left = [*batches, Name("m"), Name("k"), *outer]
    at_a = index(product.a.at, left, [*counts, m, k, *walked])
    right = [*batches, Name("k"), Name("n"), *outer]
    at_b = index(product.right_by_segments, right, [*counts, k, n, *walked])
    a, b = Element(pointers(product.a.buffer), at_a), Element(pointers(product.b.buffer), at_b)
    row = DTYPES[dtype]
    term: CExpr = call(f"fnc_mul_{row.short}", a, b) if row.wraps else times(a, b, row)
    add: CExpr = Binary("+", Name("acc"), term)
    add = call(f"fnc_add_{row.short}", Name("acc"), term) if row.wraps else add
    finish = call(
        f"{kernel.name}_epilogue",
        Unary("&", Name("tile")),
        Name("m"),
        Name("n"),
        Int(1),
        Int(1),
        Name("&acc"),
    )
    steps: Stmt = For("k", Int(0), k.text, (Assign(Name("acc"), "=", add),))
    for name, size in reversed(list(zip(outer, walked))):
        steps = For(name.text, Int(0), size.text, (steps,))
    point: list[Stmt] = [Declare(c_type(dtype), "acc", Int(0)), steps, Do(finish)]
    m0, m1, n0, n1 = _ranges(m.text, n.text, axis)
    return [For("m", m0, m1, (For("n", n0, n1, tuple(point)),))]
