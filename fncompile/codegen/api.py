"""The public functions of a library: what the header declares and the generated unit defines.

Each is a `Public`: its parameters, its documentation, and its body as a C tree. Bodies collect their
arguments into arrays and leave the work to csrc/rt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fncompile.codegen.ctree import Assign, Binary, Cast, CExpr, Declare, Do, If, Int, Name, Return, Stmt, Ternary, Unary, call
from fncompile.codegen.expr import c_type
from fncompile.codegen.library import Library, Port, Step
from fncompile.ir.dims import dim_text

MODEL = Name("&the_model")
CTX = Cast("fnc_ctx *", Name("ctx"))
CONST_CTX = Cast("const fnc_ctx *", Name("ctx"))


@dataclass(frozen=True)
class Public:
    """`name` and `type` carry the prefix already; `doc` is a sentence or more."""

    group: str
    type: str
    name: str
    params: tuple[str, ...]
    doc: str
    body: tuple[Stmt, ...]


def public_functions(library: Library) -> list[Public]:
    """Everything that the header declares, in its order."""
    found = [*_contexts(library), _predict(library)]
    if library.training is None:
        return [*found, *_params(library), *_loading(library), *_facts(library)]
    found += [*_training(library), *_state(library), *_params(library), *_saving(library)]
    return [*found, *_loading(library), *_facts(library)]


# contexts -------------------------------------------------------------------------------------------


def _contexts(library: Library) -> list[Public]:
    m, group = library.prefix, "Contexts"
    status, sizes = f"{m}_status", [f"int64_t {s}" for s in max_names(library)]
    mode, out, memory = "int32_t mode", f"{m}_ctx **result", ("void *memory", "int64_t bytes")
    source = f"const {m}_ctx *source"
    result = Cast("fnc_ctx **", Name("result"))
    needed = call("ctx_bytes", *map(Name, ("mode", *max_names(library))))
    tail = (Name("mode"), Name("max"), Name("NULL"), result)
    return [
        Public(group, "int64_t", f"{m}_ctx_size", (mode, *sizes), _SIZE, (Return(needed),)),
        Public(
            group, status, f"{m}_init", (*memory, mode, *sizes, out), _INIT,
            (_max_array(library), Return(call("fnc_ctx_init", MODEL, Name("memory"), Name("bytes"), needed, *tail))),
        ),
        Public(
            group, status, f"{m}_create", (mode, *sizes, out), _CREATE,
            (_max_array(library), Return(call("fnc_ctx_create", MODEL, needed, *tail))),
        ),
        Public(group, status, f"{m}_init_shared", (*memory, source, out), _INIT_SHARED, _shared(library, True)),
        Public(group, status, f"{m}_clone_shared", (source, out), _CLONE, _shared(library, False)),
        Public(group, "void", f"{m}_destroy", (f"{m}_ctx *ctx",), _DESTROY, (Do(call("fnc_ctx_destroy", CTX)),)),
    ]  # fmt: skip


_SIZE = """Bytes of memory that a context takes, for arrays of at most these sizes; negative: a status.
Allocates nothing."""
_INIT = """Make a context in `bytes` bytes of memory, of any alignment, that must outlive it. Allocates
nothing, and needs no end: forget the memory."""
_CREATE = """Make a context in memory from malloc; the only call besides clone_shared and save that allocates."""
_INIT_SHARED = """As init, for predicting with the weights of `source`, which must outlive the new context. Takes
ctx_size bytes of mode predict with the sizes of `source`. While `source` learns or loads, nobody
else may use its weights."""
_CLONE = "As init_shared, in memory from malloc."
_DESTROY = "End a context from create or clone_shared. Null is allowed."


def max_names(library: Library) -> list[str]:
    """Parameters for the largest sizes of a context."""
    names = library.size_names
    return ["max_batch" if s == "B" else f"max_{names[s]}" for s in library.symbols]


def _max_array(library: Library) -> Declare:
    return Declare("const int64_t", "max[]", Name("{" + (", ".join(max_names(library)) or "0") + "}"))


def _shared(library: Library, memory: bool) -> tuple[Stmt, ...]:
    sizes = [Name(f"from->max[{i}]") for i in range(len(library.symbols))]
    needed, mode = call("ctx_bytes", Name(f"{library.macro}_PREDICT"), *sizes), Name(f"{library.macro}_PREDICT")
    tail = (mode, Name("from->max"), Name("from"), Cast("fnc_ctx **", Name("result")))
    place = call("fnc_ctx_init", MODEL, Name("memory"), Name("bytes"), needed, *tail)
    wrong = Binary("||", Binary("==", Name("from"), Name("NULL")), Binary("!=", Name("from->model"), MODEL))
    return (
        Declare("const fnc_ctx *", "from", Cast("const fnc_ctx *", Name("source"))),
        If(wrong, (Return(Name("FNC_ERR_ARG")),)),
        Return(place if memory else call("fnc_ctx_create", MODEL, needed, *tail)),
    )


# calls ----------------------------------------------------------------------------------------------


def _predict(library: Library) -> Public:
    step = library.steps["predict"]
    outs = [Name(p.name) for p in step.outputs]
    params = [*map(_in, step.inputs), *map(_out, step.outputs)]
    doc = "Outputs for a batch of n samples, in any mode.\n" + _arrays(library, [*step.inputs, *step.outputs])
    return _one_batch(library, step, "predict", params, doc, (), outs)


def _training(library: Library) -> list[Public]:
    found = []
    for name, public, doc in (("train_step", "train", _TRAIN), ("evaluate", "eval", _EVAL)):
        step = library.steps[name]
        loss, wanted = _loss(library)
        params = [*map(_in, step.inputs), f"{c_type(library.training.real)} *loss"]  # type: ignore[union-attr]
        arrays = _arrays(library, step.inputs)
        text = f"{doc}\n{arrays}\n`loss`, unless null, receives the loss of the batch. Mode train."
        found.append(_one_batch(library, step, f"{public}_step", params, text, loss, [wanted]))
        if step.steps:
            found.append(_many_batches(library, step, f"{public}_steps", params, loss, [wanted], arrays))
    return found


_TRAIN = "One step of training on a batch of n samples: forward, backward, optimizer, metrics."
_EVAL = "Loss of a batch of n samples; the metrics advance, nothing else changes."


def _loss(library: Library) -> tuple[tuple[Stmt, ...], CExpr]:
    """A place for the loss where the caller wants none."""
    declared = Declare(c_type(library.training.real), "unused")  # type: ignore[union-attr]
    return (declared,), Ternary(Binary("!=", Name("loss"), Name("NULL")), Name("loss"), Name("&unused"))


def _one_batch(
    library: Library, step: Step, public: str, params: Sequence[str], doc: str, before: tuple[Stmt, ...], outs: Sequence[CExpr]
) -> Public:
    body = (
        *_check_batch(library, step, Name("n")),
        *before,
        *_sizes(library, step),
        _pointers("const void *const", "in[]", [Name(p.name) for p in step.inputs]),
        _pointers("void *const", "out[]", outs),
        Return(call("fnc_ctx_run", MODEL, CTX, Name(f"&step_{step.name}"), Name("dims"), Name("in"), Name("out"))),
    )
    m = library.prefix
    return Public("Calls", f"{m}_status", f"{m}_{public}", (f"{m}_ctx *ctx", "int64_t n", *_extra(library, step), *params), doc, body)


def _many_batches(
    library: Library, step: Step, public: str, params: Sequence[str], before: tuple[Stmt, ...], outs: Sequence[CExpr], arrays: str
) -> Public:
    body = (
        *before,
        *_sizes(library, step, first=Int(0)),
        Declare("const int64_t", "args[]", Name("{count, batch_size, rows}")),
        _pointers("const void *const", "in[]", [*(Name(p.name) for p in step.inputs), Name("index")]),
        _pointers("void *const", "out[]", outs),
        Return(
            call("fnc_ctx_run_steps", MODEL, CTX, Name(f"&step_{step.name}"), *map(Name, ("dims", "args", "in", "out")))
        ),
    )
    m = library.prefix
    own = ("const int64_t *index", "int64_t count", "int64_t batch_size", "int64_t rows")
    doc = f"""{public.removesuffix("s")} for batch after batch of the samples index[0] ... index[count-1], each a row of the
