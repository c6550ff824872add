"""The tiles of AMX: may this process use them, and what is compiled where it may not?

Linux gives them to a process that asks, csrc/rt/fnc_tiles.h, before any code for them runs: all
that is compiled asks here for its flags.
"""

from __future__ import annotations

import functools

from fncompile.flags import flag, override
from fncompile.runtime import cache, toolchain

TARGETS = ("native", "x86-64-v4-amx")


def refusal_flags() -> tuple[str, ...]:
    """What keeps the compiler from tiles that the machine has, and this process may not use."""
    asks = flag("target") in TARGETS and not flag("system")
    if not asks or "amx_bf16" not in toolchain.cpu_identity().split() or work():
        return ()
    return ("-mno-amx-bf16",) if flag("target") == "native" else ()


@functools.cache
def work() -> bool:
    """Does the system give this process tiles, and do they compute? It has them from then on."""
    from fncompile.runtime.binding import OK, Env, Library  # NumPy, which setup.py does without

    text = (toolchain.csrc_dir() / "rt" / "fnc_tiles.c").read_text()
    with override(target="ref"):
        library = Library(cache.build_library({"fnc_tiles": text}).path_so)
    return library.symbol("fnc_tiles")(Env(inputs=0, outputs=0, dims=0)) == OK
