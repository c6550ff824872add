"""Say on stderr that a first call is compiling, what, and how far it is, when it takes a while.

A call that finds its library in the cache, or compiles within PATIENCE seconds, says nothing;
FNC_NOTICE=0 turns it off.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

from fncompile.flags import flag

PATIENCE = 1.0  # seconds
_current: ContextVar[Notice | None] = ContextVar("fncompile_notice", default=None)


class Notice:
    """What is being made, and the stage that it is in."""

    def __init__(self, what: str):
        self.what, self.stage, self.told = what, "planning", False
        self.start = time.perf_counter()
        self._timer = threading.Timer(PATIENCE, self._tell)
        self._timer.daemon = True
        self._timer.start()

    def _tell(self) -> None:
        self.told = True
        _write(f"fncompile: compiling {self.what} ({self.stage}) ...")

    def end(self, made: bool) -> None:
        self._timer.cancel()
        if self.told and made:
            kept = "this process" if flag("cache") == "off" else "the next time"
            seconds = time.perf_counter() - self.start
            _write(f"fncompile: compiled {self.what} in {seconds:.1f} s; cached for {kept}")


def _write(line: str) -> None:
    with suppress(OSError, ValueError, AttributeError):  # no stderr, or a closed one
        print(line, file=sys.stderr, flush=True)


@contextmanager
def announced(what: str) -> Iterator[None]:
    """While this lasts, `what` is being made; inside of another it is a part of that."""
    if not flag("notice") or _current.get() is not None:
        yield
        return
    notice = Notice(what)
    token, made = _current.set(notice), False
    try:
        yield
        made = True
    finally:
        _current.reset(token)
        notice.end(made)


def now(stage: str) -> None:
    """From here on it is in this stage."""
    notice = _current.get()
    if notice is not None:
        notice.stage = stage