arrays, which have n = `rows` rows. The last batch may be smaller; `loss` is that of the last.
No batch may be larger than the context was made for.
{arrays}"""
    return Public("Calls", f"{m}_status", f"{m}_{public}", (f"{m}_ctx *ctx", *own, *_extra(library, step), *params), doc, body)


def _check_batch(library: Library, step: Step, n: CExpr) -> tuple[Stmt, ...]:
    """Where the batch is not open, `n` must be what it is."""
    if "B" in step.symbols:
        return ()
    if library.batch is None:
        return (Do(Name("(void)n")),)
    return (If(Binary("!=", n, Int(library.batch)), (Return(Name("FNC_ERR_SHAPE")),)),)


def _sizes(library: Library, step: Step, first: CExpr = Name("n")) -> tuple[Stmt, ...]:
    names = [library.size_names[s] for s in step.symbols]
    if not isinstance(first, Name):
        values = ["0" if s == "B" else name for s, name in zip(step.symbols, names)]
        return (Declare("int64_t", "dims[]", Name("{" + ", ".join(values) + "}")),)
    return (Declare("const int64_t", "dims[]", Name("{" + (", ".join(names) or "0") + "}")),)


def _extra(library: Library, step: Step) -> list[str]:
    return [f"int64_t {library.size_names[s]}" for s in step.symbols if s != "B"]


def _pointers(type: str, name: str, values: Sequence[CExpr]) -> Declare:
    from fncompile.codegen.cprint import expression

    return Declare(type, name, Name("{" + ", ".join(map(expression, values)) + "}"))


def _in(port: Port) -> str:
    return f"const {c_type(port.type.dtype)} *{port.name}"


def _out(port: Port) -> str:
    return f"{c_type(port.type.dtype)} *{port.name}"


def _arrays(library: Library, ports: Sequence[Port]) -> str:
    """One line an array: dtype, shape, what it is."""
    return "\n".join(f"  {p.name}: {_direction(p)} {p.type.dtype} ({shape_text(library, p)}){_title(p)}" for p in ports)


def _direction(port: Port) -> str:
    return {"input": "in,", "target": "in, target,", "weight": "in, sample weights,", "output": "out,"}[port.role]


def _title(port: Port) -> str:
    return f", {port.title!r}" if port.title != port.name else ""


def shape_text(library: Library, port: Port) -> str:
    names = library.size_names
    return ", ".join(dim_text(d, " * ", lambda s: names.get(s, s)) for d in port.type.shape) or "one number"


# training state -------------------------------------------------------------------------------------


def _state(library: Library) -> list[Public]:
    m, training = library.prefix, library.training
    assert training is not None
    real, status, const = c_type(training.real), f"{m}_status", f"const {m}_ctx *ctx"
    count, group = len(training.metrics), "Training state (mode train)"
    listed = "\n".join(f"  {i}: {name}" for i, name in enumerate(training.metrics))
    reset = Return(call("fnc_ctx_reset_metrics", MODEL, CTX))
    found = [
        Public(
            group, status, f"{m}_metrics", (f"{m}_ctx *ctx", f"{real} *values"),
            f"The {library.macro}_NUM_METRICS metrics of all batches since they were reset:\n{listed}",
            (If(Binary("==", Name("values"), Name("NULL")), (Return(Name("FNC_ERR_ARG")),)),
             Declare(real, "rate"), *_report([f"values + {i}" for i in range(count)] + ["&rate"])),
        ),
        Public(group, status, f"{m}_reset_metrics", (f"{m}_ctx *ctx",), "Let the metrics begin anew.", (reset,)),
        Public(
            group, status, f"{m}_get_lr", (f"{m}_ctx *ctx", f"{real} *rate"), "The learning rate of the next step.",
            (If(Binary("==", Name("rate"), Name("NULL")), (Return(Name("FNC_ERR_ARG")),)),
             Declare(real, "values", None, Int(max(count, 1))),
             *_report([f"values + {i}" for i in range(count)] + ["rate"])),
        ),
    ]  # fmt: skip
    if training.rate is not None:
        write = call("fnc_ctx_set_state", MODEL, CTX, Int(training.rate.offset), Name("&rate"), Name("sizeof rate"))
        found.append(
            Public(group, status, f"{m}_set_lr", (f"{m}_ctx *ctx", f"{real} rate"), "Set the learning rate.", (Return(write),))
        )
    return [*found, _iterations(library, group, status, const)]


def _report(out: Sequence[str]) -> tuple[Stmt, ...]:
    run = call("fnc_ctx_run", MODEL, CTX, Name("&step_report"), *map(Name, ("NULL", "NULL", "out")))
    return (_pointers("void *const", "out[]", [Name(o) for o in out]), Return(run))


def _iterations(library: Library, group: str, status: str, ctx: str) -> Public:
    state = library.training.iterations  # type: ignore[union-attr]
    read = call("fnc_ctx_get_state", MODEL, CONST_CTX, Int(state.offset), Name("&steps"), Name("sizeof steps"))
    body = (
        Declare(c_type(state.dtype), "steps"),
        If(Binary("==", Name("count"), Name("NULL")), (Return(Name("FNC_ERR_ARG")),)),
        Declare("const int32_t", "status", read),
        If(Binary("==", Name("status"), Name("FNC_OK")), (Assign(Unary("*", Name("count")), "=", Name("steps")),)),
        Return(Name("status")),
    )
    doc = "How many steps of training there have been, those before the export among them."
    return Public(group, status, f"{library.prefix}_iterations", (ctx, "int64_t *count"), doc, body)


# parameters and files -------------------------------------------------------------------------------


def _params(library: Library) -> list[Public]:
    m, real, group = library.prefix, c_type(library.param_dtype), "Parameters"
    get = call("fnc_ctx_get_params", MODEL, CONST_CTX, Name("params"), Name("count"))
    put = call("fnc_ctx_set_params", MODEL, CTX, Name("params"), Name("count"))
    return [
        Public(
            group, f"{m}_status", f"{m}_get_params", (f"const {m}_ctx *ctx", f"{real} *params", "int64_t count"),
            f"All weights one after the other, as Python's get_weights() lists them; `count` must be\n{library.macro}_NUM_PARAMS.",
            (Return(get),),
        ),
        Public(
            group, f"{m}_status", f"{m}_set_params", (f"{m}_ctx *ctx", f"const {real} *params", "int64_t count"),
            "Set them. Modes private and train.", (Return(put),),
        ),
    ]  # fmt: skip


def _saving(library: Library) -> list[Public]:
    m, const, group = library.prefix, f"const {library.prefix}_ctx *ctx", "Files"
    save = call("fnc_ctx_save", MODEL, CONST_CTX, Name("path"))
    save_mem = call("fnc_ctx_save_mem", MODEL, CONST_CTX, Name("buffer"), Name("bytes"))
    return [
        Public(
            group, f"{m}_status", f"{m}_save", (const, "const char *path"),
            """Write weights, optimizer state and random seeds to a checkpoint, an HDF5 file that Python reads
