"""`make bench`: all cases, ours and the peers' side by side; prints, writes JSON, draws.

    python -m benchmarks.run --cases mlp784,tiny --peers torch,jax --cores 1
    python -m benchmarks.run --list

A run of everything writes benchmarks/results/<machine>.json and docs/bench.svg; a part of it only
where `--out` says.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import limits, machine, once, picture, report
from benchmarks.cases import IMAGES, Case, table
from benchmarks.driver import ROOT, Process, WorkerError, measure
from benchmarks.workers import PEERS

RESULTS = ROOT / "benchmarks" / "results"
EPOCHS, BATCH = 5, 64
CHOICES = ("cases", "peers", "cores", "extras")
EXTRAS = ("end_to_end", "once", "memory", "export", "ships")


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    parser.add_argument("--cases", default="", help="words; a case is run if its name has one")
    parser.add_argument("--peers", default=",".join(PEERS), help="some of them, or none")
    parser.add_argument("--cores", default="1,2", help="numbers of cores")
    parser.add_argument("--extras", default=",".join(EXTRAS), help="what is not a case; or none")
    parser.add_argument("--rounds", type=int, default=5, help="of which the median counts")
    parser.add_argument("--seconds", type=float, default=0.05, help="a way is timed in a round")
    parser.add_argument("--out", type=Path, help="where to write the results as JSON")
    parser.add_argument("--list", action="store_true", help="show the cases and stop")
    return parser.parse_args(given)


def words(text: str) -> list[str]:
    return [] if text == "none" else [word for word in text.split(",") if word]


def chosen(cases: str, cores: str) -> list[Case]:
    """The rows of the case table that the arguments ask for and the machine can run."""
    most = len(os.sched_getaffinity(0))
    numbers, parts = [int(n) for n in words(cores) if int(n) <= most], words(cases)
    return [case for case in table() if case.cores in numbers
            and (not parts or any(part in case.name for part in parts))]


def notes() -> list[str]:
    """What the table cannot show here."""
    return ["two cores: this process has one."] if len(os.sched_getaffinity(0)) < 2 else []


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def run_cases(cases: list[Case], names: list[str], options, log: Path) -> tuple[list, dict, dict]:
    """Entries of all cases, the versions of what ran, and the limits for each number of cores."""
    entries, versions, found = [], {}, {}
    for cores in sorted({case.cores for case in cases}):
        here = [case for case in cases if case.cores == cores]
        before, processes = limits.measure(cores, here), start(names, cores, log)
        mine = []
        for process in processes:
            versions.update(process.ask("versions"))
        for case in here:
            mine.append((case, measure(case, processes, options.rounds, options.seconds)))
            progress(*mine[-1])
        for process in processes:
            process.close()
        found[str(cores)] = limit = limits.best(before, limits.measure(cores, here))
        entries += [report.entry(*both, limit, machine.caches()) for both in mine]
    return entries, versions, found


def progress(case: Case, measured: dict) -> None:
    ratio = report.ratio(measured)
    say(f"{case.name}: {report.micro(report.ours(measured))} us; "
        + (f"the fastest peer takes {ratio:.2f} times as long" if ratio else "no peer ran"))


def start(names: list[str], cores: int, log: Path) -> list[Process]:
    return [Process(name, cores, log) for name in names]


def end_to_end(names: list[str], log: Path, folder: Path) -> dict[str, dict]:
    """Seconds from arrays to trained weights: the first time in a process, and the second."""
    import fncompile

    (x, y), _ = fncompile.datasets.mnist.load_data()
    path = folder / "mnist.npz"
    np.savez(path, x=x.reshape(-1, 784).astype("float32") / 255, y=y.astype("int32"))
    found = {}
    for name in (n for n in names if n not in ("onnxruntime", "openvino")):
        process = Process(name, 1, log, {"FNC_CACHE": str(folder / "end_to_end")})
        process.ask("versions")  # imported
        first, second = (process.ask("end_to_end", path=str(path), epochs=EPOCHS, batch=BATCH)
                         for _ in range(2))
        process.close()
        found[name] = {"digits": len(x), "first": first["seconds"], "again": second["seconds"],
                       "loss": second["loss"]}
        say(f"end to end, {name}: {found[name]}")
    return found


def run_extras(chosen: list[str], names: list[str], log: Path, folder: Path) -> dict[str, dict]:
    found: dict[str, dict] = {}
    core = max(os.sched_getaffinity(0))
    if "end_to_end" in chosen:
        found[f"{EPOCHS} epochs of MNIST, batch {BATCH}, seconds"] = end_to_end(names, log, folder)
    if "once" in chosen:
        rows = {name: once.run(name, core, {}) for name in names if name != report.OURS}
        for state in ("cold", "warm"):
            key = f"{report.OURS}, {state} cache"
            rows[key] = once.run(report.OURS, core, {"FNC_CACHE": str(folder / "once")})
        found["import and first calls, seconds; megabytes"] = rows
    if "memory" in chosen:
        found["peak memory of training steps, batch 32, megabytes"] = {
            name: {k: v for network in IMAGES for k, v in _memory(name, network, core, folder)}
            for name in names if name in (report.OURS, "torch")}
    if "export" in chosen:
        found["export of 100 million weights"] = {
            report.OURS: once.run("export", core, {"FNC_CACHE": str(folder / "export")})}
    if "ships" in chosen:
        sizes = once.run("ships", core, {})
        found["bytes that a native program ships"] = {k: {"bytes": v} for k, v in sizes.items()}
    return found


def _memory(name: str, network: str, core: int, folder: Path) -> list[tuple[str, float]]:
    """Of steps that are compiled already."""
    found = [once.run(["memory", name, network], core, {"FNC_CACHE": str(folder / "memory")})
             for _ in range(2)]
    return list(found[-1].items())


def main() -> None:
    options = arguments()
    cases, names = chosen(options.cases, options.cores), [report.OURS, *words(options.peers)]
    if options.list:
        print("\n".join(case.name for case in cases))
        return
    began, about = time.time(), machine.describe()
    with tempfile.TemporaryDirectory() as text:
        folder, log = Path(text), Path(text) / "workers.log"
        os.environ.setdefault("FNC_CACHE", str(folder / "cache"))
        try:
            entries, versions, found = run_cases(cases, names, options, log)
            extras = run_extras(words(options.extras), names, log, folder)
        except (WorkerError, OSError, ValueError):
            say(log.read_text()[-4000:] if log.exists() else "")
            raise
    result = {"machine": about, "date": time.strftime("%Y-%m-%d"), "versions": versions,
              "minutes": round((time.time() - began) / 60, 1), "rounds": options.rounds,
              "limits": found, "notes": notes(), "peers": names[1:], "cases": entries,
              "extras": extras}
    print(report.tables(result))
    write(result, options)


def write(result: dict, options: argparse.Namespace) -> None:
    whole = arguments([])
    if options.out:
        report.save(result, options.out)
    elif all(getattr(options, k) == getattr(whole, k) for k in CHOICES):
        report.save(result, RESULTS / f"{machine.short_name()}.json")
        picture.write(result)


if __name__ == "__main__":
    main()
