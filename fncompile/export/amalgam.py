"""A library as one file of C99: what it uses of csrc, then the entries, then the public functions.

Requires headers of csrc to be whole by themselves: what depends on the compiler or the system they
ask inside. So each stands once, after those that it includes; what has no guard is a template,
and stands in each place that includes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from fncompile.codegen.cprint import comment_block
from fncompile.export.api.library import OWNERSHIP, Library
from fncompile.export.api.unit import emit_unit
from fncompile.export.merged import merge
from fncompile.runtime.toolchain import csrc_dir, include_directories

_INCLUDE = re.compile(r'^#include "([^"]+)"\n', re.MULTILINE)
_SIMD = re.compile(r"^#pragma (omp .*)$", re.MULTILINE)

_ABOUT = """{m}.c: the model {title!r} as one file of C99, for any compiler. By fncompile {version}.

    cc -O2 -c {m}.c{weights}        then link with -lm{threads}

With gcc and clang its kernels use vectors as wide as the options of the compiler allow: add
-march=native, or what your processors have, and -ffp-contract=fast where multiplying and adding may
round at once. Other compilers, or -DFNC_PORTABLE=1, take plain loops. Microsoft's needs /std:c11.
{more}
{ownership}"""

_FREESTANDING = """#define FNC_FREESTANDING 1
#if !defined(FNC_PORTABLE)
#define FNC_PORTABLE 1
#endif
"""
# gcc 12 takes kernels for pure whose inner loop runs twice, and drops their calls: it shall not
# guess what functions touch. The others of these options change no result that anybody relies on.
_PRELUDE = """#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#define FNC_EXPORT FNC_LIB
#define FNC_IO_API FNC_LIB

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-ipa-pure-const", "no-ipa-modref", "no-math-errno", "no-trapping-math")
#endif
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wtautological-compare"
#endif
#if defined(FNC_FREESTANDING) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-loop-distribute-patterns") /* makes strlen of loops */
#endif

/* What a loop may be turned into; in the order as written without -fopenmp-simd. */
#if defined(_OPENMP) || defined(FNC_OPENMP_SIMD)
#define FNC_OMP(text) _Pragma(#text)
#else
#define FNC_OMP(text)
#endif
"""


def amalgamate(library: Library, entries: Mapping[str, str]) -> str:
    """The text of `<prefix>.c`."""
    text = f'#include "rt/fnc_port.h"\n{merge(entries)}\n{emit_unit(library, whole=True)}'
    own = f"{library.prefix}.h"
    body = _SIMD.sub(r"FNC_OMP(\1)", _expanded(text, csrc_dir(), {}, own))
    settings = _FREESTANDING if library.freestanding else ""
    head = "\n".join(comment_block(_about(library)))
    return f"{head}\n{settings}{_PRELUDE}\n{body}"


def _about(library: Library) -> str:
    m = library.prefix
    more = """
It asks nothing of the system but memcpy, and math.h of models that compute in float64.
""" if library.freestanding else ""  # fmt: skip
    weights = f" {m}_weights.c" if library.embedded else ""
    threads = "" if library.freestanding else ", and -pthread where there is that"
    return _ABOUT.format(
        m=m, title=library.title, version=library.version, weights=weights, threads=threads,
        more=more, ownership=OWNERSHIP,
    )  # fmt: skip


def _expanded(text: str, directory: Path, kept: dict[str, None], own: str) -> str:
    """`text`, whose headers of csrc stand before it, but for those that are `kept` already."""
    before: list[str] = []

    def include(found: re.Match[str]) -> str:
        if found[1] == own:
            return found[0]
        path = _find(found[1], directory)
        contents = path.read_text(encoding="utf-8")
        if not _is_guarded(contents):
            return _expanded(contents, path.parent, kept, own)
        if str(path) not in kept:
            kept[str(path)] = None
            title = f"/* {path.relative_to(csrc_dir())} */\n"
            before.append(title + _expanded(contents, path.parent, kept, own) + "\n")
        return ""

    body = _INCLUDE.sub(include, text)
    return "".join(before) + body


def _is_guarded(contents: str) -> bool:
    return re.search(r"^#ifndef FNC_\w+_H$", contents, re.MULTILINE) is not None


def _find(name: str, directory: Path) -> Path:
    places = (directory, *include_directories())
    return next(p for p in ((place / name).resolve() for place in places) if p.is_file())
