"""A progress bar with Keras' look, and its plain form for output that is not a terminal."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterable
from typing import Any

_WIDTH = 20
_BOLD, _GREEN, _WHITE, _RESET = "\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"


class Progbar:
    """Shows `current/target`, the time, and named values.

    `target` None means unknown. `verbose` 0 shows nothing, 1 a bar, 2 one line at the end. Values
    named in `stateful_metrics`, or not named in `stateless_metrics` where that is given, are shown
    as they come, others averaged over the steps so far; ValueError where both are given. The bar is
    redrawn at most every `interval` seconds; where the output is no terminal only the last one is
    written, or, with an `interval` of 0, every one.

    `width`: that of the bar; `unit_name`: what a step is called.

    >>> bar = utils.Progbar(2, verbose=2)
    >>> bar.update(1, [("loss", 1.0)])
    """

    def __init__(
        self,
        target: int | None,
        width: int = _WIDTH,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
        stateless_metrics: Iterable[str] | None = None,
    ):
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError(
                "Only one of `stateful_metrics` or `stateless_metrics` can be provided: the others "
                f"follow. Received: {stateful_metrics} and {stateless_metrics}"
            )
        self.target = target
        self.width = width
        self.verbose = verbose
        self.interval = interval
        self.unit_name = unit_name
        self.stateful_metrics = set(stateful_metrics or ())
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self._sums: dict[str, tuple[Any, float]] = {}
        self._seen = 0
        self._start = self._first_step_end = self._now()
        self._first_steps = 0  # how many were done when the bar first heard of any
        self._drawn_at = -math.inf
        self._drawn_width = 0
        self._live = _is_live(sys.stdout)

    @staticmethod
    def _now() -> float:
        return time.time()

    def update(
        self,
        current: int,
        values: Iterable[tuple[str, Any]] | None = None,
        finalize: bool | None = None,
    ) -> None:
        """Show that `current` steps are done; `finalize` (or reaching the target) ends the line."""
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        self._take(current, values or ())
        now = self._now()
        if self.verbose == 1:
            self._draw(current, now, finalize)
        elif self.verbose == 2 and finalize:
            sys.stdout.write(self._summary(current, now) + "\n")
            sys.stdout.flush()

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """Go on by `n` steps."""
        self.update(self._seen + n, values)

    def _take(self, current: int, values: Iterable[tuple[str, Any]]) -> None:
        steps = max(current - self._seen, 1)
        for name, value in values:
            total, count = self._sums.get(name, (0, 0))
            if self._shown_as_is(name) or not isinstance(value, (int, float)):
                self._sums[name] = (value, 1)
            else:
                self._sums[name] = (total + value * steps, count + steps)
        if self._seen == 0:
            self._first_step_end, self._first_steps = self._now(), current
        self._seen = current

    def _shown_as_is(self, name: str) -> bool:
        if self.stateless_metrics is not None:
            return name not in self.stateless_metrics
        return name in self.stateful_metrics

    def _draw(self, current: int, now: float, finalize: bool) -> None:
        too_early = self.interval > 0 and (not self._live or now - self._drawn_at < self.interval)
        if too_early and not finalize:
            return
        line = f"{self._bar(current)} {self._times(current, now, finalize)}{self._values()}"
        if self._live:
            width = _visible_width(line)
            line = "\r" + line + " " * max(self._drawn_width - width, 0)
            self._drawn_width = width
        else:
            line = _without_colour(line)
        sys.stdout.write(line + ("\n" if finalize or not self._live else ""))
        sys.stdout.flush()
        self._drawn_at = now

    def _bar(self, current: int) -> str:
        if self.target is None:
            return f"{current:7d}/Unknown"
        count = f"{current:{len(str(self.target))}d}/{self.target}"
        done = min(self.width * current // max(self.target, 1), self.width)
        filled = f"{_GREEN}{'━' * done}{_RESET}" if done else ""
        return f"{_BOLD}{count}{_RESET} {filled}{_WHITE}{'━' * (self.width - done)}{_RESET}"

    def _times(self, current: int, now: float, finalize: bool) -> str:
        per_step = self._per_step(current, now)
        if finalize or self.target is None:
            shown = f"{now - self._start:.0f}s"
        else:
            shown = _clock(per_step * (self.target - current))
        return f"{_BOLD}{shown}{_RESET} {_duration(per_step)}/{self.unit_name}"

    def _summary(self, current: int, now: float) -> str:
        target = "Unknown" if self.target is None else self.target
        per_step = _duration(self._per_step(current, now))
        elapsed = f"{now - self._start:.0f}s"
        return f"{current}/{target} - {elapsed} - {per_step}/{self.unit_name}{self._values()}"

    def _per_step(self, current: int, now: float) -> float:
        """Seconds; the first stretch, which compiles, counts only while it is alone."""
        if current > self._first_steps:
            return (now - self._first_step_end) / (current - self._first_steps)
        return (now - self._start) / max(current, 1)

    def _values(self) -> str:
        return "".join(f" - {name}: {_number(v, n)}" for name, (v, n) in self._sums.items())


def _number(total: Any, count: float) -> str:
    if not isinstance(total, (int, float)):
        return f"{total}"
    mean = total / max(count, 1)
    return f"{mean:.4f}" if abs(mean) > 1e-3 else f"{mean:.4e}"


def _duration(seconds: float) -> str:
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"


def _clock(seconds: float) -> str:
    minutes, s = divmod(int(seconds), 60)
    if seconds > 3600:
        return f"{minutes // 60}:{minutes % 60:02d}:{s:02d}"
    return f"{minutes}:{s:02d}" if seconds > 60 else f"{int(seconds)}s"


def _is_live(stream: Any) -> bool:
    return "ipykernel" in sys.modules or (hasattr(stream, "isatty") and stream.isatty())


def _without_colour(line: str) -> str:
    for code in (_BOLD, _GREEN, _WHITE, _RESET):
        line = line.replace(code, "")
    return line


def _visible_width(line: str) -> int:
    return len(_without_colour(line))
