"""The public functions that tell of the library itself."""

from __future__ import annotations

from fncompile.codegen.ctree import (
    Binary,
    CExpr,
    For,
    If,
    Int,
    Name,
    Return,
    Ternary,
    Unary,
    call,
)
from fncompile.export.api.description import description
from fncompile.export.api.library import ABI_VERSION, Library
from fncompile.export.api.public import Public, public
from fncompile.export.api.tables import quoted

FACTS = "Facts"
_DESCRIBE = """All that these functions tell, and the shapes of all arrays, as JSON: for programs
that open libraries that they do not know, as fncompile.load_library does."""


def facts(library: Library) -> list[Public]:
    M = library.macro
    found = [
        _text(library, "status_str", "A status in words.", call("fnc_status_text", Name("status"))),
        _text(
            library, "model_hash", "Tells architecture and layout, not values.", Name(f"{M}_HASH")
        ),
        _text(
            library, "build_info", "Which compiler made this, with which flags.", Name("build_text")
        ),
        _text(library, "describe", _DESCRIBE, quoted(description(library))),
        public(
            library,
            FACTS,
            "abi_version",
            (),
            f"{M}_ABI_VERSION of the library; compare with the header's.",
            Return(Int(ABI_VERSION)),
            type="int32_t",
        ),
        _table(library, "input", "Input i", f"{M}_NUM_INPUTS"),
        _table(library, "output", "Output i", f"{M}_NUM_OUTPUTS"),
        _table(library, "param", "Weight i", f"{M}_NUM_TENSORS"),
        _index(library, "input", f"{M}_NUM_INPUTS"),
        _index(library, "output", f"{M}_NUM_OUTPUTS"),
        _index(library, "param", f"{M}_NUM_TENSORS"),
    ]
    if library.training is None:
        return found
    name = _listed(f"{M}_NUM_METRICS", Name("metric_table[i]"))
    doc = "Name of metric i; null where there is none."
    return [
        *found,
        public(library, FACTS, "metric_name", ("int32_t i",), doc, name, type="const char *"),
        _index(library, "metric", f"{M}_NUM_METRICS"),
    ]


def _index(library: Library, kind: str, count: str) -> Public:
    """The number of what has a name."""
    found = f"{kind}_table[i]" if kind == "metric" else f"{kind}_table[i].name"
    same = call("fnc_text_is", Name(found), Name("name"))
    wanted = Binary("&&", Binary("!=", Name("name"), Name("NULL")), same)
    body = For("i", Int(0), Name(count), (If(wanted, (Return(Name("(int32_t)i")),)),))
    doc = f"Which {kind} is called so; -1 where none is."
    return public(
        library, FACTS, f"{kind}_index", ("const char *name",), doc, body, Return(Int(-1)),
        type="int32_t",
    )  # fmt: skip


def _text(library: Library, name: str, doc: str, value: CExpr) -> Public:
    params = (f"{library.prefix}_status status",) if name == "status_str" else ()
    return public(library, FACTS, name, params, doc, Return(value), type="const char *")


def _table(library: Library, kind: str, what: str, count: str) -> Public:
    found = _listed(count, Unary("&", Name(f"{kind}_table[i]")))
    doc, type = f"{what}; null where there is none.", f"const {library.prefix}_tensor_info *"
    return public(library, FACTS, f"{kind}_info", ("int32_t i",), doc, found, type=type)


def _listed(count: str, found: CExpr) -> Return:
    """The element i of a table, or null."""
    inside = Binary("&&", Binary(">=", Name("i"), Int(0)), Binary("<", Name("i"), Name(count)))
    return Return(Ternary(inside, found, Name("NULL")))
