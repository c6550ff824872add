"""The public functions of what one prediction leaves to the next, where a model has such state."""

from __future__ import annotations

from fncompile.codegen.ctree import Int, Return
from fncompile.export.api.library import Library
from fncompile.export.api.public import CONST_CTX, CTX, Public, public, runtime

CARRIED = "State from call to call"
_SIZE = """Bytes of what one prediction leaves to the next, as the states of a stateful layer. Each
context has its own, which begins as that of the model was when it was exported. To read, set or
reset it is to copy that many bytes, in any mode; nothing is allocated."""
_GET = """Copy it to `buffer` of `bytes` bytes, {M}_STATE_BYTES: a stream that can be continued."""
_SET = "Continue from what state_get gave, of this context or of another of this library."
_RESET = "Begin anew, as Python's reset_state() of all layers does."


def carried(library: Library) -> list[Public]:
    if not library.state_bytes:
        return []
    size = Return(Int(library.state_bytes))
    get = runtime("fnc_ctx_get_carried", CONST_CTX, "buffer", "bytes")
    put = runtime("fnc_ctx_set_carried", CTX, "buffer", "bytes")
    reset = runtime("fnc_ctx_reset_carried", CTX)
    source = ("const ctx", "void *buffer", "int64_t bytes")
    target = ("ctx", "const void *buffer", "int64_t bytes")
    return [
        public(library, CARRIED, "state_size", (), _SIZE, size, type="int64_t"),
        public(library, CARRIED, "state_get", source, _GET.format(M=library.macro), get),
        public(library, CARRIED, "state_set", target, _SET, put),
        public(library, CARRIED, "state_reset", ("ctx",), _RESET, reset),
    ]
