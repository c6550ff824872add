"""The self-test of a bundle: a C program that compares values and gradients with Python's.

Plain C99 that is C++11 too, as a C tree like all generated code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from fncompile.codegen.cprint import comment_block, expression, print_unit
from fncompile.codegen.ctree import (
    Assign,
    Binary,
    CExpr,
    Constants,
    Declare,
    Do,
    Element,
    For,
    Function,
    If,
    Int,
    Name,
    Real,
    Return,
    Stmt,
    Table,
    Ternary,
    TopLevel,
    Unary,
    call,
)
from fncompile.codegen.expr import c_type
from fncompile.export.api.library import Library, Param, Port
from fncompile.export.api.tables import quoted
from fncompile.export.example import array_count, begin, declared, end, sizes_of
from fncompile.export.halves import as_double, as_element, number_type, with_functions
from fncompile.export.vectors import Vectors, places, value_of, word_bytes
from fncompile.ir.dims import evaluate
from fncompile.ir.types import DTYPES

FAILED = Assign(Name("wrong"), "+=", Int(1))
ABOUT = """{m}_selftest.c: does the library of the model {title!r} compute what Python did when it
was exported? Prints "passed", or what differs, and ends with 0 or 1. A change of any weight is
found. Up to 16 values of each array are compared, to {tolerance:g}, as other processors round
otherwise. Build it as example_{m}.c. By fncompile."""


def emit_selftest(library: Library, vectors: Vectors) -> str:
    """The text of `<prefix>_selftest.c`."""
    m = library.prefix
    about = ABOUT.format(m=m, title=library.title, tolerance=vectors.tolerance)
    includes = [f"#include <{name}.h>" for name in ("math", "stdio", "stdlib", "string")]
    head = [*comment_block(about), "", *includes, "", f'#include "{m}.h"', ""]
    items: list[TopLevel] = [
        _constants(library, vectors),
        Declare("static int", "wrong"),
        *_tables(library, vectors),
        _check(library),
        _compare(vectors),
        _weights(library, vectors),
        _values(library, vectors),
    ]
    items += [_gradients(library, vectors)] if vectors.gradients is not None else []
    items += [_step(library, vectors)] if "step" in _tests(vectors) else []
    text = with_functions(print_unit([*items, _main(library, vectors)]))
    return "\n".join(head) + "\n" + text


def _constants(library: Library, vectors: Vectors) -> Constants:
    names = library.size_names
    sizes = [("BATCH", Int(vectors.sizes["B"]))]
    others = [s for s in library.symbols if s != "B"]
    return Constants((*sizes, *((names[s].upper(), Int(vectors.sizes[s])) for s in others)))


# stored values ----------------------------------------------------------------------------------


def _tables(library: Library, vectors: Vectors) -> list[TopLevel]:
    found: list[TopLevel] = [
        _table(f"want_{k}", f"of output {p.title!r}", values)
        for k, (p, values) in enumerate(
            zip(library.steps["predict"].outputs, vectors.outputs, strict=True)
        )
    ]
    if vectors.gradients is not None:
        every = np.concatenate([*vectors.gradients, np.empty(0)])
        found.append(_table("want_gradients", "of gradients, weight by weight", every))
    return found


def _table(name: str, about: str, values: Iterable[float]) -> Table:
    cells = tuple(_number(float(v)) for v in values) or (Int(0),)
    return Table("double", name, cells, f"Values {about}.")


def _number(value: float) -> CExpr:
    """Values that are no numbers are not compared."""
    return Real(value, False) if np.isfinite(value) else Name("HUGE_VAL")


# functions --------------------------------------------------------------------------------------


def _check(library: Library) -> Function:
    """A status other than OK ends the test."""
    m, M = library.prefix, library.macro
    text = call(f"{m}_status_str", Name("status"))
    body = (
        If(Binary("==", Name("status"), Name(f"{M}_OK")), (Return(None),)),
        Do(call("printf", quoted("%s: %s\n"), Name("what"), text)),
        Do(call("exit", Name("EXIT_FAILURE"))),
    )
    params = (f"{m}_status status", "const char *what")
    return Function("static", "void", "check", params, body)


def _compare(vectors: Vectors) -> Function:
    """Relative to the larger of 1 and what is wanted."""
    size = call("fabs", Name("want"))
    scale = Ternary(Binary(">", size, Real(1.0, False)), size, Real(1.0, False))
    allowed = Binary("*", Real(vectors.tolerance, False), scale)
    near = Binary("<=", call("fabs", Binary("-", Name("got"), Name("want"))), allowed)
    known = Binary("==", Name("want"), Name("HUGE_VAL"))
    shown = call(
        "printf", quoted("%s: %.9g in place of %.9g\n"), Name("what"), Name("got"), Name("want")
    )
    body = (If(Binary("||", known, near), (Return(None),)), Do(shown), FAILED)
    return Function(
        "static", "void", "compare", ("const char *what", "double got", "double want"), body
    )


def _weights(library: Library, vectors: Vectors) -> Function:
    """A sum over all words of the weights."""
    m, M = library.prefix, library.macro
    count = Name(f"{M}_NUM_PARAMS")
    size = word_bytes(library)
    words = Binary("*", count, Int(DTYPES[library.param_dtype].size // size))
    factor = Binary("+", Binary("*", Int(2), Name("(uint64_t)i")), Int(1))
    place = f"(const char *)flat + {size} * i"
    body: tuple[Stmt, ...] = (
        Declare("uint64_t", "sum", Int(0)),
        Declare(f"uint{8 * size}_t", "word"),
        *_memory(library),
        Do(call("check", call(f"{m}_get_params", Name("ctx"), Name("flat"), count), quoted("get"))),
        For(
            "i",
            Int(0),
            words,
            (
                Do(call("memcpy", Name("&word"), Name(place), Int(size))),
                Assign(Name("sum"), "+=", Binary("*", Name("word"), factor)),
            ),
        ),
        Do(call("free", Name("flat"))),
        If(
            Binary("!=", Name("sum"), Name(f"UINT64_C({vectors.digest})")),
            (Do(call("printf", quoted("weights: not those of the export\n"))), FAILED),
        ),
    )
    return Function("static", "void", "weights", (f"{m}_ctx *ctx",), body)


def _memory(library: Library) -> list[Stmt]:
    """A flat array for parameters or gradients."""
    real, count = c_type(library.param_dtype), Name(f"{library.macro}_NUM_PARAMS")
    size = Binary("*", Binary("+", count, Int(1)), call("sizeof", Name(real)))
    none = Binary("==", Name("flat"), Name("NULL"))
    return [
        Declare(f"{real} *", "flat", Name(f"({real} *)malloc({expression(size)})")),
        If(none, (Do(call("exit", Name("EXIT_FAILURE"))),)),
    ]


def _values(library: Library, vectors: Vectors) -> Function:
    step = library.steps["predict"]
    ports = [*step.inputs, *step.outputs]
    body: list[Stmt] = [*declared(library, ports), *_fill(library, step.inputs), *_anew(library)]
    body.append(_call(library, "predict", [*sizes_of(library, step), *_names(ports)]))
    for k, (port, values) in enumerate(zip(step.outputs, vectors.outputs, strict=True)):
        body += _comparison(library, port, f"want_{k}", len(values), vectors)
    return Function("static", "void", "values", (f"{library.prefix}_ctx *ctx",), tuple(body))


def _comparison(
    library: Library, port: Port, table: str, count: int, vectors: Vectors
) -> list[Stmt]:
    if not count:
        return []
    total = int(np.prod([evaluate(d, vectors.sizes) for d in port.type.shape]))
    at = Element(Name(port.name), Binary("*", Name("i"), Int(places(total).step)))
    got, want = as_double(at, port.type.dtype), Element(Name(table), Name("i"))
    return [For("i", Int(0), Int(count), (Do(call("compare", quoted(port.title), got, want)),))]


def _gradients(library: Library, vectors: Vectors) -> Function:
    """Forward, backward, and a few gradients of each weight."""
    m, M, step = library.prefix, library.macro, library.steps["gradient"]
    assert library.training is not None and vectors.loss is not None
    outputs = step.outputs[:-1]
    body: list[Stmt] = [
        *declared(library, [*step.inputs, *outputs]),
        Declare(c_type(library.training.real), "loss", Int(0)),
        *_memory(library),
        *_fill(library, step.inputs),
        *_anew(library),
    ]
    arguments = [*sizes_of(library, step), *_names([*step.inputs, *outputs]), Name("&loss")]
    body.append(_call(library, "forward", arguments))
    body.append(_call(library, "backward", []))
    body.append(_call(library, "get_gradients", [Name("flat"), Name(f"{M}_NUM_PARAMS")]))
    body.append(
        Do(call("compare", quoted("loss"), _loss(library), _number(vectors.loss)))
    )
    at = 0
    for param in (p for p in library.params if p.first is not None):
        body += _of_weight(param, at)
        at += len(places(evaluate(param.type.size, {})))
    body.append(Do(call("free", Name("flat"))))
    return Function("static", "void", "gradients", (f"{m}_ctx *ctx",), tuple(body))


def _step(library: Library, vectors: Vectors) -> Function:
    """A step of training."""
    step, real = library.steps["train_step"], c_type(library.training.real)  # type: ignore[union-attr]
    assert vectors.loss is not None
    arguments = [*sizes_of(library, step), *_names(step.inputs), Name("&loss")]
    body = (
        *declared(library, step.inputs),
        Declare(real, "loss", Int(0)),
        *_fill(library, step.inputs),
        *_anew(library),
        _call(library, "train_step", arguments),
        Do(call("compare", quoted("loss"), _loss(library), _number(vectors.loss))),
    )
    return Function("static", "void", "step", (f"{library.prefix}_ctx *ctx",), body)


def _loss(library: Library) -> CExpr:
    assert library.training is not None
    return as_double(Name("loss"), library.training.real)


def _tests(vectors: Vectors) -> list[str]:
    """What the program does; a step of the user's own is not split, so only its loss is known."""
    trained = "step" if vectors.gradients is None else "gradients"
    return ["weights", "values", *([trained] if vectors.loss is not None else [])]


