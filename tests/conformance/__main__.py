"""Runs Keras' own tests on fncompile, one process a directory.

    python -m tests.conformance                      all, compared with passing.json
    python -m tests.conformance losses layers/core   some directories
    python -m tests.conformance --failures losses    and what fails, with its first line
    python -m tests.conformance --record             writes passing.json instead
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.conformance import report, wheel
from tests.conformance.outcomes import BEHAVIOUR

ROOT = Path(__file__).parents[2]
WORK = ROOT / "build" / "conformance"


def run(directory: str, work: Path) -> list[report.Row]:
    """The tests of one directory, in a process of their own."""
    out = work / (directory.replace("/", "-") + ".jsonl")
    out.unlink(missing_ok=True)
    settings = {
        "CONFORMANCE_OUT": str(out),
        "FNC_CACHE": str(work / "cache"),
        "FNC_CFLAGS": "-Og",  # not how well, but what; see tests/conftest.py
        "JAX_PLATFORMS": "cpu",
    }
    command = [
        sys.executable, "-m", "pytest", "-p", "tests.conformance.plugin",
        "-p", "no:cacheprovider", "-p", "no:xdist", "-c", os.devnull,
        "--rootdir", str(wheel.source()), "--quiet", "--tb=no", "--no-summary",
        "--continue-on-collection-errors",
        "-W", "ignore", *map(str, wheel.tests(directory)),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **settings}, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # fmt: skip
    if done.returncode not in (0, 1, 5):  # passed, failed, nothing collected
        raise SystemExit(f"{directory}: pytest ended with {done.returncode}\n{done.stdout[-3000:]}")
    return report.read(out)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("directories", nargs="*", metavar="DIRECTORY")
    parser.add_argument("--failures", action="store_true", help="show each difference")
    parser.add_argument("--record", action="store_true", help="write passing.json")
    parser.add_argument("--work", type=Path, default=WORK, help="where lines and cache are kept")
    options = parser.parse_args(arguments)
    if not wheel.is_the_recorded_one():
        parser.error(f"passing.json is about keras {wheel.VERSION}: make conformance installs it")
    there = wheel.rows()
    unknown = sorted(set(options.directories) - set(there))
    if unknown:
        parser.error(f"no directory {', '.join(unknown)}; there are {' '.join(there)}")
    options.work.mkdir(parents=True, exist_ok=True)
    rows = []
    for directory in options.directories or there:
        rows += run(directory, options.work)
        print(f"{directory} …", file=sys.stderr)
    return conclude(rows, options)


def conclude(rows: list[report.Row], options: argparse.Namespace) -> int:
    """Prints what was found; 1 where a directory passes fewer tests than recorded."""
    counts = report.count(rows)
    for row in rows if options.failures else ():
        if row["kind"] == BEHAVIOUR:
            print(row["test"], row["error"].split("\n")[0], sep="\n    ")
    print("\n".join(report.table(counts)))
    print("\nDifferences that are meant (tests/conformance/differences.py):")
    print("\n".join(report.meant(rows)) or "none")
    for why in report.passing_though_meant(rows):
        print(f"      passes now, to be taken out of the list: {why}")
    print("\nCounted out (tests/conformance/counted_out.py):")
    print("\n".join(report.out(rows)) or "none")
    if options.record:
        report.record(counts)
        return 0
    complaints = list(report.fewer(counts, report.recorded()))
    print("\n".join(["", *complaints]) if complaints else "")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
