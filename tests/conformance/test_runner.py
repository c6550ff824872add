"""The runner of Keras' own tests, on a small directory of them and on failures made here."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter

import pytest

import fncompile
from tests.conformance import __main__ as runner
from tests.conformance import differences, outcomes, report, wheel
from tests.conformance.missing import Missing, MissingName

pytestmark = pytest.mark.skipif(
    not wheel.is_the_recorded_one(), reason=f"needs the wheel of keras {wheel.VERSION}"
)


def raised(function, *args, **kwargs) -> BaseException:
    with pytest.raises(Exception) as caught:
        function(*args, **kwargs)
    return caught.value


def test_a_directory_runs_on_fncompile(tmp_path):
    code = ("import sys; from pathlib import Path; from tests.conformance import __main__ as m\n"
            "rows = m.run('constraints', Path(sys.argv[1]))\n"
            "print(m.report.count(rows)['constraints']['passed'])\n")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=runner.ROOT, text=True,
                          check=False, capture_output=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= report.recorded()["constraints"] > 10


def test_every_directory_of_the_wheel_that_is_installed_is_recorded():
    text = (runner.ROOT / "pyproject.toml").read_text()
    assert f'conformance = ["keras=={wheel.VERSION}"]' in text
    assert sorted(report.recorded()) == wheel.rows()


def test_exports_are_read_from_the_sources():
    assert "keras.layers.Dense" in wheel.exports().paths["layers.core.dense", "Dense"]
    assert wheel.exports().operations["ops.numpy", "Mean"] == ("axis", "keepdims")


@pytest.mark.parametrize(("test", "row"), [
    ("ops/numpy_test.py::Class::test_x", "ops"),
    ("layers/core/dense_test.py::Class::test_x", "layers/core"),
    ("layers/layer_test.py::Class::test_x", "layers/layer_test"),
])
def test_the_row_of_a_test(test, row):
    assert wheel.row_of(test) == row


def test_a_missing_name_ends_the_test_when_it_is_used():
    missing = Missing("keras.layers.Nothing", "missing")
    assert isinstance(raised(missing, 3), MissingName)
    assert isinstance(raised(lambda: missing.attribute), MissingName)

    class Below(missing):
        pass

    assert isinstance(raised(Below), MissingName)


class Own:
    pass


@pytest.mark.parametrize(("error", "kind"), [
    (raised(lambda: fncompile.layers.Dense(2).nothing), outcomes.MISSING),
    (raised(lambda: fncompile.layers.Dense(2)._nothing), outcomes.INTERNAL),
    (raised(lambda: fncompile.layers.Nothing), outcomes.MISSING),
    (raised(lambda: Own().nothing), outcomes.BEHAVIOUR),
    (raised(lambda: None.shape), outcomes.BEHAVIOUR),
    (raised(fncompile.layers.Dense, 2, nothing=1), outcomes.MISSING),
    (raised(fncompile.layers.Dense, -2), outcomes.BEHAVIOUR),
    (raised(fncompile.ops.ones, (2,), dtype="complex64"), outcomes.MISSING),
    (ModuleNotFoundError("No module", name="torch"), outcomes.SKIPPED),
    (AssertionError("1 != 2"), outcomes.BEHAVIOUR),
    (TypeError("Could not locate class 'LSTMCell'."), outcomes.MISSING),
    (TypeError("Could not locate class 'MyOwnModel'."), outcomes.BEHAVIOUR),
])  # fmt: skip
def test_why_a_test_failed(error, kind):
    assert outcomes.classify(error, [])[0] == kind


def test_what_was_used_and_missing_comes_first():
    used = [Missing("keras.src.x", "internal"), Missing("keras.x", "missing")]
    assert outcomes.classify(AssertionError("1 != 2"), used) == ("missing", "keras.x")


ROWS = [
    {"test": "ops/a_test.py::T::test_1", "kind": "passed"},
    {"test": "ops/a_test.py::T::test_2", "kind": "behaviour", "error": "ValueError: 2"},
    {"test": "losses/b_test.py::T::test_3", "kind": "passed"},
]


def test_fewer_than_recorded_is_a_complaint():
    counts = report.count(ROWS)
    assert list(report.fewer(counts, {"ops": 1, "losses": 1, "models": 7})) == []
    assert list(report.fewer(counts, {"ops": 2, "losses": 1})) == [
        "ops: 1 tests pass, passing.json records 2"
    ]


@pytest.mark.parametrize(("passing", "code"), [({"ops": 1}, 0), ({"ops": 2}, 1)])
def test_the_run_fails_where_a_directory_passes_fewer(passing, code, monkeypatch, capsys):
    monkeypatch.setattr(report, "recorded", lambda: passing)
    assert runner.conclude(ROWS, argparse.Namespace(failures=True, record=False)) == code
    shown = capsys.readouterr().out
    assert "| ops | 2 | 1 | 0 | 1 | 0 | 0 | 0 | 0 |" in shown and "66.7% pass (2 of 3)" in shown
    assert "ops/a_test.py::T::test_2\n    ValueError: 2" in shown


def test_a_difference_that_is_meant_is_counted_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(differences, "DIFFERENCES", {"on purpose": ("ops/*::test_2",)})
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    rows = report.read(path)
    assert report.count(rows)["ops"] == Counter(passed=1, meant=1)
    assert list(report.meant(rows)) == ["    1 on purpose"]
    assert list(report.passing_though_meant(rows)) == []
    monkeypatch.setattr(differences, "DIFFERENCES", {"on purpose": ("ops/*::test_1",)})
    assert list(report.passing_though_meant(rows)) == ["on purpose"]


def test_what_is_counted_out_counts_neither_way(tmp_path):
    odd = {"test": "ops/a_test.py::T::test_4", "kind": "missing", "detail": "dtype float8_e4m3fn"}
    other = {**odd, "detail": "keras.ops.other"}
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*ROWS, odd, other]))
    rows = report.read(path)
    assert report.count(rows)["ops"] == Counter(passed=1, behaviour=1, missing=1, out=1)
    assert list(report.out(rows)) == ["    1 numbers of eight bits with a point"]
    text = "\n".join(report.table(report.count(rows)))
    assert "50.0% pass (2 of 4)" in text and "below 90% of them: ops 33.3%." in text


def test_every_difference_gives_its_reason():
    assert all(len(why) > 20 for why in differences.DIFFERENCES)
