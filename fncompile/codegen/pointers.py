"""Where buffers are in C: the pointer declarations at the top of a kernel."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence

from fncompile.codegen.affine import dim, size_name
from fncompile.codegen.ctree import (
    Cast,
    CExpr,
    Declare,
    Do,
    Element,
    Int,
    Name,
    Stmt,
    binary,
    names_in,
)
from fncompile.codegen.expr import c_type
from fncompile.codegen.place import Place
from fncompile.ir.dims import Dim
from fncompile.plan.types import Buffer, Plan


class Pointers:
    """Names and declarations of the buffers that one kernel touches."""

    def __init__(self, plan: Plan, places: Mapping[str, Place]):
        self.plan, self.places = plan, places
        self.names: dict[Buffer, str] = {}
        self._canonical: dict[tuple, Buffer] = {}
        self._taken: set[str] = set()

    def __call__(self, buffer: Buffer) -> Name:
        """The pointer of `buffer`; buffers at the same place share one, so that `restrict`
        holds."""
        key = self._place(buffer)
        buffer = self._canonical.setdefault(key, buffer)
        if buffer not in self.names:
            self.names[buffer] = self._name(buffer)
        return Name(self.names[buffer])

    def _place(self, buffer: Buffer) -> tuple:
        start: Dim = 0
        dtype, at = buffer.type.dtype, buffer
        while at.base is not None:
            start, at = start + at.offset, at.base
        return (at, start, dtype)

    def _name(self, buffer: Buffer) -> str:
        base = re.sub(r"\W+", "_", root_name(buffer)).strip("_").lower() or "p"
        base = f"p_{base}" if base[0].isdigit() or LOCALS.fullmatch(base) else base
        name, k = base, 0
        while name in self._taken or name in RESERVED:
            k += 1
            name = f"{base}_{k}"
        self._taken.add(name)
        return name

    def enclosed(self, work: Sequence[Stmt], written: Iterable[Buffer]) -> list[Stmt]:
        """`work` as the body of a function of `env`: behind what it uses of pointers and sizes."""
        body = with_symbols(self.plan.kernel_symbols, [*self.declarations(written), *work])
        return body if "env" in names_in(body) else [Do(Name("(void)env")), *body]

    def parameters(self, names: Container[str], written: Iterable[Buffer]) -> dict[str, str]:
        """Pointers and sizes of these names, as parameters of another function: name -> type."""
        targets = self._targets(written)
        found = {
            name: self._type(buffer, buffer in targets or buffer.kind == "local")
            for buffer, name in self.names.items()
            if name in names
        }
        sizes = map(size_name, self.plan.kernel_symbols)
        return {**found, **{size: "int64_t " for size in sizes if size in names}}

    def declarations(self, written: Iterable[Buffer]) -> list[Stmt]:
        """One pointer per buffer used so far; const unless written."""
        targets = self._targets(written)
        return [self._declare(b, n, b in targets) for b, n in self.names.items()]

    def _targets(self, written: Iterable[Buffer]) -> set[Buffer]:
        return {
            self._canonical[self._place(b)] for b in written if self._place(b) in self._canonical
        }

    def _type(self, buffer: Buffer, written: bool) -> str:
        return f"{'' if written else 'const '}{c_type(buffer.type.dtype)} *restrict "

    def _declare(self, buffer: Buffer, name: str, written: bool) -> Stmt:
        if buffer.kind == "local":
            return Declare(c_type(buffer.type.dtype), name, None, dim(buffer.type.size))
        type = self._type(buffer, written)
        return Declare(
            type.rstrip(), name, self._address(buffer, type.removesuffix("restrict "), written)
        )

    def _address(self, buffer: Buffer, pointer: str, written: bool) -> CExpr:
        start: Dim = 0
        while buffer.base is not None:
            start, buffer = start + buffer.offset, buffer.base
        base = _BASES[buffer.kind](self, buffer, pointer, written)
        return binary("+", base, dim(start))

    def _array(self, field: str, buffer: Buffer) -> CExpr:
        return Element(Name(f"env->{field}"), Int(buffer.index))

    def _block(self, buffer: Buffer, pointer: str, written: bool) -> CExpr:
        place = self.places[buffer.name]
        field = Name(f"env->{place.block}")
        base = Cast("unsigned char *", field) if place.block == "weights" and written else field
        return Cast(pointer, binary("+", base, Int(place.offset)))

    def _arena(self, buffer: Buffer, pointer: str, written: bool) -> CExpr:
        if buffer in self.plan.prepared_offsets:
            return Cast(
                pointer, binary("+", Name("env->prepared"), Int(self.plan.prepared_offsets[buffer]))
            )
        return Cast(pointer, binary("+", Name("env->arena"), dim(self.plan.offsets[buffer])))


def with_symbols(
    names: Sequence[str], body: Sequence[Stmt], source: str = "env->dims"
) -> list[Stmt]:
    """`body` behind `const int64_t B = env->dims[0];` for each symbol that it mentions."""
    used = names_in(body)
    dims = [(i, size_name(s)) for i, s in enumerate(names) if size_name(s) in used]
    return [*(Declare("const int64_t", s, Element(Name(source), Int(i))) for i, s in dims), *body]


_BASES = {
    "input": lambda self, b, pointer, written: Cast(pointer, self._array("in", b)),
    "output": lambda self, b, pointer, written: Cast(pointer, self._array("out", b)),
    "param": Pointers._block,
    "arena": Pointers._arena,
    "const": lambda self, b, pointer, written: Name(table_name(b)),
}
RESERVED = {
    "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum",
    "extern", "float", "for", "goto", "if", "inline", "int", "long", "register", "restrict",
    "return", "short", "signed", "sizeof", "static", "struct", "switch", "typedef", "union",
    "unsigned", "void", "volatile", "while", "env", "asm", "typeof", "main", "index",
}  # fmt: skip
# What emitters call their own variables.
LOCALS = re.compile(
    r"[a-z]\d*|[vsr]\d+(_\w*)?|mr|nr|part|parts|acc|tile|begin|end|lanes|sum|bytes|number|panels|dims|size_\w*|(bits|row|inside|from)\d+(_\d+)?"
)


def root_name(buffer: Buffer) -> str:
    return buffer.name.rstrip("'")


def table_name(buffer: Buffer) -> str:
    """The static table of a constant, named by its contents."""
    import hashlib

    content = buffer.data + str(buffer.type).encode()
    return f"table_{hashlib.blake2b(content, digest_size=5).hexdigest()}"
