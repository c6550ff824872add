"""Kernels around a contraction: a call of the register tile, and an epilogue per finished block.

The epilogue of a kernel is a function that receives finished sums in a small block and computes
every following stage from them: bias, activation, residual, mask, store.
"""

from __future__ import annotations

from collections.abc import Sequence

from fncompile.codegen.affine import dim, index, size_name
from fncompile.codegen.bands import band_calls, uses_bands
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
from fncompile.codegen.packing import few
from fncompile.codegen.pointers import Pointers
from fncompile.ir.dims import Dim
from fncompile.ir.types import DTYPES
from fncompile.passes.share import Share, share
from fncompile.plan.types import Affine, Kernel, Operand, Product, Stage

TILED = ("float32", "float64")


def emit_epilogue(kernel: Kernel, pointers: Pointers) -> Function:
    """`k01_epilogue(tile, m0, n0, mr, nr, acc)`."""
    dtype = in_register(kernel.stages[0].dtype)
    names = [Name("g"), binary("+", Name("m0"), Name("i")), binary("+", Name("n0"), Name("j"))]
    stride: CExpr = Name(f"FNC_NR_{DTYPES[dtype].short.upper()}") if dtype in TILED else Int(1)
    at = binary("+", Binary("*", Name("i"), stride), Name("j"))
    point = _point(kernel, pointers, names, Element(Name("acc"), at))
    columns = For("j", Int(0), Name("nr"), tuple(point), pragma="omp simd")
    memory = pointers.declarations(s.buffer for stage in kernel.stages for s in stage.stores)
    body = with_symbols(pointers.plan.symbols, [*memory, For("i", Int(0), Name("mr"), (columns,))])
    if "g" in names_in(body):
        body.insert(0, Declare("const int64_t", "g", Name("((const fnc_tile *)tile)->g")))
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


def with_symbols(
    names: Sequence[str], body: Sequence[Stmt], source: str = "env->dims"
) -> list[Stmt]:
    """`body` behind `const int64_t B = env->dims[0];` for each symbol that it mentions."""
    used = names_in(body)
    dims = [(i, size_name(s)) for i, s in enumerate(names) if size_name(s) in used]
    return [*(Declare("const int64_t", s, Element(Name(source), Int(i))) for i, s in dims), *body]


def emit_product(kernel: Kernel, pointers: Pointers) -> list[Stmt]:
    """The body of the kernel's function: batches, and the worker's share of the result."""
    stage = kernel.stages[0]
    product = stage.product
    assert product is not None
    g = product.shape[0]
    cut = share(kernel).cut
    own = _share(kernel)
    tile: list[Stmt] = [Declare("fnc_tile", "tile", Name("{env, 0}"))]
    work = (
        _tile_calls(kernel, stage, pointers, cut)
        if in_register(stage.dtype) in TILED
        else _plain(kernel, product, pointers, cut)
    )
    if g == 1:
        return [*own, *tile, *work]
    first, last = (Name("begin"), Name("end")) if cut == "batches" else (Int(0), dim(g))
    return [
        *own,
        *tile,
        For("g", first, last, (Assign(Name("tile.g"), "=", Name("g")), *work)),
    ]


def _share(kernel: Kernel) -> list[Stmt]:
    stage, found = kernel.stages[0], share(kernel)
    if found.cut != "either":
        return begin_and_end(found)
    assert stage.product is not None
    _, m, n, k = stage.product.shape
    small = call("FNC_IS_SMALL", dim(n), dim(k), Int(DTYPES[in_register(stage.dtype)].size))
    block = call("fnc_share_block", dim(m), dim(n), small, Name("part"), Name("parts"))
    return [Declare("const fnc_block", "own", block)]


def begin_and_end(found: Share) -> list[Stmt]:
    """Where the worker's share begins and ends."""
    return [
        Declare(
            "const int64_t",
            name,
            call("fnc_share", dim(found.extent), Int(found.grain), part, Name("parts")),
        )
        for name, part in (("begin", Name("part")), ("end", binary("+", Name("part"), Int(1))))
    ]


def _ranges(product: Product, cut: str) -> tuple[CExpr, CExpr, CExpr, CExpr]:
    """First and last row, first and last column of the worker's block."""
    m, n = dim(product.shape[1]), dim(product.shape[2])
    begin, end = Name("begin"), Name("end")
    found: dict[str, tuple[CExpr, CExpr, CExpr, CExpr]] = {
        "batches": (Int(0), m, Int(0), n),
        "rows": (begin, end, Int(0), n),
        "columns": (Int(0), m, begin, end),
        "either": (Name("own.m0"), Name("own.m1"), Name("own.n0"), Name("own.n1")),
    }
    return found[cut]


