"""One model, several threads."""

from __future__ import annotations

import threading

import numpy as np

import fncompile
from fncompile import flags, layers


def test_the_first_predictions_may_come_from_several_threads():
    """Each thread made memory of its own, and one read weights that nobody had put there: zeros."""
    inputs = layers.Input((8,))
    hidden = layers.BatchNormalization()(layers.Dense(16, activation="relu")(inputs))
    model = fncompile.Model(inputs, layers.Dense(3, bias_initializer="ones")(hidden))
    data = [
        np.random.default_rng(n).standard_normal((n, 8)).astype("float32") for n in (1, 7, 64, 300)
    ]
    results: dict[int, list[np.ndarray]] = {}
    start = threading.Barrier(len(data))

    def run(k: int) -> None:
        start.wait()
        results[k] = [model.predict(data[k], verbose=0), np.asarray(model(data[k]))]

    threads = [threading.Thread(target=run, args=(k,)) for k in range(len(data))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with flags(interp=True):
        expected = [model.predict(x, verbose=0) for x in data]
    for k, value in enumerate(expected):
        for result in results[k]:
            np.testing.assert_allclose(result, value, rtol=1e-4, atol=1e-5)
