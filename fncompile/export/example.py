"""The example program of a bundle: predicts, trains a few steps, and keeps a checkpoint.

Plain C99 that is C++11 too, as a C tree like all generated code.
"""

from __future__ import annotations

from fncompile.codegen.cprint import comment_block, print_unit
from fncompile.codegen.ctree import (
    Assign,
    Binary,
    Call,
    Cast,
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
    TopLevel,
    call,
)
from fncompile.codegen.expr import c_type
from fncompile.export.api.library import ROLES, Library, Port, Step
from fncompile.export.api.tables import quoted
from fncompile.export.halves import as_double, as_element, number_type, with_functions
from fncompile.ir.dims import symbols_of
from fncompile.ir.types import TensorType

BATCH, LENGTH, STEPS = 4, 3, 10


def emit_example(library: Library) -> str:
    """The text of `example_<prefix>.c`."""
    m, training = library.prefix, library.training is not None
    about = f"example_{m}.c: a C or C++ program with the model {library.title!r}. By fncompile."
    head = [
        *comment_block(about),
        "",
        "#include <stdio.h>",
        "#include <stdlib.h>",
        *([] if library.embedded else ["#include <string.h>"]),
        "",
        f'#include "{m}.h"',
        "",
    ]
    items: list[TopLevel] = [_constants(library), _check(library), _run(library)]
    items += [_train(library)] if training else []
    items += [_keep(library)] if training and not library.freestanding else []
    text = with_functions(print_unit([*items, _main(library)]))
    head[2:2] = ["#include <math.h>"] if "HUGE_VAL" in text else []
    return "\n".join(head) + "\n" + text


def _constants(library: Library) -> Constants:
    sizes = [
        (name.upper(), Int(LENGTH))
        for s, name in library.size_names.items()
        if s in library.symbols and s != "B"
    ]
    batch = BATCH if library.batch is None else library.batch
    return Constants((("BATCH", Int(batch)), *sizes))


def _check(library: Library) -> Function:
    m = library.prefix
    text = call(f"{m}_status_str", Name("status"))
    say = Do(call("fprintf", Name("stderr"), quoted("%s: %s\n"), Name("what"), text))
    wrong = Binary("!=", Name("status"), Name(f"{library.macro}_OK"))
    body = (If(wrong, (say, Do(call("exit", Name("EXIT_FAILURE"))))),)
    return Function("static", "void", "check", (f"{m}_status status", "const char *what"), body)


def _run(library: Library) -> Function:
    """Predict and print the first outputs of each array."""
    step = library.steps["predict"]
    body: list[Stmt] = [*declared(library, [*step.inputs, *step.outputs]), *_fill(library, step)]
    body.append(
        _checked(
            library,
            "predict",
            [*sizes_of(library, step), *_names(step.inputs), *_names(step.outputs)],
        )
    )
    for port in step.outputs:
        value = as_double(Element(Name(port.name), Name("i")), port.type.dtype)
        shown = Do(call("printf", quoted(" %g"), value))
        first = Binary("<", Name("i"), Int(8))
        body += [
            Do(call("printf", quoted(f"{port.name}:"))),
            For("i", Int(0), array_count(library, port), (If(first, (shown,)),)),
            Do(call("printf", quoted("\n"))),
        ]
    return Function("static", "void", "predict", (f"{library.prefix}_ctx *ctx",), tuple(body))


def _train(library: Library) -> Function:
    """A few steps on one batch; the loss falls."""
    step, real = library.steps["train_step"], c_type(library.training.real)  # type: ignore[union-attr]
    args = [*sizes_of(library, step), *_names(step.inputs), Name("&loss")]
    shown = call(
        "printf",
        quoted("step %d: loss %g\n"),
        Cast("int", Name("step")),
        as_double(Name("loss"), library.training.real),  # type: ignore[union-attr]
    )
    metric = call(
        "printf",
        quoted("%s: %g\n"),
        call(f"{library.prefix}_metric_name", Cast("int32_t", Name("i"))),
        as_double(Element(Name("metrics"), Name("i")), library.training.real),  # type: ignore[union-attr]
    )
    count = Name(f"{library.macro}_NUM_METRICS")
    body = (
        *declared(library, step.inputs),
        Declare(real, "loss", Int(0)),
        Declare(real, "metrics", None, count),
        *_fill(library, step),
        For("step", Int(0), Int(STEPS), (_checked(library, "train_step", args), Do(shown))),
        _checked(library, "metrics", [Name("metrics")]),
        For("i", Int(0), count, (Do(metric),)),
    )
    return Function("static", "void", "train", (f"{library.prefix}_ctx *ctx",), body)


