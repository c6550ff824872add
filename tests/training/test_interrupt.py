"""Ctrl-C during fit: heard between stretches, and the model goes on being usable."""

from __future__ import annotations

import signal
import threading

import numpy as np
import pytest

import fncompile as keras
from fncompile import layers
from tests.training.interpreted import toy_data


@pytest.fixture
def heard():
    """Ctrl-C raises KeyboardInterrupt, also where this process was started with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_interrupted_training_can_go_on(heard):
    i = keras.Input((4,))
    model = keras.Model(i, layers.Dense(3, activation="softmax")(i))
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = toy_data(2000)
    model.fit(x, y, verbose=0)
    timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, batch_size=1, epochs=10**6, verbose=0)
    timer.join()
    steps = int(model.optimizer.iterations)
    assert steps > 63
    assert np.isfinite(model.predict(x, verbose=0)).all()
    model.fit(x, y, batch_size=20, verbose=0)
    assert int(model.optimizer.iterations) == steps + 100
