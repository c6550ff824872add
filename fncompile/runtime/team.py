"""The threads that share compiled calls: one team for each number of them, for the whole process.

    env.set_team(team())      # as FNC_THREADS says; without it no thread is ever made

Teams are made when first asked for, sleep some 50 us after a call, and stay until the process ends.
After a fork the child makes its own. Results do not depend on the number of threads.
"""

from __future__ import annotations

import os
import threading

import numpy as np

from fncompile.flags import flag
from fncompile.runtime import cache, toolchain
from fncompile.runtime.binding import OK, Env, Library, describe
from fncompile.runtime.toolchain import processors

_teams: dict[int, int] = {}  # number of threads asked for: address of the team, 0 for the caller
_lock = threading.Lock()


def team() -> int:
    """The address of the team for FNC_THREADS threads, 0 where the caller works alone.

    Raises MemoryError where there is no memory for it.
    """
    threads = flag("threads")
    if threads < 2:
        return 0
    if threads not in _teams:
        with _lock:
            if threads not in _teams:
                _teams[threads] = _made(min(threads, processors()))
    return _teams[threads]


def _made(workers: int) -> int:
    if workers < 2:
        return 0
    text = (toolchain.csrc_dir() / "rt" / "fnc_team.c").read_text()
    library = Library(cache.build_library({"fnc_team": text}).path_so)
    address = np.zeros(1, np.uintp)
    env = Env(inputs=0, outputs=1, dims=0, args=1)
    env.set_args(workers)
    env.set_out(0, address)
    status = library.symbol("fnc_team_open")(env)
    if status != OK:
        raise MemoryError(f"no team of {workers} threads: {describe(status)}")
    return int(address[0])


def _forget() -> None:
    """In the child of a fork, which has none of the threads, and may have a lock held by one."""
    global _lock
    _lock = threading.Lock()
    _teams.clear()


os.register_at_fork(after_in_child=_forget)
