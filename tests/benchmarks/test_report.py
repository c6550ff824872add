"""Ratios, shares and limits: the arithmetic, and the table and the picture that show it."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from benchmarks import limits, picture, quick, report, run
from benchmarks.cases import Case, table

CACHES = {"L1": 32 << 10, "L2": 512 << 10, "L3": 32 << 20}
LIMITS = {"fma": 100.0, "amx": 0.0, "bf16": 0.0,
          "L1": 200.0, "L2": 100.0, "L3": 70.0, "memory": 20.0}


def entry(network="mlp784", kind="predict", batch=1, cores=1, ours=2e-6, **peers: float):
    seconds = {name: {"eager": value, "compile": 2 * value} for name, value in peers.items()}
    ways = dict(zip((*report.PYTHON[kind], "C"), (3 * ours, ours, ours / 2)))
    measured = {"seconds": {"fncompile": ways, **seconds}, "failed": {}}
    return report.entry(Case(network, kind, batch, cores=cores), measured, LIMITS, CACHES)


def test_the_ratio_is_the_peers_best_way_over_our_best_from_python():
    one = entry(ours=2e-6, torch=8e-6, jax=6e-6)
    assert report.ours(one) == 2e-6 and report.native(one) == 1e-6
    assert report.ratio(one) == pytest.approx(3) and report.ratio(one, "torch") == pytest.approx(4)
    assert report.ratio(one, "keras") is None


def test_a_single_row_is_bound_by_the_cache_that_holds_the_weights():
    one = entry(ours=2e-6)
    assert one["binding"] == "L2"
    bytes_read = 4 * (55050 + 2 * (784 + 64 + 64 + 10))
    assert one["bound"] == pytest.approx(bytes_read / 100e9)
    assert report.share(one) == pytest.approx(one["bound"] / 1e-6)  # C is our best


def test_many_rows_are_bound_by_flops():
    one = entry(batch=256, ours=1e-3)
    assert one["binding"] == "flops" and one["bound"] == pytest.approx(one["flops"] / 100e9)
    assert report.rate(one) == pytest.approx(one["flops"] / 0.5e-3 / 1e9)


def test_two_cores_have_twice_the_private_caches_and_one_shared():
    one, two = (Case("dag", "train", 32, cores=n) for n in (1, 2))
    assert (limits.level(one, CACHES), limits.level(two, CACHES)) == ("L3", "L2")
    large = Case("mlp1024", "train", 32, cores=2)
    assert limits.level(large, CACHES) == "memory"


def test_weights_on_the_border_of_the_last_cache_have_a_limit_of_their_own():
    caches, case = {**CACHES, "L3": 32 << 20}, Case("mlp1024", "predict", 1)
    measured = {**LIMITS, limits.border_name(case): 20.0}
    assert limits.border_name(case) == "33MB"
    assert limits.bound(case, measured, caches) == (pytest.approx(33.3e-3 / 20, rel=0.01), "33MB")
    assert limits.bound(Case("mlp784", "predict", 1), measured, caches)[1] == "L2"


def test_bfloat16_takes_the_best_unit_there_is():
    half = Case("mlp1024", "predict", 32, "bfloat16")
    assert limits.peak(half, LIMITS) == 100
    assert limits.peak(half, {**LIMITS, "amx": 1800.0}) == 1800
    assert limits.peak(Case("mlp1024", "predict", 32), {**LIMITS, "amx": 1800.0}) == 100


def test_a_case_that_we_lose_or_that_failed_stays_in_the_table():
    lost = entry(ours=9e-6, torch=3e-6)
    failed = {**entry(network="tiny"), "seconds": {"torch": {"eager": 1e-6}},
              "failed": {"fncompile": {"call": "it broke"}}}
    text = report.tables(result(lost, failed))
    row = next(line for line in text.splitlines() if line.startswith("mlp784 x1"))
    assert "0.33!" in row and "3.00 (0.3)" in row
    assert "tiny x1" in text and "tiny predict 1 float32 1c, fncompile, call: it broke" in text


def test_micro_shows_three_digits():
    assert [report.micro(s) for s in (1.234e-7, 1.234e-5, 1.234e-2, None)] == [
        "0.12", "12.3", "12340", "-"]


def result(*entries) -> dict:
    return {"machine": {"cpu": "a <CPU> & more", "compiler": "cc 1", "load": 0.5}, "date": "today",
            "versions": {"fncompile": "1"}, "limits": {"1": LIMITS}, "peers": ["torch", "jax"],
            "cases": list(entries), "extras": {"sizes": {"ours": {"bytes": 250000}}}}


def test_a_result_survives_its_file(tmp_path):
    whole = result(entry(torch=1e-5))
    report.save(whole, tmp_path / "new" / "x.json")
    assert report.load(tmp_path / "new" / "x.json") == whole


def test_the_picture_is_well_formed_and_shows_losses():
    svg = picture.draw(result(entry(torch=1e-5, jax=1e-6),
                              entry(kind="train", batch=32, torch=1e-5),
                              entry(cores=2, batch=32, torch=1.0)))
    root = ElementTree.fromstring(svg)
    texts = [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "784-64-64-10, batch 1" in texts
    assert {"0.50\N{MULTIPLICATION SIGN}", "5.0\N{MULTIPLICATION SIGN}"} < set(texts)
    assert sum("core" in t for t in texts) == 2  # one core only: inference and training
    left = [float(r.get("x", 0)) for r in root.iter("{http://www.w3.org/2000/svg}rect")]
    assert min(left[3:]) < picture.x_of(1)  # the bar of the peer that wins goes the other way


def test_every_network_has_its_name_in_the_picture():
    assert set(picture.NAMES) == {case.network for case in table()}


def test_the_quick_row_compares_with_what_was_recorded():
    now, before = entry(ours=4e-6), entry(ours=2e-6, torch=1e-5)
    cells = dict(zip(quick.HEAD[1:], quick.row(now, before)[1:]))
    assert (cells["us"], cells["recorded us"], cells["now/recorded"]) == ("4.00", "2.00", "2.00")
    assert (cells["recorded ratio"], cells["ratio now"]) == ("5.00", "2.50")
    assert quick.row(now, None)[-4:] == ["-"] * 4


def test_arguments_choose_cases():
    assert {c.network for c in run.chosen("tiny,dag", "1")} == {"tiny", "dag"}
    assert {c.cores for c in run.chosen("", "1")} == {1}
    assert run.arguments(["--peers", "torch,jax"]).peers == "torch,jax"
    assert run.words("none") == []


def test_recorded_results_have_their_picture():
    """docs/bench.svg is drawn from one of the recorded tables."""
    drawn = [picture.draw(report.load(path)) for path in run.RESULTS.glob("*.json")]
    assert not picture.PATH.exists() or picture.PATH.read_text() in drawn
