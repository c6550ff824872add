"""The public functions that run a step: predict, train and evaluate, on one batch or on many."""

from __future__ import annotations

from collections.abc import Sequence

from fncompile.codegen.cprint import braces
from fncompile.codegen.ctree import Binary, CExpr, Declare, Do, If, Int, Name, Return, Stmt, Ternary
from fncompile.codegen.expr import c_type
from fncompile.export.api.library import ROLES, Library, Port, Step
from fncompile.export.api.public import CTX, Public, public, runtime
from fncompile.ir.dims import C_STYLE, dim_text

CALLS = "Calls"
_TRAIN = "One step of training on a batch of n samples: forward, backward, optimizer, metrics."
_EVAL = "Loss of a batch of n samples; the metrics advance, nothing else changes."


def predict(library: Library) -> Public:
    step = library.steps["predict"]
    ports = [*step.inputs, *step.outputs]
    doc = f"Outputs for a batch of n samples, in any mode.\n{listed(library, ports)}"
    params = ("ctx", "int64_t n", *more_sizes(library, step), *map(param, ports))
    body = (*check_batch(library, step), *one_batch(library, step, _names(step.outputs)))
    return public(library, CALLS, "predict", params, doc, *body)


def training_steps(library: Library) -> list[Public]:
    found = []
    for entry, name, doc in (("train_step", "train", _TRAIN), ("evaluate", "eval", _EVAL)):
        if entry not in library.steps:
            continue
        step = library.steps[entry]
        found.append(_one(library, step, f"{name}_step", doc))
        if step.steps:
            found.append(_many(library, step, f"{name}_step"))
    return found


def _one(library: Library, step: Step, name: str, about: str) -> Public:
    unused, wanted = loss_argument(library)
    doc = f"""{about}
{listed(library, step.inputs)}
`loss`, unless null, receives the loss of the batch. Mode train."""
    params = ("ctx", "int64_t n", *array_params(library, step))
    body = (*check_batch(library, step), unused, *one_batch(library, step, [wanted]))
    return public(library, CALLS, name, params, doc, *body)


def _many(library: Library, step: Step, one: str) -> Public:
    doc = f"""{one} for batch after batch of the samples index[0] ... index[count-1], each a row of
the arrays, which have n = `rows` rows. The last batch may be smaller; `loss` is that of the last.
No batch may be larger than the context was made for.
{listed(library, step.inputs)}"""
    own = ("const int64_t *index", "int64_t count", "int64_t batch_size", "int64_t rows")
    params = ("ctx", *own, *array_params(library, step))
    return public(library, CALLS, f"{one}s", params, doc, *_many_batches(library, step))


# bodies -----------------------------------------------------------------------------------------


def one_batch(
    library: Library, step: Step, outs: Sequence[CExpr], function: str = "fnc_ctx_run", *more: str
) -> tuple[Stmt, ...]:
    names = [library.size_names[s] for s in step.symbols]
    return (
        Declare("const int64_t", "dims[]", Name("{" + (", ".join(names) or "0") + "}")),
        pointers("const void *const", "in[]", _names(step.inputs)),
        pointers("void *const", "out[]", outs),
        runtime(function, CTX, f"&step_{step.name}", "dims", "in", "out", *more),
    )


def _many_batches(library: Library, step: Step) -> tuple[Stmt, ...]:
    """The runtime fills in the batch, the first of `dims`."""
    unused, wanted = loss_argument(library)
    names = ["0" if s == "B" else library.size_names[s] for s in step.symbols]
    return (
        unused,
        Declare("int64_t", "dims[]", Name("{" + ", ".join(names) + "}")),
        Declare("const int64_t", "args[]", Name("{count, batch_size, rows}")),
        pointers("const void *const", "in[]", [*_names(step.inputs), Name("index")]),
        pointers("void *const", "out[]", [wanted]),
        runtime("fnc_ctx_run_steps", CTX, f"&step_{step.name}", "dims", "args", "in", "out"),
    )


def loss_argument(library: Library) -> tuple[Stmt, CExpr]:
    """Where the loss goes: to a local variable if the caller does not want it."""
    wanted = Binary("!=", Name("loss"), Name("NULL"))
    return Declare(real(library), "unused"), Ternary(wanted, Name("loss"), Name("&unused"))


def check_batch(library: Library, step: Step) -> tuple[Stmt, ...]:
    """Where the batch is not open, `n` must be what it is."""
    if "B" in step.symbols:
        return ()
    if library.batch is None:
        return (Do(Name("(void)n")),)
    wrong = Binary("!=", Name("n"), Int(library.batch))
    return (If(wrong, (Return(Name("FNC_ERR_SHAPE")),)),)


def pointers(type: str, name: str, values: Sequence[CExpr]) -> Declare:
    """An array of pointers."""
    return Declare(type, name, braces(values))


# parameters and what is said of them ------------------------------------------------------------


def array_params(library: Library, step: Step) -> tuple[str, ...]:
    sizes = more_sizes(library, step)
    return (*sizes, *map(param, step.inputs), f"{real(library)} *loss")


def more_sizes(library: Library, step: Step) -> list[str]:
    """Open sizes besides the batch."""
    return [f"int64_t {library.size_names[s]}" for s in step.symbols if s != "B"]


def param(port: Port) -> str:
    const = "" if port.role == "output" else "const "
    return f"{const}{c_type(port.type.dtype)} *{port.name}"


def real(library: Library) -> str:
    assert library.training is not None
    return c_type(library.training.real)


def _names(ports: Sequence[Port]) -> list[CExpr]:
    return [Name(p.name) for p in ports]


def listed(library: Library, ports: Sequence[Port]) -> str:
    """One line an array: what it is, dtype, shape, and what the user calls it."""
    lines, names = [], library.size_names
    for port in ports:
        dims = [dim_text(d, names.__getitem__, C_STYLE) for d in port.type.shape]
        title = f", {port.title!r}" if port.title != port.name else ""
        kind = f"{ROLES[port.role][1]}, {port.type.dtype} ({', '.join(dims) or 'one number'})"
        known = f", {port.known}" if port.known else ""
        lines.append(f"  {port.name}: {kind}{known}{title}")
    return "\n".join(lines)
