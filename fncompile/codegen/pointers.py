"""What a kernel calls things in C: the pointers, constants and sizes declared at its top."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence

from fncompile.codegen.affine import Size, dim, size_name
from fncompile.codegen.c_names import distinct, identifier
from fncompile.codegen.ctree import (
    Binary,
    Cast,
    CExpr,
    Comment,
    Constants,
    Declare,
    Define,
    Do,
    Element,
    Int,
    Name,
    Stmt,
    TopLevel,
    binary,
    call,
    names_in,
)
from fncompile.codegen.expr import c_type, local_array
from fncompile.codegen.place import Place
from fncompile.ir.dims import Dim, evaluate, symbols_of
from fncompile.ir.types import DTYPES
from fncompile.plan.machine import machine
from fncompile.plan.types import Buffer, Plan, memory_place


class Pointers:
    """Names and declarations of what one kernel uses: pointers of buffers, `values` of its stages,
    and constants, which are the extents of its axes. Pointers of `memory` are given: `at0`,
    `at1`, ..., or in an epilogue `at[0]`, ..."""

    def __init__(
        self,
        plan: Plan,
        offsets: Offsets,
        values: Sequence[str] = (),
        memory: Sequence[Buffer] = (),
        of_tile: bool = False,
    ):
        self.plan, self.offsets, self.values = plan, offsets, tuple(map(identifier, values))
        given = [
            Element(Name("at"), Int(i)) if of_tile else Name(f"at{i}") for i in range(len(memory))
        ]
        self.given: dict[tuple, CExpr] = dict(zip(map(memory_place, memory), given))
        self.constants: dict[tuple[str, int], str] = {}  # axis and extent -> name
        self.names: dict[Buffer, str] = {}
        self._canonical: dict[tuple, Buffer] = {}
        self._taken: set[str] = set(self.values)

    def __call__(self, buffer: Buffer) -> Name:
        """The pointer of `buffer`; buffers at the same place share one, so that `restrict`
        holds."""
        key = memory_place(buffer)
        buffer = self._canonical.setdefault(key, buffer)
        if buffer not in self.names:
            self.names[buffer] = self._name(buffer)
        return Name(self.names[buffer])

    def _name(self, buffer: Buffer) -> str:
        base = identifier(buffer.name.rstrip("'"), buffer.kind)
        if LOCALS.fullmatch(base) or base in self._taken:
            base = f"{base.rstrip('_')}_{buffer.kind}"
        return self.fresh(base)

    def fresh(self, stem: str) -> str:
        """`stem`, or, where that is taken, `stem_2`, `stem_3`...: a name of the kernel's own."""
        [name] = distinct([stem], self._taken)
        self._taken.add(name)
        return name

    def size(self, axis: str, extent: Dim) -> Size:
        """An extent as C writes it: that of axis j is J, or J_10 where J is another one."""
        if not isinstance(extent, int) or not 1 < extent < 2**31:
            return Size(extent, dim(extent))
        name = axis.upper()
        if any(name == other and key[1] != extent for key, other in self.constants.items()):
            name = f"{name}_{extent}"
        return Size(extent, Name(self.constants.setdefault((axis, extent), name)))

    def sizes(self, axes: Sequence[str], domain: Sequence[Dim]) -> list[Size]:
        return [self.size(axis, extent) for axis, extent in zip(axes, domain)]

    def with_constants(self, body: Sequence[Stmt]) -> list[Stmt]:
        """`body` behind the constants that it mentions."""
        used = names_in(body)
        items = [(n, Int(extent)) for (_, extent), n in self.constants.items() if n in used]
        return [*([Constants(tuple(items))] if items else []), *body]

    def enclosed(self, work: Sequence[Stmt], written: Iterable[Buffer]) -> list[Stmt]:
        """`work` as the body of a function of `env`: behind what it uses of pointers and sizes."""
        body = self.with_constants([*self.declarations(written), *work])
        body = with_symbols(self.plan.kernel_symbols, body)
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
        places = map(memory_place, written)
        return {self._canonical[place] for place in places if place in self._canonical}

    def _type(self, buffer: Buffer, written: bool) -> str:
        return f"{'' if written else 'const '}{c_type(buffer.type.dtype)} *restrict "

    def _declare(self, buffer: Buffer, name: str, written: bool) -> Stmt:
        if buffer.kind == "local":
            return local_array(c_type(buffer.type.dtype), name, dim(buffer.type.size))
        type = self._type(buffer, written)
        return Declare(
            type.rstrip(), name, self._address(buffer, type.removesuffix("restrict "), written)
        )

    def _address(self, buffer: Buffer, pointer: str, written: bool) -> CExpr:
        given = self.given.get(memory_place(buffer))
        if given is not None:
            return Cast(pointer, given)
        return self.offsets.address(buffer, pointer, written)