def _kernel_type(dtype: str, packed: bool) -> str:
    """Suffix of the functions of csrc/kern for a product: numbers of bfloat16 are multiplied as
    floats, but where they are packed, which csrc/kern/gemm_bf16.h does as the CPU likes it."""
    return DTYPES[dtype if packed else in_register(dtype)].short


def _tile_calls(kernel: Kernel, stage: Stage, pointers: Pointers, cut: str) -> list[Stmt]:
    product = stage.product
    assert product is not None
    g, m, n, k = product.shape
    a, b = product.a, product.b
    left = [_start(pointers(a.buffer), a.at, g), *(dim(a.at.coefficient(i)) for i in (1, 2))]
    right = [_start(pointers(b.buffer), b.at, g), *([] if b.packed else [dim(b.at.coefficient(1))])]
    rest = [*_ranges(product, cut), Name(f"{kernel.name}_epilogue"), Unary("&", Name("tile"))]
    all_rows = Do(
        call(
            f"fnc_gemm_{'packed_' if b.packed else ''}{_kernel_type(stage.dtype, b.packed)}",
            dim(m), dim(n), dim(k),
            *left, *right, *rest,
        )
    )  # fmt: skip
    if product.unpacked is not None:
        return [_few_or(all_rows, product, product.unpacked, left, pointers, rest)]
    if uses_bands(kernel):
        start, _, step = left
        return band_calls(kernel, pointers, [start, step], right[0], rest, otherwise=all_rows)
    if product.half is None:
        return [all_rows]
    start, _, step = left
    one = call("fnc_gemv_bf16", dim(n), dim(k), start, step, pointers(product.half), *rest)
    return [If(Binary("==", dim(m), Int(1)), (Do(one),), (all_rows,))]


def _few_or(
    all_rows: Stmt,
    product: Product,
    unpacked: Operand,
    left: list[CExpr],
    pointers: Pointers,
    rest: list[CExpr],
) -> Stmt:
    """csrc/kern/gemm_few.h where the rows are few; a matrix that lies by columns is multiplied from
    the left by what is packed then."""
    _, m, n, k = product.shape
    short = DTYPES[unpacked.buffer.type.dtype].short
    by_rows = unpacked.at.coefficient(2) == 1
    start = binary("+", pointers(unpacked.buffer), dim(unpacked.at.offset))
    right = [start, dim(unpacked.at.coefficient(1 if by_rows else 2))]
    if by_rows:
        form, matrices = "strips", [*left, *right]
    else:
        form, matrices = "flipped", [*right, pointers(product.b.buffer)]
    few_rows = call(f"fnc_gemm_{form}_{short}", dim(m), dim(n), dim(k), *matrices, *rest)
    return If(few(m), (Do(few_rows),), (all_rows,))


def _start(pointer: CExpr, at: Affine, g: Dim) -> CExpr:
    """The first element of batch g."""
    batch = binary("*", dim(at.coefficient(0)), Name("g")) if g != 1 else Int(0)
    return binary("+", binary("+", pointer, dim(at.offset)), batch)


def _plain(kernel: Kernel, product: Product, pointers: Pointers, cut: str) -> list[Stmt]:
    """Integer products, which are rare: three loops and the same epilogue."""
    dtype = kernel.stages[0].dtype
    g, k = product.shape[0], product.shape[3]
    a = Element(pointers(product.a.buffer), index(product.a.at, [Name("g"), Name("m"), Name("k")]))
    b = Element(pointers(product.b.buffer), index(product.b.at, [Name("g"), Name("k"), Name("n")]))
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
    point: list[Stmt] = [
        Declare(c_type(dtype), "sum", Int(0)),
        For("k", Int(0), dim(k), (Assign(Name("sum"), "=", add),)),
        Do(finish),
    ]
    m0, m1, n0, n1 = _ranges(product, cut)
    loops: list[Stmt] = [For("m", m0, m1, (For("n", n0, n1, tuple(point)),))]
    return (
        [Declare("const int64_t", "g", Int(0)), *loops]
        if g == 1 and "g" in names_in(loops)
        else loops
    )