by load_weights if its name ends in .weights.h5. The file appears whole or not at all. Mode train.""",
            (Return(save),),
        ),
        Public(
            group, f"{m}_status", f"{m}_save_mem", (const, "void *buffer", "int64_t bytes"),
            f"The same file into memory: {library.macro}_CHECKPOINT_BYTES bytes.", (Return(save_mem),),
        ),
    ]  # fmt: skip


def _loading(library: Library) -> list[Public]:
    m, group = library.prefix, "Files"
    load = call("fnc_ctx_load", MODEL, CTX, Name("path"))
    load_mem = call("fnc_ctx_load_mem", MODEL, CTX, Name("bytes"), Name("size"))
    return [
        Public(
            group, f"{m}_status", f"{m}_load", (f"{m}_ctx *ctx", "const char *path"),
            """Read a checkpoint, or a .weights.h5 file that fncompile wrote in Python. Mode train reads all of
it, mode private the weights. Digest, names, types and shapes are checked first: with any other
status than OK the context is as before.""",
            (Return(load),),
        ),
        Public(
            group, f"{m}_status", f"{m}_load_mem", (f"{m}_ctx *ctx", "const void *bytes", "int64_t size"),
            "The same from memory.", (Return(load_mem),),
        ),
    ]  # fmt: skip


# facts ----------------------------------------------------------------------------------------------


def _facts(library: Library) -> list[Public]:
    m, M, group = library.prefix, library.macro, "Facts"
    texts = [
        ("status_str", f"{m}_status status", "A status in words.", call("fnc_status_text", Name("status"))),
        ("model_hash", "", "Tells architecture and layout of the weights, not their values.", Name(f"{M}_HASH")),
        ("build_info", "", "Which compiler made this library, with which flags.", Name("build_text")),
    ]
    found = [
        Public(group, "const char *", f"{m}_{name}", (param,) if param else (), doc, (Return(value),))
        for name, param, doc, value in texts
    ]
    number = f"{M}_ABI_VERSION of the library; compare with the header's."
    found.append(Public(group, "int32_t", f"{m}_abi_version", (), number, (Return(Int(1)),)))
    tables = [("input", "INPUTS"), ("output", "OUTPUTS"), ("param", "TENSORS")]
    found += [_info(library, kind, f"{M}_NUM_{what}") for kind, what in tables]
    if library.training is not None:
        found.append(_info(library, "metric", f"{M}_NUM_METRICS", "const char *", "Name of metric i; null where there is none."))
    return found


KINDS = {"input": "Input", "output": "Output", "param": "Weight"}


def _info(library: Library, kind: str, count: str, type: str = "", doc: str = "") -> Public:
    inside = Binary("&&", Binary(">=", Name("i"), Int(0)), Binary("<", Name("i"), Name(count)))
    table = Name(f"{kind}_table[i]")
    found = Ternary(inside, table if type else Unary("&", table), Name("NULL"))
    name = f"{library.prefix}_metric_name" if type else f"{library.prefix}_{kind}_info"
    type = type or f"const {library.prefix}_tensor_info *"
    return Public("Facts", type, name, ("int32_t i",), doc or f"{KINDS[kind]} i; null where there is none.", (Return(found),))
