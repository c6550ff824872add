"""`make bench-quick`: ours alone, in two minutes, against the limits and the last table."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from benchmarks import limits, machine, report
from benchmarks.cases import QUICK, Case, table
from benchmarks.driver import Process, measure
from benchmarks.run import RESULTS

HEAD = ["one core, float32", "us", "C", "GFLOP/s", "limit", "share", "recorded us", "now/recorded",
        "recorded ratio", "ratio now"]


def recorded(results: Path = RESULTS) -> dict[str, report.Entry]:
    """The last table of this kind of machine, by the names of cases; empty if there is none."""
    path = results / f"{machine.short_name()}.json"
    entries = report.load(path)["cases"] if path.exists() else []
    return {Case(**one["case"]).name: one for one in entries}


def row(now: report.Entry, before: report.Entry | None) -> list[str]:
    """`ratio now` is the recorded time of the fastest peer over ours now."""
    mine, was = report.ours(now), report.ours(before) if before else None
    ratio = report.ratio(before) if before else None
    part, gflops = report.share(now), report.rate(now)
    case = now["case"]
    cells = [f"{case['network']} {case['kind']} x{case['batch']}", report.micro(mine),
             report.micro(report.native(now)), f"{gflops:.1f}" if gflops else "-", now["binding"],
             f"{part:.0%}" if part else "-", report.micro(was)]
    cells.append(f"{mine / was:.2f}" if mine and was else "-")
    cells.append(f"{ratio:.2f}" if ratio else "-")
    return [*cells, f"{ratio * was / mine:.2f}" if ratio and was and mine else "-"]


def main() -> None:
    cases = [c for c in table() if (c.network, c.kind, c.batch) in QUICK
             and c.cores == 1 and c.dtype == "float32"]
    limit, before, rows = limits.measure(1, cases), recorded(), [HEAD]
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("FNC_CACHE", folder)
        process = Process(report.OURS, 1, Path(folder) / "worker.log")
        for case in cases:
            measured = measure(case, [process], 3, 0.05)
            now = report.entry(case, measured, limit, machine.caches())
            rows.append(row(now, before.get(case.name)))
        process.close()
    print("\n".join(report.aligned(rows)))
    if not before:
        print("No table of this machine is recorded: `make bench` makes one.")


if __name__ == "__main__":
    main()
