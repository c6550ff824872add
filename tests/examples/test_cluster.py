"""Models in whatever pickles as Ray and Spark do; README's test runs Dask and joblib."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from tests.tools import environment, need_module, run

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "cluster"


def run_python(*arguments: object) -> str:
    return run(sys.executable, *arguments, env=environment(PYTHONPATH=str(ROOT)))


def test_the_examples_are_of_a_million_rows():
    assert "1_000_000" in (EXAMPLES / "scoring.py").read_text()


SEND = """
import sys
import cloudpickle
import numpy as np
import fncompile
from fncompile import layers

x = fncompile.Input((4,))
model = fncompile.Model(x, layers.Dense(2, activation="tanh")(x))
rows = np.random.default_rng(0).normal(size=(9, 4)).astype("f4")


def score(part):
    return model.predict(part, verbose=0)


np.save(sys.argv[2], rows)
np.save(sys.argv[3], score(rows))
with open(sys.argv[1], "wb") as file:
    cloudpickle.dump((score, model), file)
"""
RECEIVE = """
import pickle, sys
import numpy as np
with open(sys.argv[1], "rb") as file:
    function, model = pickle.load(file)
np.save(sys.argv[3], function(np.load(sys.argv[2])))
"""


def test_a_function_with_a_model_inside_travels_by_cloudpickle(
    tmp_path, quickly_compiled, monkeypatch
):
    """As Ray's tasks and Spark's pandas UDFs do. Where it arrives, its code is in the cache."""
    need_module("distributed")  # which brings it
    store = tmp_path / "cache"
    store.mkdir(mode=0o700)
    monkeypatch.setenv("FNC_CACHE", str(store))
    monkeypatch.setenv("FNC_THREADS", "1")
    task, rows = tmp_path / "task", tmp_path / "rows.npy"
    run_python("-c", SEND, task, rows, tmp_path / "sent.npy")
    before = sorted(store.rglob("model.so"))
    run_python("-c", RECEIVE, task, rows, tmp_path / "out.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), np.load(tmp_path / "sent.npy"))
    assert sorted(store.rglob("model.so")) == before and before
