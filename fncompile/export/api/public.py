"""One public function of a library, and the names its body uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fncompile.codegen.ctree import Binary, Cast, CExpr, If, Name, Return, Stmt, call
from fncompile.export.api.library import Library

MODEL = Name("&the_model")
CTX = Cast("fnc_ctx *", Name("ctx"))
CONST_CTX = Cast("const fnc_ctx *", Name("ctx"))


@dataclass(frozen=True)
class Public:
    """`name` and `type` carry the prefix; `doc` is a sentence or more; `group` is a heading."""

    group: str
    type: str
    name: str
    params: tuple[str, ...]
    doc: str
    body: tuple[Stmt, ...]


def public(
    library: Library,
    group: str,
    name: str,
    params: Sequence[str],
    doc: str,
    *body: Stmt,
    type: str | None = None,
) -> Public:
    """A function, of type status unless another is given, whose first parameter, where it is `ctx`
    or `const ctx`, is the context."""
    m = library.prefix
    context = {"ctx": f"{m}_ctx *ctx", "const ctx": f"const {m}_ctx *ctx"}
    expanded = tuple(context.get(p, p) for p in params)
    return Public(group, type or f"{m}_status", f"{m}_{name}", expanded, doc, body)


def runtime(function: str, context: CExpr, *names: str) -> Return:
    """`return function(&the_model, context, ...);`"""
    return Return(call(function, MODEL, context, *map(Name, names)))


def refuse_null(pointer: str) -> If:
    return If(Binary("==", Name(pointer), Name("NULL")), (Return(Name("FNC_ERR_ARG")),))
