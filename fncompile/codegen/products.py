"""Kernels around a contraction: a call of the register tile, and an epilogue per finished block.

The epilogue of a kernel is a function that receives finished sums in a small block and computes
every following stage from them: bias, activation, residual, mask, store.
"""

from __future__ import annotations

from collections.abc import Sequence

from fncompile.codegen.affine import dim, index, size_name
from fncompile.codegen.ctree import (
    Assign,
    Binary,
    CExpr,
    Declare,
    Do,
    Element,
    For,
    Function,
    Int,
    Name,
    Stmt,
    Unary,
    binary,
    call,
    names_in,
)
from fncompile.codegen.expr import Scope, c_type
from fncompile.codegen.memory import Pointers
from fncompile.ir.dims import Dim
from fncompile.ir.types import DTYPES
from fncompile.passes.plan import Affine, Kernel, Product, Stage

GRAIN = 48  # rows or columns of the result: a multiple of every tile
TILED = ("float32", "float64")


def emit_epilogue(kernel: Kernel, pointers: Pointers) -> Function:
    """`k01_epilogue(tile, m0, n0, mr, nr, acc)`."""
    dtype = kernel.stages[0].dtype
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
    scope.values[0] = scope.declare(kernel.stages[0].dtype, sum_)
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
            stores.append(
                Assign(
                    Element(pointers(store.buffer), index(store.at, names)), "=", scope.values[i]
                )
            )
    return [*scope.body, *stores]


def with_symbols(
    names: Sequence[str], body: Sequence[Stmt], source: str = "env->dims"
) -> list[Stmt]:
    """`body` behind `const int64_t B = env->dims[0];` for each symbol that it mentions."""
    used = names_in(body)
    dims = [(i, size_name(s)) for i, s in enumerate(names) if size_name(s) in used]
    return [*(Declare("const int64_t", s, Element(Name(source), Int(i))) for i, s in dims), *body]


def emit_product(kernel: Kernel, pointers: Pointers) -> list[Stmt]:
    """The body of the kernel's function: batches, and the worker's share of rows or columns."""
    stage = kernel.stages[0]
    product = stage.product
    assert product is not None
    g, m, n, _ = product.shape
    rows = by_rows(product)
    share = [_share("begin", m if rows else n, 0), _share("end", m if rows else n, 1)]
    tile: list[Stmt] = [Declare("fnc_tile", "tile", Name("{env, 0}"))]
    work = (
        [_tile_call(kernel, stage, pointers, rows)]
        if stage.dtype in TILED
        else _plain(kernel, product, pointers, rows)
    )
    if g == 1:
        return [*share, *tile, *work]
    return [
        *share,
        *tile,
        For("g", Int(0), dim(g), (Assign(Name("tile.g"), "=", Name("g")), *work)),
    ]


def by_rows(product: Product) -> bool:
    """Workers share the rows of the result, unless there are few and the columns are many."""
    m, n = product.shape[1:3]
    return not (isinstance(m, int) and isinstance(n, int) and m < n)


def _share(name: str, extent: Dim, one: int) -> Stmt:
    part = binary("+", Name("part"), Int(one))
    return Declare(
        "const int64_t", name, call("fnc_share", dim(extent), Int(GRAIN), part, Name("parts"))
    )


def _tile_call(kernel: Kernel, stage: Stage, pointers: Pointers, rows: bool) -> Stmt:
    product = stage.product
    assert product is not None
    g, m, n, k = product.shape
    a, b = product.a, product.b
    ranges = (
        (Name("begin"), Name("end"), Int(0), dim(n))
        if rows
        else (Int(0), dim(m), Name("begin"), Name("end"))
    )
    return Do(
        call(
            f"fnc_gemm_{DTYPES[stage.dtype].short}",
            dim(m), dim(n), dim(k),
            _start(pointers(a.buffer), a.at, g), dim(a.at.coefficient(1)), dim(a.at.coefficient(2)),
            _start(pointers(b.buffer), b.at, g), dim(b.at.coefficient(1)),
            *ranges, Name(f"{kernel.name}_epilogue"), Unary("&", Name("tile")),
        )
    )  # fmt: skip


def _start(pointer: CExpr, at: Affine, g: Dim) -> CExpr:
    """The first element of batch g."""
    batch = binary("*", dim(at.coefficient(0)), Name("g")) if g != 1 else Int(0)
    return binary("+", binary("+", pointer, dim(at.offset)), batch)


def _plain(kernel: Kernel, product: Product, pointers: Pointers, rows: bool) -> list[Stmt]:
    """Integer products, which are rare: three loops and the same epilogue."""
    dtype = kernel.stages[0].dtype
    g, m, n, k = product.shape
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
    m_range: tuple[CExpr, CExpr] = (Name("begin"), Name("end")) if rows else (Int(0), dim(m))
    n_range: tuple[CExpr, CExpr] = (Int(0), dim(n)) if rows else (Name("begin"), Name("end"))
    loops: list[Stmt] = [For("m", *m_range, (For("n", *n_range, tuple(point)),))]
    return (
        [Declare("const int64_t", "g", Int(0)), *loops]
        if g == 1 and "g" in names_in(loops)
        else loops
    )