def _of_weight(param: Param, at: int) -> list[Stmt]:
    kept = places(evaluate(param.type.size, {}))
    if not kept:
        return []
    got = as_double(Name(f"flat[{param.first} + i * {kept.step}]"), param.type.dtype)
    line = call("compare", quoted(param.title), got, Name(f"want_gradients[{at} + i]"))
    return [For("i", Int(0), Int(len(kept)), (Do(line),))]


def _main(library: Library, vectors: Vectors) -> Function:
    mode = "PREDICT" if vectors.loss is None else library.modes[-1]
    verdict = Ternary(Name("wrong"), Name("EXIT_FAILURE"), Name("EXIT_SUCCESS"))
    body: list[Stmt] = [
        *begin(library, mode),
        *(Do(call(test, Name("ctx"))) for test in _tests(vectors)),
        *end(library),
        If(Unary("!", Name("wrong")), (Do(call("puts", quoted("passed"))),)),
        Return(verdict),
    ]
    return Function("", "int", "main", (), tuple(body))


def _fill(library: Library, ports: Sequence[Port]) -> list[Stmt]:
    """The inputs that `vectors.fill` makes."""
    found: list[Stmt] = []
    for port in ports:
        many, real = value_of(port)
        type = number_type(port.type.dtype)
        if real:
            single = type == "float"
            turn = Binary("%", Binary("*", Name("i"), Int(7)), Int(many))
            made: CExpr = Binary(
                "-",
                Binary("/", Name(f"({type})({expression(turn)})"), Real(float(many), single)),
                Real(0.5, single),
            )
        elif port.role == "weight":
            made = Int(1)
        else:
            made = Name(f"({type})(i % {many})")
        made = as_element(made, port.type.dtype)
        element = Element(Name(port.name), Name("i"))
        found.append(For("i", Int(0), array_count(library, port), (Assign(element, "=", made),)))
    return found


def _names(ports: Iterable[Port]) -> list[CExpr]:
    return [Name(p.name) for p in ports]


def _anew(library: Library) -> list[Stmt]:
    """Forget what earlier calls left."""
    return [_call(library, "state_reset", [])] if library.state_bytes else []


def _call(library: Library, function: str, arguments: Sequence[CExpr]) -> Stmt:
    made = call(f"{library.prefix}_{function}", Name("ctx"), *arguments)
    return Do(call("check", made, quoted(function)))


