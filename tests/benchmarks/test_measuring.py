"""Our own worker, process and C program on the smallest cases, and the program of the limits."""

from __future__ import annotations

import os

import numpy as np
import pytest

from benchmarks import driver, limits, machine, networks, once, oracle, report
from benchmarks.cases import Case
from benchmarks.workers import Run, serve

pytestmark = pytest.mark.xdist_group("benchmarks")
ROOM = {"L1": 8 << 10, "L2": 64 << 10}


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    log = tmp_path_factory.mktemp("log") / "log"
    process = driver.Process("fncompile", 1, log, {"FNC_CFLAGS": "-O0"})  # compiles sooner
    yield process
    process.close()


@pytest.mark.parametrize("kind", ["predict", "train"])
def test_our_worker_is_right_and_is_timed_in_every_way(worker, kind):
    found = driver.measure(Case("tiny", kind, 3), [worker], rounds=1, seconds=0.002)
    assert found["failed"] == {}
    ways = found["seconds"]["fncompile"]
    assert set(ways) == {*report.PYTHON[kind], report.NATIVE}
    assert all(0 < seconds < 1 for seconds in ways.values())


def test_several_inputs_and_outputs_reach_the_c_program_in_their_order(worker):
    found = driver.measure(Case("dag", "predict", 2), [worker], rounds=1, seconds=0.002)
    assert found["failed"] == {} and "C" in found["seconds"]["fncompile"]


def test_what_a_worker_cannot_do_is_told(worker):
    with pytest.raises(driver.WorkerError, match="KeyError"):
        worker.ask("check", case=Case("none", "predict", 1).to_json(), way="call", path="x")


def test_a_worker_that_ends_is_told(tmp_path):
    process = driver.Process("no_such_worker", 1, tmp_path / "log")
    with pytest.raises(driver.WorkerError, match="ended"):
        process.ask("versions")
    process.close()


def test_wrong_results_are_refused():
    case = Case("tiny", "predict", 2)
    right = driver.expected(case)
    driver.compare(case, [right[0].astype(np.float32)], right)
    for wrong in ([right[0] * 1.001], [right[0][:1]], [], [right[0] * np.nan]):
        with pytest.raises(ValueError):
            driver.compare(case, wrong, right)


def test_later_losses_are_those_of_the_first_worker():
    case = Case("tiny", "train", 2)
    wanted = driver.expected(case)
    first = wanted[0][0]
    driver.compare(case, [np.array([first, 0.5, 0.4])], wanted)
    driver.compare(case, [np.array([first, 0.5, 0.4])], wanted)
    with pytest.raises(ValueError, match="from what is right"):
        driver.compare(case, [np.array([first, 0.5, 0.3])], wanted)


@pytest.mark.parametrize("seconds", [1e-6, 0.01, 1.0])
def test_timing_divides_by_calls_and_their_steps(monkeypatch, seconds):
    now = [0.0]  # a clock that calls alone move: a millisecond each, of ten steps

    def call():
        now[0] += 1e-3

    monkeypatch.setattr(serve.time, "perf_counter", lambda: now[0])
    assert serve.time_calls(Run(call, steps=10), seconds) == pytest.approx(1e-4)
    assert now[0] <= max(4 * seconds, 3e-3)


def test_first_calls_are_measured_in_a_process_of_their_own(tmp_path):
    core = max(os.sched_getaffinity(0))
    found = once.run("fncompile", core, {"FNC_CACHE": str(tmp_path), "FNC_CFLAGS": "-O0"})
    assert set(found) == {"import", "predict", "train", "megabytes", "megabytes_import"}
    assert all(value > 0 for value in found.values())


def test_memory_of_training_steps_is_what_they_take_more(tmp_path):
    """More than gradients and moments of tiny's weights, less than a process."""
    core = max(os.sched_getaffinity(0))
    environment = {"FNC_CACHE": str(tmp_path), "FNC_CFLAGS": "-O0"}
    found = once.run(["memory", "fncompile", "tiny"], core, environment)
    assert set(found) == {"tiny"} and 0 <= found["tiny"] < 100


def test_the_limits_are_measured(monkeypatch):
    monkeypatch.setattr(machine, "caches", lambda: ROOM)
    found = limits.measure(1, [Case("tiny", "predict", 1), Case("mlp784", "predict", 1)])
    assert set(found) - {"fma", "amx", "bf16", "L1", "L2", "memory"} == {"0MB"}  # what mlp784 uses
    assert all(found[name] > 0 for name in ("fma", "L1", "L2", "memory"))
    assert found["amx"] >= 0 and limits.best(found, {**found, "fma": 1e9})["fma"] == 1e9


def test_the_machine_is_described():
    about = machine.describe()
    assert about["cpu"] and about["compiler"] and about["caches"]["L1"] >= 8 << 10
    assert machine.short_name().replace("-", "").isalnum()


def test_every_network_has_finite_outputs_near_one():
    for network in networks.NETWORKS.values():
        inputs, _ = networks.data(network, 2)
        for output in oracle.forward(network, inputs):
            assert np.isfinite(output).all() and 1e-2 < np.abs(output).max() < 1e3
