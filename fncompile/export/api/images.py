"""The public functions of weights as they lie in memory: mapped from a file, given, exchanged."""

from __future__ import annotations

from fncompile.codegen.ctree import Name, Return, call
from fncompile.export.api.library import Library
from fncompile.export.api.public import CONST_CTX, CTX, MODEL, Public, public, runtime

IMAGES = "Weights in memory"

_GET = """The weights of a context as an image: {M}_IMAGE_BYTES bytes, for swap_weights."""
_SAVE = "The same to a file, for map_image; it appears whole or not at all."
_MAP = """Map an image, read-only: any number of processes share its memory. {M}_ERR_FORMAT where it
is not one of this model. Nobody may change or truncate the file while it is mapped."""
_UNMAP = "End that, when no context uses it any more."
_SWAP = """Let a context of mode predict, and each that was cloned from it, use the weights of an
image, or, for null, those of the library, from its next call on. The image starts at a multiple of
64 bytes, is not copied, and has another address than the one before. Any thread may call this while
others predict: a call uses the one or the other, whole. An image may be changed or freed when each
of the contexts has ended a call that it began after the exchange, or is gone."""


def images(library: Library) -> list[Public]:
    M, image, path = library.macro, "const void *image", "const char *path"
    mapped = Return(call("fnc_map_image", MODEL, Name("path"), Name("image")))
    unmapped = Return(call("fnc_unmap_image", MODEL, Name("image")))
    get = runtime("fnc_ctx_get_image", CONST_CTX, "image", "bytes")
    save = runtime("fnc_ctx_save_image", CONST_CTX, "path")
    swap = runtime("fnc_ctx_swap_weights", CTX, "image", "bytes")
    rows = (
        ("get_image", ("const ctx", "void *image", "int64_t bytes"), _GET, get),
        ("save_image", ("const ctx", path), _SAVE, save),
        ("map_image", (path, "const void **image"), _MAP, mapped),
        ("unmap_image", (image,), _UNMAP, unmapped),
        ("swap_weights", ("ctx", image, "int64_t bytes"), _SWAP, swap),
    )
    return [
        public(library, IMAGES, name, params, doc.replace("{M}", M), body)
        for name, params, doc, body in rows
    ]
