"""The public functions of a library: what the header declares and the generated unit defines.

Each is a `Public`: its parameters, its documentation, and its body as a C tree. Bodies collect
their arguments into arrays and leave the work to csrc/rt.
"""

from __future__ import annotations

from fncompile.codegen.ctree import Binary, Cast, Declare, Do, If, Int, Name, Return, Stmt, call
from fncompile.export.api.calls import predict, training_steps
from fncompile.export.api.carried import carried
from fncompile.export.api.facts import facts
from fncompile.export.api.images import images
from fncompile.export.api.library import Library
from fncompile.export.api.parts import parts
from fncompile.export.api.public import (
    CONST_CTX,
    CTX,
    MODEL,
    Public,
    public,
    refuse_null,
    runtime,
)
from fncompile.export.api.state import loading, parameters, saving, training_state

CONTEXTS = "Contexts"
RESULT = Cast("fnc_ctx **", Name("result"))
# Functions of heap, files or threads.
NEEDS_SYSTEM = (
    "create", "create_with", "clone_shared", "destroy", "set_threads", "save_image", "map_image",
    "unmap_image", "save", "save_mem", "load", "load_mem",
)  # fmt: skip


def public_functions(library: Library) -> list[Public]:
    """Everything that the header declares, in its order."""
    found = [*_contexts(library), *_shared_contexts(library), *_levels(library)]
    found += [_threads(library), predict(library), *carried(library)]
    if library.training is not None:
        found += training_steps(library)
        found += parts(library) if "gradient" in library.steps else []
        found += training_state(library)
    found += [*parameters(library), *images(library)]
    found += saving(library) if library.training is not None else []
    found += [*loading(library), *facts(library)]
    absent = {f"{library.prefix}_{name}" for name in NEEDS_SYSTEM if library.freestanding}
    return [function for function in found if function.name not in absent]


_SIZE = """Bytes of memory that a context takes, for arrays of at most these sizes, of which that of
the batch is at least one; or a status, which is negative. Allocates nothing."""
_INIT = """Make a context in `bytes` bytes of memory, of any alignment, that must outlive it.
Allocates nothing, and needs no end: forget the memory, unless it was given threads."""
_CREATE = """Make a context in memory from malloc, for destroy to free. The status tells where the
processor lacks the instructions that the library was compiled for."""
_INIT_WITH = "As init, with options; null is none."
_ENDS = """ A context that was given weights_file ends with
destroy, which leaves the memory to its owner."""
_CREATE_WITH = "As create, with options; null is none."
_INIT_SHARED = """As init, for predicting with the weights of `source`, which must outlive the new
context. Takes ctx_size bytes of mode predict with the sizes of `source`. While `source` learns or
loads, nobody else may use its weights."""
_CLONE = "As init_shared, in memory from malloc, for destroy to free."
_THREADS = """From now on share each call of this context that is large enough among `threads`
threads, the caller's among them: fewer where the process has fewer processors, none but the
caller's for 1. Results are the same bits for any number. The threads are the context's own, and
sleep some 50 us after the last call; set_threads with 1, or destroy, ends them. A child of fork
works without them."""
_DESTROY = """End a context from create or clone_shared, and the threads of any context. Null is
allowed."""


