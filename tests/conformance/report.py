"""The table by directory, and the comparison with what passing.json records."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.conformance import counted_out, differences, wheel
from tests.conformance.outcomes import BEHAVIOUR, INTERNAL, KINDS, MEANT, MISSING, OUT, PASSED

PASSING = Path(__file__).with_name("passing.json")
HEADINGS = {
    PASSED: "passed", MISSING: "name missing", BEHAVIOUR: "behaviour differs",
    MEANT: "differs, meant", OUT: "counted out", INTERNAL: "internal name", "skipped": "skipped",
}  # fmt: skip
Row = dict[str, Any]
LOW = 0.9  # the share below which a directory is named


def read(path: Path) -> list[Row]:
    """The lines that the plugin wrote, with the differences that are meant and what is counted out
    told apart."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    rows = [json.loads(line) for line in lines]
    for row in rows:
        if row["kind"] in (BEHAVIOUR, INTERNAL) and differences.reason(row["test"]):
            row["kind"] = MEANT
        elif row["kind"] in (BEHAVIOUR, INTERNAL, MISSING) and _reason_out(row):
            row["kind"] = OUT
    return rows


def _reason_out(row: Row) -> str | None:
    return counted_out.reason(row["test"], row.get("detail", ""))


def count(rows: Iterable[Row]) -> dict[str, Counter[str]]:
    """Directory -> kind -> how many tests."""
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        counts.setdefault(wheel.row_of(row["test"]), Counter())[row["kind"]] += 1
    return dict(sorted(counts.items()))


def table(counts: Mapping[str, Counter[str]]) -> Iterator[str]:
    """Lines of Markdown, and the share that passes."""
    yield "| directory | collected | " + " | ".join(HEADINGS[kind] for kind in KINDS) + " |"
    yield "|---|" + "---:|" * (1 + len(KINDS))
    total = sum(counts.values(), Counter())
    for name, each in [*counts.items(), ("**all**", total)]:
        cells = [each.total(), *(each[kind] for kind in KINDS)]
        yield f"| {name} | " + " | ".join(map(str, cells)) + " |"
    passed, named = total[PASSED], total[PASSED] + total[BEHAVIOUR]
    share = passed / max(named, 1)
    counted = passed / max(named + total[MEANT], 1)
    yield f"\nWhere every name exists {share:.1%} pass ({passed} of {named});"
    yield f"{counted:.1%} with the differences that are meant counted against us."
    whole = _counted(total)
    yield f"Of all but those counted out {passed / max(whole, 1):.1%} pass ({passed} of {whole})."
    rates = {name: passing_share(each) for name, each in counts.items()}
    low = [f"{name} {rate:.1%}" for name, rate in rates.items() if rate < LOW]
    yield f"Directories below {LOW:.0%} of them: {', '.join(low) or 'none'}."


def _counted(each: Counter[str]) -> int:
    """The tests that are not counted out."""
    return each[PASSED] + each[BEHAVIOUR] + each[MEANT] + each[MISSING]


def passing_share(each: Counter[str]) -> float:
    """What part passes of the tests that are not counted out."""
    whole = _counted(each)
    return each[PASSED] / whole if whole else 1.0


def meant(rows: Iterable[Row]) -> Iterator[str]:
    """The differences that are meant, with how many tests see each, and their reasons."""
    return _most(differences.reason(row["test"]) for row in rows if row["kind"] == MEANT)


def out(rows: Iterable[Row]) -> Iterator[str]:
    """What is counted out, with how many tests."""
    return _most(_reason_out(row) for row in rows if row["kind"] == OUT)


def _most(reasons: Iterable[str | None]) -> Iterator[str]:
    return (f"{number:5} {why}" for why, number in Counter(reasons).most_common())


def passing_though_meant(rows: Iterable[Row]) -> Iterator[str]:
    """The reasons in `differences` whose tests ran and all passed."""
    ran: dict[str, bool] = {}
    for row in rows:
        why = differences.reason(row["test"])
        if why:
            ran[why] = ran.get(why, False) or row["kind"] != PASSED
    yield from (why for why, fails in ran.items() if not fails)


def fewer(counts: Mapping[str, Counter[str]], recorded: Mapping[str, int]) -> Iterator[str]:
    """The directories that pass fewer tests than recorded; of those that ran."""
    for name, each in counts.items():
        if each[PASSED] < recorded.get(name, 0):
            yield f"{name}: {each[PASSED]} tests pass, passing.json records {recorded[name]}"


def recorded() -> dict[str, int]:
    return json.loads(PASSING.read_text(encoding="utf-8"))


def record(counts: Mapping[str, Counter[str]]) -> None:
    """Writes what passes now, for the directories that ran."""
    now = {**recorded(), **{name: each[PASSED] for name, each in counts.items()}}
    PASSING.write_text(json.dumps(dict(sorted(now.items())), indent=1) + "\n", encoding="utf-8")
