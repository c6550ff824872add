"""Models in the workers of Dask and joblib, and in whatever pickles as Ray and Spark do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fncompile
from fncompile import layers
from tests.tools import need_module

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "cluster"


def run(*command: object, **more: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **more}
    done = subprocess.run(
        [str(c) for c in command], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize(("script", "modules"), [
    ("with_dask.py", ("dask", "distributed", "pandas")), ("with_joblib.py", ("joblib",)),
])
def test_two_workers_give_the_bits_of_one_process(script, modules, quickly_compiled):
    for module in modules:
        need_module(module)
    shown = run(sys.executable, EXAMPLES / script, 40_000)
    assert "40000 rows; the same bits: True" in shown
    assert len(re.findall(r"[1-9]\d* rows/s", shown)) == 2


def test_the_examples_are_of_a_million_rows():
    assert "1_000_000" in (EXAMPLES / "scoring.py").read_text()


RECEIVE = """
import pickle, sys
import numpy as np
with open(sys.argv[1], "rb") as file:
    function, model = pickle.load(file)
np.save(sys.argv[2], function(np.load(sys.argv[3])))
"""


def test_a_function_with_a_model_inside_travels_by_cloudpickle(
    tmp_path, quickly_compiled, monkeypatch
):
    """As Ray's tasks and Spark's pandas UDFs do. Where it arrives, its code is in the cache."""
    need_module("distributed")  # which brings it
    import cloudpickle

    store = tmp_path / "cache"
    store.mkdir(mode=0o700)
    monkeypatch.setenv("FNC_CACHE", str(store))
    monkeypatch.setenv("FNC_THREADS", "1")  # a team is compiled once a process
    x = fncompile.Input((11,))  # a model that no other test has loaded into this process
    model = fncompile.Model(x, layers.Dense(3, activation="tanh", name="travels")(x))
    rows = np.random.default_rng(0).normal(size=(9, 11)).astype("f4")
    expected = model.predict(rows, verbose=0)

    def score(part):
        return model.predict(part, verbose=0)

    (tmp_path / "task").write_bytes(cloudpickle.dumps((score, model)))
    np.save(tmp_path / "rows.npy", rows)
    before = sorted(store.rglob("model.so"))  # this process knew the compiler's version, perhaps
    run(sys.executable, "-c", RECEIVE, tmp_path / "task", tmp_path / "out", tmp_path / "rows.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), expected)
    assert sorted(store.rglob("model.so")) == before and before