def _keep(library: Library) -> Function:
    """Save to a file and load it again."""
    body = (_checked(library, "save", [Name("path")]), _checked(library, "load", [Name("path")]))
    comment = "Another program, or Python, may go on from this file."
    return Function(
        "static", "void", "keep", (f"{library.prefix}_ctx *ctx", "const char *path"), body, comment
    )


def _main(library: Library) -> Function:
    keeps = library.training is not None and not library.freestanding
    body = begin(library, "TRAIN" if library.training else "PREDICT")
    body.append(Do(call("predict", Name("ctx"))))
    if library.training:
        body.append(Do(call("train", Name("ctx"))))
    if keeps:
        keep = Do(call("keep", Name("ctx"), Name("argv[1]")))
        body.append(If(Binary(">", Name("argc"), Int(1)), (keep,)))
    body += [*end(library), Return(Name("EXIT_SUCCESS"))]
    params = ("int argc", "char **argv") if keeps else ()
    return Function("", "int", "main", params, tuple(body))


def begin(library: Library, mode: str) -> list[Stmt]:
    """A context `ctx`: in memory of the program's own, where there is no heap; with weights from
    the file in the working directory, where that has them."""
    m, M = library.prefix, library.macro
    sizes = ["BATCH" if s == "B" else library.size_names[s].upper() for s in library.symbols]
    given: list[CExpr] = [Name(f"{M}_{mode}"), *map(Name, sizes)]
    body: list[Stmt] = [Declare(f"{m}_ctx *", "ctx", Name("NULL"))]
    function = "create" if library.embedded else "create_with"
    if library.freestanding:
        size = call(f"{M}_{mode}_BYTES", *map(Name, sizes))
        body.append(Declare("static unsigned char", "memory", None, size))
        given = [Name("memory"), Name("sizeof memory"), *given]
        function = "init"
    elif not library.embedded:
        body += [
            Declare(f"{m}_options", "options"),
            Do(call("memset", Name("&options"), Int(0), Name("sizeof options"))),
            Assign(Name("options.struct_size"), "=", Name("sizeof options")),
            Assign(Name("options.weights_file"), "=", quoted(f"{m}.weights")),
        ]
        given.append(Name("&options"))
    make = call(f"{m}_{function}", *given, Name("&ctx"))
    return [*body, Do(call("check", make, quoted(function)))]


def end(library: Library) -> list[Stmt]:
    """Of the context."""
    if library.freestanding:
        return []
    return [Do(call(f"{library.prefix}_destroy", Name("ctx")))]


def _checked(library: Library, function: str, args: list[CExpr]) -> Stmt:
    return Do(
        call("check", Call(f"{library.prefix}_{function}", (Name("ctx"), *args)), quoted(function))
    )


def _names(ports: tuple[Port, ...]) -> list[CExpr]:
    return [Name(p.name) for p in ports]


def sizes_of(library: Library, step: Step) -> list[CExpr]:
    return [Name("BATCH"), *(Name(library.size_names[s].upper()) for s in step.symbols if s != "B")]


def declared(library: Library, ports) -> list[Stmt]:
    """Static arrays; one of no elements gets one, which nobody reads."""
    return [
        Declare(f"static {c_type(p.type.dtype)}", p.name, None, array_count(library, p))
        for p in ports
    ]


def array_count(library: Library, port: Port) -> CExpr:
    size = TensorType(port.type.dtype, port.type.shape[1:]).size
    if not port.type.shape or size == 0:
        return Int(1)
    extra = [library.size_names[s].upper() for s in symbols_of([size])]
    macro = f"{library.macro}_{ROLES[port.role][0]}_{port.name.upper()}_SIZE"
    elements = call(macro, *map(Name, extra)) if extra else Name(macro)
    first = port.type.shape[0]
    return Binary("*", Name("BATCH") if not isinstance(first, int) else Int(first), elements)


def _fill(library: Library, step: Step) -> list[Stmt]:
    """Some numbers for inputs of real numbers; class numbers and the like stay 0."""
    found: list[Stmt] = []
    for port in step.inputs:
        real = number_type(port.type.dtype)
        if port.type.kind == "f":
            turn = Cast(real, Binary("%", Name("i"), Int(7)))
            value = as_element(Binary("/", turn, Real(7.0, real == "float")), port.type.dtype)
            put = Assign(Element(Name(port.name), Name("i")), "=", value)
            found.append(For("i", Int(0), array_count(library, port), (put,)))
    return found