class Offsets:
    """Where buffers begin in the blocks of memory that a call is given: constants of the unit."""

    def __init__(self, plan: Plan, places: Mapping[str, Place]):
        self.plan, self.places = plan, places
        self._found: dict[tuple[str, str, Dim], tuple[str, Buffer]] = {}
        self._taken: set[str] = set()

    def address(self, buffer: Buffer, pointer: str, written: bool = False) -> CExpr:
        """Where `buffer` begins, as a `pointer`; as whatever pointer it is, where that is ""."""
        root, start, dtype = memory_place(buffer)
        if root.kind == "const":
            return binary("+", Name(table_name(root)), dim(start))
        if root.kind in ("input", "output"):
            field = {"input": "in", "output": "out"}[root.kind]
            array: CExpr = Element(Name(f"env->{field}"), Int(root.index))
            if pointer or start != 0:
                array = Cast(pointer or f"const {c_type(dtype)} *", array)
            return binary("+", array, dim(start))
        block, at = self.of(buffer, root, start)
        base: CExpr = Name(f"env->{block}")
        if block == "weights" and written:
            base = Cast("unsigned char *", base)
        found = Binary("+", base, at)
        return Cast(pointer, found) if pointer else found

    def of(self, buffer: Buffer, root: Buffer, start: Dim) -> tuple[str, CExpr]:
        """The block of `root`, and in bytes where in it `buffer` lies, `start` elements behind."""
        block, begin = self._begin(root)
        key = block, buffer.name.rstrip("'"), begin + start * DTYPES[root.type.dtype].size
        if key not in self._found:
            [name] = distinct([key[1]], self._taken)
            self._taken.add(name)
            self._found[key] = f"AT_{name.upper()}", buffer
        name = self._found[key][0]
        symbols = [Name(size_name(s)) for s in symbols_of([key[2]])]
        return block, call(name, *symbols) if symbols else Name(name)

    def _begin(self, root: Buffer) -> tuple[str, Dim]:
        if root.kind == "param":
            place = self.places[root.name]
            return place.block, place.offset
        if root in self.plan.prepared_offsets:
            return "prepared", self.plan.prepared_offsets[root]
        return "arena", self.plan.offsets[root]

    def definitions(self) -> list[TopLevel]:
        """A comment and a constant for each buffer, block by block in the order of memory."""
        out: list[TopLevel] = []
        typical: dict[str, int] = defaultdict(lambda: machine().typical)
        for block in ("weights", "train", "state", "prepared", "arena"):
            found = [(key[2], *named) for key, named in self._found.items() if key[0] == block]
            if found:
                out.append(Comment(f"Bytes from the beginning of env->{block}."))
            for at, name, buffer in sorted(found, key=lambda f: (evaluate(f[0], typical), f[1])):
                symbols = tuple(map(size_name, symbols_of([at])))
                out.append(Define(name, symbols, dim(at), str(buffer.type)))
        return out


def with_symbols(
    names: Sequence[str], body: Sequence[Stmt], source: str = "env->dims"
) -> list[Stmt]:
    """`body` behind `const int64_t B = env->dims[0];` for each symbol that it mentions."""
    used = names_in(body)
    dims = [(i, size_name(s)) for i, s in enumerate(names) if size_name(s) in used]
    return [*(Declare("const int64_t", s, Element(Name(source), Int(i))) for i, s in dims), *body]


# What emitters call their own variables, where one may meet the name of a buffer.
LOCALS = re.compile(
    r"[ghijklmnpqtuwz]0?|mr|nr|acc|at\d*|part|parts|tile|begin|end|own|env|lanes|bytes|number|panels|dims|beside|"
    r"size_\w*|main|index"
)


def table_name(buffer: Buffer) -> str:
    """The static table of a constant, named by its contents."""
    import hashlib

    content = buffer.data + str(buffer.type).encode()
    return f"table_{hashlib.blake2b(content, digest_size=5).hexdigest()}"
