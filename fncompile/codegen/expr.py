"""Scalar expressions of a Plan as C.

A `Scope` is the body of one loop at one point: it declares each value that is used more than once
and returns C expressions for the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from fncompile.codegen.affine import Size, dim, index, stride
from fncompile.codegen.ctree import (
    Assign,
    Binary,
    Cast,
    CExpr,
    Declare,
    Element,
    If,
    Int,
    Name,
    Real,
    Stmt,
    Ternary,
    Unary,
    binary,
    call,
    names_in,
)
from fncompile.ir.types import DTYPES, DType
from fncompile.plan.names import word
from fncompile.plan.types import (
    Affine,
    Apply,
    Bits,
    Buffer,
    Const,
    Expr,
    GatherLoad,
    Guarded,
    Index,
    Load,
    Value,
    children,
)

OPERATORS = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "eq": "==",
    "lt": "<",
    "le": "<=",
    "shr": ">>",
}
OPERATORS |= {"and": "&", "or": "|", "xor": "^"}


def c_type(dtype: str) -> str:
    return DTYPES[dtype].c


def in_register(dtype: str) -> str:
    """The dtype of a value at hand: a number of bfloat16 is a float that was rounded."""
    return DTYPES[dtype].in_register


def register_type(dtype: str) -> str:
    """The type of a local: a bool is an int, as comparisons are."""
    return "int" if dtype == "bool" else c_type(in_register(dtype))


def local_array(type: str, name: str, count: CExpr) -> Declare:
    """An array in the frame of a kernel. gcc up to 14 forgets to align the frame of a leaf function
    that writes a local array through a pointer, as functions inlined into it do, unless the array
    asks for more than a call gives (PR 109780)."""
    return Declare(f"FNC_ALIGNED {type}", name, None, count)


def constant(value, dtype: str) -> CExpr:
    if DTYPES[dtype].kind == "f":
        return Real(float(value), in_register(dtype) == "float32")
    return Int(int(value))


def missing(dtype: str) -> CExpr:
    """What a gather gives where there is no such row."""
    return constant(float("nan") if DTYPES[dtype].kind == "f" else 0, dtype)


def load(pointer: CExpr, at: CExpr, buffer: Buffer) -> CExpr:
    """The value of an element of memory."""
    element = Element(pointer, at)
    row = DTYPES[buffer.type.dtype]
    return call(f"fnc_load_{row.short}", element) if row.widens else element


def store(pointer: CExpr, at: CExpr, buffer: Buffer, value: CExpr) -> Stmt:
    """Puts a value, rounded as its dtype asks, into memory."""
    row = DTYPES[buffer.type.dtype]
    kept = call(f"fnc_store_{row.short}", value) if row.widens else value
    return Assign(Element(pointer, at), "=", kept)


def rounded(value: CExpr, dtype: str) -> CExpr:
    """A result of dtype `dtype` that was computed in the dtype of registers."""
    row = DTYPES[dtype]
    return call(f"fnc_round_{row.short}", value) if row.widens else value


class Names(Protocol):
    """Of a kernel: the pointer of a buffer, and names that nothing has yet."""

    def __call__(self, buffer: Buffer) -> Name: ...

    def fresh(self, stem: str) -> str: ...


class Scope:
    """Builds the statements of one loop body."""

    def __init__(
        self,
        axes: Sequence[CExpr],
        sizes: Sequence[Size],
        pointer: Names,
        values: dict[int, CExpr],
    ):
        self.axes, self.sizes = list(axes), list(sizes)
        self.pointer, self.values = pointer, dict(values)
        self.body: list[Stmt] = []
        self.known: dict[Expr, CExpr] = {}
        self.uses: Counter[Expr] = Counter()

    def count(self, expr: Expr | None) -> None:
        """Note how often each part of `expr` will be read; call for all before `value`."""
        if expr is None:
            return
        self.uses[expr] += 1
        if self.uses[expr] == 1:
            for child in children(expr):
                self.count(child)

    def value(self, expr: Expr) -> CExpr:
        if expr in self.known:
            return self.known[expr]
        text = self._make(expr)
        if self.uses[expr] > 1 and not isinstance(expr, (Const, Value)):
            text = self.declare(expr.dtype, text, self._stem(expr))
        self.known[expr] = text
        return text

    def declare(self, dtype: str, value: CExpr, stem: str) -> Name:
        return self.put(dtype, value, self.pointer.fresh(stem))

    def put(self, dtype: str, value: CExpr, name: str) -> Name:
        """Declares `name`, which nothing has yet."""
        self.body.append(Declare(f"const {register_type(dtype)}", name, value))
        return Name(name)

    def _stem(self, expr: Expr) -> str:
        """What a value is called: an element of `x` along i is `x_i`."""
        if not isinstance(expr, Load):
            return word(expr)
        along = [names_in(self.axes[axis]) for axis, step in expr.at.terms if step == 1]
        letters = [n for names in along for n in sorted(names) if len(n) == 1]
        return "_".join([self.pointer(expr.buffer).text, *(letters[-1:] or ["value"])])

    def _make(self, e: Expr) -> CExpr:
        if isinstance(e, Const):
            return constant(e.value, e.dtype)
        if isinstance(e, Value):
            return self.values[e.stage]
        if isinstance(e, Load):
            return load(self.pointer(e.buffer), self.index(e.at), e.buffer)
        if isinstance(e, Index):
            return rounded(Cast(register_type(e.dtype), self.index(e.at)), e.dtype)
        if isinstance(e, Apply):
            return apply(e, [self._operand(e, a) for a in e.args])
        if isinstance(e, Bits):
            return self._bits(e)
        if isinstance(e, GatherLoad):
            return self._gather(e)
        return self._guarded(e)

    def _operand(self, e: Apply, arg: Expr) -> CExpr:
        """An operand of `e`. A quotient or root that one side of a select is gets a name: as an arm
        of ?: gcc would compute it only where it is chosen, by a branch, and not in vectors."""
        text = self.value(arg)
        if e.fn != "select" or isinstance(text, Name) or not self._is_slow(arg):
            return text
        self.known[arg] = self.declare(arg.dtype, text, self._stem(arg))
        return self.known[arg]

    def _is_slow(self, e: Expr) -> bool:
        if isinstance(self.known.get(e), Name):
            return False
        quotient = isinstance(e, Apply) and e.fn in SLOW and DTYPES[e.dtype].kind == "f"
        return quotient or any(map(self._is_slow, children(e)))

    def index(self, at: Affine) -> CExpr:
        return index(at, self.axes, self.sizes)

    def _bits(self, e: Bits) -> CExpr:
        key = self.pointer(e.seed)
        return call(
            "fnc_philox",
            Element(key, Int(0)),
            Element(key, Int(1)),
            Cast("uint64_t", self.index(e.at)),
        )

    def _gather(self, e: GatherLoad) -> CExpr:
        row = self.declare("int64", Cast("int64_t", self.value(e.row)), "row")
        inside = Binary("&&", Binary(">=", row, Int(0)), Binary("<", row, dim(e.rows)))
        at = binary("+", binary("*", row, stride(e.stride, e.at, self.sizes)), self.index(e.at))
        return Ternary(inside, load(self.pointer(e.buffer), at, e.buffer), missing(e.dtype))

    def _guarded(self, e: Guarded) -> CExpr:
        """Evaluated under an `if`, since its loads are valid only inside."""
        condition: CExpr | None = None
        for at, extent in e.conditions:
            i = self.index(at)
            test = Binary("&&", Binary(">=", i, Int(0)), Binary("<", i, dim(extent)))
            condition = test if condition is None else Binary("&&", condition, test)
        assert condition is not None
        outside = self.value(e.outside)
        if isinstance(e.inside, Load):
            return Ternary(condition, self._make(e.inside), outside)
        name = Name(self.pointer.fresh("guarded"))
        self.body.append(Declare(register_type(e.dtype), name.text, outside))
        inner = Scope(self.axes, self.sizes, self.pointer, self.values)
        inner.known = dict(self.known)
        inner.count(e.inside)
        result = inner.value(e.inside)
        self.body.append(If(condition, (*inner.body, Assign(name, "=", result))))
        return name


SLOW = ("div", "sqrt", "rsqrt")  # what gcc does not compute in vain
EXACT = ("neg", "abs", "max", "min", "select")  # give a number of bfloat16 for such numbers


def apply(e: Apply, args: list[CExpr]) -> CExpr:
    """One scalar function on C operands; a result of dtype bfloat16 is rounded."""
    exact = e.fn in EXACT or (e.fn == "cast" and e.args[0].dtype == e.dtype)
    return _apply(e, args) if exact else rounded(_apply(e, args), e.dtype)


def _apply(e: Apply, args: list[CExpr]) -> CExpr:
    if e.fn == "cast":
        return cast(args[0], e.args[0].dtype, e.dtype)
    if e.fn == "select":
        return Ternary(args[0], args[1], args[2])
    row = DTYPES[in_register(e.args[0].dtype)]
    if e.fn == "not":
        return Unary("!", args[0]) if row.kind == "b" else Cast(row.c, Unary("~", args[0]))
    if e.fn == "shl":  # the bits of a negative number, which C shifts as little as it overflows
        return Cast(row.c, Binary("<<", Cast("uint64_t", args[0]), args[1]))
    if e.fn in OPERATORS and not (row.wraps and e.fn in ("add", "sub", "mul")):
        a, b = args
        out = times(a, b, row) if e.fn == "mul" else Binary(OPERATORS[e.fn], a, b)
        return Cast(row.c, out) if row.size < 4 and row.kind != "b" and e.dtype != "bool" else out
    if e.fn == "neg" and row.kind == "f":
        return Unary("-", args[0])
    found = _bounded(e, args, row.short) or call(f"fnc_{e.fn}_{row.functions}", *args)
    return found if row.functions == row.short else Cast(row.c, found)


def times(a: CExpr, b: CExpr, row: DType) -> Binary:
    """The product of two numbers, by the operator of C."""
    return Binary("*", a if row.factor == row.c else Cast(row.factor, a), b)


def _bounded(e: Apply, args: list[CExpr], short: str) -> CExpr | None:
    """max and min with a constant need no care for a NaN in the second operand."""
    if (
        e.fn not in ("max", "min")
        or short not in ("f32", "f64")
        or not isinstance(e.args[1], Const)
    ):
        return None
    if e.args[1].value != e.args[1].value or isinstance(args[0], (Binary, Ternary)):
        return None
    return Ternary(Binary("<" if e.fn == "max" else ">", args[0], args[1]), args[1], args[0])


def cast(x: CExpr, source: str, target: str) -> CExpr:
    """`interp.cast_array` in C: to bool tests, float to integer saturates, integers wrap."""
    source, target = in_register(source), in_register(target)
    a, b = DTYPES[source], DTYPES[target]
    if source == target:
        return x
    if b.kind == "b":
        return Binary("!=", x, constant(0, source))
    if a.kind == "f" and b.kind in "iu":
        if b.functions == b.short:
            return call(f"fnc_{b.short}_from_{a.short}", x)
        low, high = (
            (0, 2 ** (8 * b.size) - 1)
            if b.kind == "u"
            else (-(2 ** (8 * b.size - 1)), 2 ** (8 * b.size - 1) - 1)
        )
        wide = call(f"fnc_i64_from_{a.short}", x)
        return Cast(b.c, call("fnc_min_i64", call("fnc_max_i64", wide, Int(low)), Int(high)))
    return Cast(b.c, x)
