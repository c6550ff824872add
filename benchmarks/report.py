"""What the figures mean: ratios and shares of limits, as text and as JSON.

An entry is one case with what was measured:
{"case": {...}, "seconds": {worker: {way: seconds}}, "failed": {worker: {way: why}},
 "flops": n, "bound": seconds, "binding": "flops" or a level of memory}
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import limits
from benchmarks.cases import Case, flops

OURS = "fncompile"
NATIVE = "C"  # the one way that is not called from Python
PYTHON = {"predict": ("call", "bind"), "train": ("train_on_batch", "fit")}
Entry = dict[str, Any]

NOTES = """\
Microseconds; in brackets how many times as long as ours from Python, the better of our two ways.
Of a peer the best of its ways counts, on its own tensors, made beforehand. `limit` is what binds:
flops, or the level of memory that weights and activations fit in; `share` is the time that this
limit asks for over our best. `fastest` is the fastest peer's time over ours; a `!` marks what a
peer wins."""


def entry(case: Case, measured: Entry, limit: limits.Limits, caches: dict[str, int]) -> Entry:
    """`measured` is what `driver.measure` gives."""
    seconds, binding = limits.bound(case, limit, caches)
    return {"case": case.to_json(), **measured, "flops": flops(case), "bound": seconds,
            "binding": binding}


def ours(one: Entry) -> float | None:
    """Seconds of fncompile from Python; None if it could not run."""
    ways = one["seconds"].get(OURS, {})
    return min((s for way, s in ways.items() if way != NATIVE), default=None)


def native(one: Entry) -> float | None:
    """Seconds of fncompile from C."""
    return one["seconds"].get(OURS, {}).get(NATIVE)


def peers(one: Entry) -> dict[str, float]:
    """Seconds of each peer that ran, the best of its ways."""
    return {name: min(ways.values()) for name, ways in one["seconds"].items() if name != OURS}


def ratio(one: Entry, peer: str | None = None) -> float | None:
    """How many times as long as ours from Python the peer takes, or the fastest of them."""
    mine, theirs = ours(one), peers(one)
    other = theirs.get(peer) if peer else min(theirs.values(), default=None)
    return other / mine if mine and other else None


def share(one: Entry) -> float | None:
    """The part of our best time, from Python or C, that the machine's limit asks for."""
    times = [s for s in (ours(one), native(one)) if s]
    return one["bound"] / min(times) if times else None


def rate(one: Entry) -> float | None:
    """GFLOP/s of our best time."""
    times = [s for s in (ours(one), native(one)) if s]
    return one["flops"] / min(times) / 1e9 if times else None


def micro(seconds: float | None) -> str:
    """Three digits of microseconds."""
    if seconds is None:
        return "-"
    value = seconds * 1e6
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def tables(result: dict[str, Any]) -> str:
    """The whole result as text."""
    parts = [_machine(result), NOTES]
    groups: dict[tuple, list[Entry]] = {}
    for one in result["cases"]:
        case = one["case"]
        groups.setdefault((case["kind"], case["dtype"], case["cores"]), []).append(one)
    parts += [table(group, result["peers"]) for group in groups.values()]
    parts += result.get("notes", [])
    parts += [*_failures(result["cases"]), *_extras(result.get("extras", {}))]
    return "\n\n".join(parts)


def table(entries: list[Entry], names: list[str]) -> str:
    """Entries of one kind, dtype and number of cores."""
    case = entries[0]["case"]
    cores = "one core" if case["cores"] == 1 else f"{case['cores']} cores"
    ways = [*PYTHON[case["kind"]], NATIVE]
    head = [f"{case['kind']}, {case['dtype']}, {cores}", *ways, "GFLOP/s", "limit", "share",
            "fastest", *names]
    return "\n".join(aligned([head, *(_row(one, ways, names) for one in entries)]))


def _row(one: Entry, ways: list[str], names: list[str]) -> list[str]:
    mine, theirs, best = one["seconds"].get(OURS, {}), peers(one), ratio(one)
    case = one["case"]
    cells = [f"{case['network']} x{case['batch']}", *(micro(mine.get(w)) for w in ways)]
    gflops, part = rate(one), share(one)
    cells += [f"{gflops:.1f}" if gflops else "-", one["binding"], f"{part:.0%}" if part else "-"]
    cells.append(f"{best:.2f}{'!' if best < 1 else ''}" if best else "-")
    for name in names:
        times = ratio(one, name)
        cells.append(f"{micro(theirs[name])} ({times:.1f})" if times else micro(theirs.get(name)))
    return cells


def aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join(cell.ljust(w) if i == 0 else cell.rjust(w)
                      for i, (cell, w) in enumerate(zip(row, widths))) for row in rows]


def _machine(result: dict[str, Any]) -> str:
    about = dict(result["machine"])
    lines = [f"{key}: {value}" for key, value in about.items()]
    lines.append("versions: " + ", ".join(f"{k} {v}" for k, v in result["versions"].items()))
    for cores, found in result["limits"].items():
        text = ", ".join(f"{k} {v:.0f}" if v else f"{k} none" for k, v in found.items())
        lines.append(f"limits, {cores} core(s), GFLOP/s and GB/s: {text}")
    return "\n".join(lines)


def _failures(entries: list[Entry]) -> Iterator[str]:
    lines = [f"{Case(**one['case']).name}, {name}, {way}: {why}" for one in entries
             for name, ways in one["failed"].items() for way, why in ways.items()]
    if lines:
        yield "Did not run, or gave wrong results, and was not timed:\n" + "\n".join(lines)


def _extras(extras: dict[str, dict]) -> Iterator[str]:
    for title, found in extras.items():
        columns = list(dict.fromkeys(k for values in found.values() for k in values))
        rows = [[name, *(_number(row.get(c)) for c in columns)] for name, row in found.items()]
        yield "\n".join(aligned([[title, *columns], *rows]))


def _number(value: float | str | None) -> str:
    if value is None or isinstance(value, str):
        return value or "-"
    return f"{value:.4g}" if value < 1e5 else f"{value:,.0f}"


def save(result: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")


def load(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


