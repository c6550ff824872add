"""The public functions of training state, parameters and files."""

from __future__ import annotations

from collections.abc import Sequence

from fncompile.codegen.ctree import (
    Assign,
    Binary,
    Declare,
    If,
    Int,
    Name,
    Return,
    Stmt,
    Unary,
    call,
)
from fncompile.codegen.expr import c_type
from fncompile.export.api.calls import pointers
from fncompile.export.api.library import Library, State, Training
from fncompile.export.api.public import CONST_CTX, CTX, MODEL, Public, public, refuse_null, runtime

STATE, PARAMETERS, FILES = "Training state (mode train)", "Parameters", "Files"


# training state ---------------------------------------------------------------------------------


def training_state(library: Library) -> list[Public]:
    training = library.training
    assert training is not None
    found = [_metrics(library, training), _reset(library)]
    if training.iterations is None:
        return found
    found.append(_get_rate(library, training))
    if training.rate is not None:
        found.append(_set_rate(library, training.rate.offset, c_type(training.real)))
    return [*found, _iterations(library, training.iterations)]


def _metrics(library: Library, training: Training) -> Public:
    real, count = c_type(training.real), f"{library.macro}_NUM_METRICS"
    listed = "\n".join(f"  {i}: {name}" for i, name in enumerate(training.metrics))
    doc = f"The {count} metrics of all batches since the last reset:\n{listed}"
    values = [f"values + {i}" for i in range(len(training.metrics))]
    body = (refuse_null("values"), Declare(real, "rate"), *_report([*values, "&rate"]))
    return public(library, STATE, "metrics", ("ctx", f"{real} *values"), doc, *body)


def _reset(library: Library) -> Public:
    body = runtime("fnc_ctx_reset_metrics", CTX)
    return public(library, STATE, "reset_metrics", ("ctx",), "Let the metrics begin anew.", body)


def _get_rate(library: Library, training: Training) -> Public:
    real, count = c_type(training.real), len(training.metrics)
    values = Declare(real, "values", None, Int(max(count, 1)))
    body = (
        refuse_null("rate"),
        values,
        *_report([*(f"values + {i}" for i in range(count)), "rate"]),
    )
    doc = "The learning rate of the next step."
    return public(library, STATE, "get_lr", ("ctx", f"{real} *rate"), doc, *body)


def _set_rate(library: Library, offset: int, real: str) -> Public:
    negative = Binary("<", Name("rate"), Int(0))
    endless = Binary("!=", Binary("-", Name("rate"), Name("rate")), Int(0))  # or NaN
    refuse = If(Binary("||", negative, endless), (Return(Name("FNC_ERR_ARG")),))
    body = runtime("fnc_ctx_set_state", CTX, str(offset), "&rate", "sizeof rate")
    doc = "Set the learning rate: a finite number, not below zero."
    return public(library, STATE, "set_lr", ("ctx", f"{real} rate"), doc, refuse, body)


def _report(out: Sequence[str]) -> tuple[Stmt, ...]:
    """Run the entry that computes the metrics, then the learning rate."""
    declared = pointers("void *const", "out[]", [Name(o) for o in out])
    return (declared, runtime("fnc_ctx_run", CTX, "&step_report", "NULL", "NULL", "out"))


def _iterations(library: Library, state: State) -> Public:
    place = (Int(state.offset), Name("&steps"), Name("sizeof steps"))
    body = (
        Declare(c_type(state.dtype), "steps"),
        refuse_null("count"),
        Declare("const int32_t", "status", call("fnc_ctx_get_state", MODEL, CONST_CTX, *place)),
        If(
            Binary("==", Name("status"), Name("FNC_OK")),
            (Assign(Unary("*", Name("count")), "=", Name("steps")),),
        ),
        Return(Name("status")),
    )
    doc = "How many steps of training there have been, those before the export among them."
    return public(library, STATE, "iterations", ("const ctx", "int64_t *count"), doc, *body)


# parameters -------------------------------------------------------------------------------------


def parameters(library: Library) -> list[Public]:
    real, both = c_type(library.param_dtype), ("params", "count")
    doc = (
        "All weights one after the other, as Python's get_weights() lists them; `count` must be\n"
        f"{library.macro}_NUM_PARAMS."
    )
    get, put = ("const ctx", f"{real} *params", "int64_t count"), f"const {real} *params"
    return [
        public(
            library,
            PARAMETERS,
            "get_params",
            get,
            doc,
            runtime("fnc_ctx_get_params", CONST_CTX, *both),
        ),
        public(
            library,
            PARAMETERS,
            "set_params",
            ("ctx", put, "int64_t count"),
            f"Set them. {own_modes(library)}",
            runtime("fnc_ctx_set_params", CTX, *both),
        ),
        *_one_param(library),
    ]


def _one_param(library: Library) -> list[Public]:
    name, one = library.prefix, ("i", "values", "count")
    params = ("int32_t i", "void *values", "int64_t count")
    doc = f"""Weight i, of which {name}_param_info(i) tells, and which {name}_param_index finds by
its name, in an array of its dtype and `count` elements."""
    get = runtime("fnc_ctx_get_param", CONST_CTX, *one)
    put = runtime("fnc_ctx_set_param", CTX, *one)
    about = f"Set it. {own_modes(library)}"
    wanted = ("ctx", params[0], "const void *values", params[2])
    return [
        public(library, PARAMETERS, "get_param", ("const ctx", *params), doc, get),
        public(library, PARAMETERS, "set_param", wanted, about, put),
    ]


def own_modes(library: Library) -> str:
    return "Modes private, train and split." if library.training else "Mode private."


# files ------------------------------------------------------------------------------------------

_SAVE = """Write weights, optimizer state and random seeds to a checkpoint, an HDF5 file that Python
reads by load_weights if its name ends in .weights.h5. The file appears whole or not at all; what
a killed process left of its save to this path is removed. Mode train."""
_CHECKED = """Digest, names, types and shapes are checked first: with another status
than OK the context is as before. Another process may change or truncate the file meanwhile."""


def saving(library: Library) -> list[Public]:
    memory = ("const ctx", "void *buffer", "int64_t bytes")
    doc = f"The same file into memory: {library.macro}_CHECKPOINT_BYTES bytes."
    save = runtime("fnc_ctx_save", CONST_CTX, "path")
    save_mem = runtime("fnc_ctx_save_mem", CONST_CTX, "buffer", "bytes")
    return [
        public(library, FILES, "save", ("const ctx", "const char *path"), _SAVE, save),
        public(library, FILES, "save_mem", memory, doc, save_mem),
    ]


def loading(library: Library) -> list[Public]:
    memory = ("ctx", "const void *bytes", "int64_t size")
    more = ", or a checkpoint; in mode train all that is in it" if library.training else ""
    about = f"Read the weights of a .weights.h5 file of Python's{more}."
    doc = f"{about}\n{own_modes(library)} {_CHECKED}"
    load = runtime("fnc_ctx_load", CTX, "path")
    load_mem = runtime("fnc_ctx_load_mem", CTX, "bytes", "size")
    return [
        public(library, FILES, "load", ("ctx", "const char *path"), doc, load),
        public(library, FILES, "load_mem", memory, "The same from memory.", load_mem),
    ]