def _contexts(library: Library) -> list[Public]:
    sizes = [f"int64_t {s}" for s in max_names(library)]
    asked = ("int32_t mode", *sizes)
    needed = call("ctx_bytes", *map(Name, ("mode", *max_names(library))))
    tail = (needed, Name("mode"), Name("max"), Name("NULL"), RESULT)
    init = Return(call("fnc_ctx_init", MODEL, Name("memory"), Name("bytes"), *tail))
    create = Return(call("fnc_ctx_create", MODEL, *tail))
    declared, out = _max_array(library), f"{library.prefix}_ctx **result"
    memory = ("void *memory", "int64_t bytes", *asked)
    options = f"const {library.prefix}_options *options"
    wanted = (needed, Name("mode"), Name("max"), Name("options"), RESULT)
    given = (refuse_null("memory"), declared)
    init_with = Return(call("fnc_ctx_open", MODEL, Name("memory"), Name("bytes"), *wanted))
    create_with = Return(call("fnc_ctx_open", MODEL, Name("NULL"), Int(0), *wanted))
    with_options = (*asked, options, out)
    ends = "" if library.freestanding else _ENDS
    return [
        public(library, CONTEXTS, "ctx_size", asked, _SIZE, Return(needed), type="int64_t"),
        public(library, CONTEXTS, "init", (*memory, out), _INIT, declared, init),
        public(
            library, CONTEXTS, "init_with", (*memory, options, out), _INIT_WITH + ends, *given,
            init_with,
        ),
        public(library, CONTEXTS, "create", (*asked, out), _CREATE, declared, create),
        public(
            library, CONTEXTS, "create_with", with_options, _CREATE_WITH, declared, create_with
        ),
    ]


def max_names(library: Library) -> list[str]:
    """Parameters for the largest sizes of a context."""
    names = library.size_names
    return ["max_batch" if s == "B" else f"max_{names[s]}" for s in library.symbols]


def _max_array(library: Library) -> Declare:
    values = ", ".join(max_names(library)) or "0"
    return Declare("const int64_t", "max[]", Name("{" + values + "}"))


def _shared_contexts(library: Library) -> list[Public]:
    m = library.prefix
    source, out = f"const {m}_ctx *source", f"{m}_ctx **result"
    memory = ("void *memory", "int64_t bytes", source, out)
    init, clone = (_shared(library, function) for function in ("fnc_ctx_init", "fnc_ctx_create"))
    destroy = Do(call("fnc_ctx_destroy", CTX))
    return [
        public(library, CONTEXTS, "init_shared", memory, _INIT_SHARED, *init),
        public(library, CONTEXTS, "clone_shared", (source, out), _CLONE, *clone),
        public(library, CONTEXTS, "destroy", ("ctx",), _DESTROY, destroy, type="void"),
    ]


def _levels(library: Library) -> list[Public]:
    names = ", ".join(repr(level.name) for level in library.levels)
    doc = f"""Run the code for the instructions called `name`: {names}. A context begins with the
first of these that the processor has. {library.macro}_ERR_CPU where it has not."""
    body = runtime("fnc_ctx_set_level", CTX, "name")
    told = Return(call("fnc_ctx_level", MODEL, CONST_CTX))
    what = "The name of the instructions whose code runs; null without a context."
    return [
        public(library, CONTEXTS, "set_level", ("ctx", "const char *name"), doc, body),
        public(library, CONTEXTS, "level", ("const ctx",), what, told, type="const char *"),
    ]


def _threads(library: Library) -> Public:
    body = runtime("fnc_ctx_set_threads", CTX, "threads")
    return public(library, CONTEXTS, "set_threads", ("ctx", "int32_t threads"), _THREADS, body)


def _shared(library: Library, function: str) -> tuple[Stmt, ...]:
    """A context of mode predict that takes sizes and weights from `source`."""
    mode = Name(f"{library.macro}_PREDICT")
    sizes = [Name(f"from->max[{i}]") for i in range(len(library.symbols))]
    memory = [Name("memory"), Name("bytes")] if function == "fnc_ctx_init" else []
    rest = (call("ctx_bytes", mode, *sizes), mode, Name("from->max"), Name("from"), RESULT)
    null = Binary("==", Name("from"), Name("NULL"))
    wrong = Binary("||", null, Binary("!=", Name("from->model"), MODEL))
    return (
        Declare("const fnc_ctx *", "from", Cast("const fnc_ctx *", Name("source"))),
        If(wrong, (Return(Name("FNC_ERR_ARG")),)),
        Return(call(function, MODEL, *memory, *rest)),
    )
