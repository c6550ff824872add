"""Keys and values kept from call to call: one position at a time is the whole sequence."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

import fncompile

FILE = Path(__file__).parents[2] / "examples" / "native" / "gpt" / "network.py"
found = importlib.util.spec_from_file_location("gpt_network", FILE)
assert found is not None and found.loader is not None
network = importlib.util.module_from_spec(found)
found.loader.exec_module(network)


def test_steps_with_a_cache_are_the_whole_sequence_in_python_and_the_library(tmp_path):
    sizes = (9, 11, 16, 2, 2)
    model = network.network(*sizes)
    tokens = np.random.default_rng(0).integers(0, 11, (1, 9)).astype("int32")
    whole = model.predict(tokens, verbose=0)
    step = network.stepwise(model, *sizes)
    step.export(tmp_path, prefix="gpt")
    places = [np.array([[t]], "int32") for t in range(9)]
    given = [[tokens[:, t : t + 1], at] for t, at in enumerate(places)]
    python = np.concatenate([step.predict(g, verbose=0) for g in given], 1)
    np.testing.assert_allclose(python, whole, rtol=1e-4, atol=1e-5)
    library = fncompile.load_library(tmp_path)
    np.testing.assert_array_equal(np.concatenate([library.predict(g) for g in given], 1), python)


def test_a_cache_begins_anew_at_the_first_position():
    sizes = (6, 5, 8, 1, 2)
    step = network.network(*sizes, step=True)
    rows = np.random.default_rng(1).integers(0, 5, (2, 6)).astype("int32")

    def read(row):
        return [
            step.predict([row[t].reshape(1, 1), np.array([[t]], "int32")], verbose=0)
            for t in range(6)
        ]

    first = read(rows[0])
    read(rows[1])
    np.testing.assert_array_equal(read(rows[0]), first)
