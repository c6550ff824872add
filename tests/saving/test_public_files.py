"""Files that others wrote with TensorFlow 2: what they predict, their optimizer's state, and that
training goes on. They are not part of the project: where they are not, equal ones made with h5py
stand for the layout, in test_legacy."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import fncompile
from tests.tools import public_model

# What Keras 3.15 on JAX predicts with them for `sample`.
KERAS = {
    "mlperf_tiny_resnet8": [
        [1e-05, 0.00033, 0.68139, 0.00521, 0.0, 2e-05, 0.31306, 0.0, 0.0, 0.0],
        [0.0, 5e-05, 0.06404, 0.00319, 0.0, 0.0, 0.93271, 0.0, 0.0, 0.0],
    ],
    "mlperf_tiny_anomaly": [
        [-34.41386, -19.72368, -33.55072, -18.60266, -33.25693,
         -17.71782, -33.52362, -18.79487, -34.57634, -19.77732],
        [-34.61858, -19.74081, -33.7798, -18.60652, -33.48231,
         -17.71615, -33.7349, -18.83323, -34.77268, -19.80388],
    ],
}  # fmt: skip


def sample(name):
    shape = (2, 640) if name == "mlperf_tiny_anomaly" else (2, 32, 32, 3)
    x = np.random.default_rng(1).normal(size=shape).astype("float32")
    return x if len(shape) == 2 else np.abs(x) * 80


def where(name):
    found = public_model(name)
    if found is None:
        pytest.skip(f"{name}.h5 is no file of the project; test_legacy has its layout")
    return found


@pytest.mark.parametrize("name", KERAS)
def test_it_predicts_and_goes_on_with_its_optimizer(name):
    path = where(name)
    model = fncompile.models.load_model(path)
    with fncompile.flags(interp=True):
        found = model.predict(sample(name), verbose=0)
    thin = found[:, :: 64 if found.shape[1] > 100 else 1]
    np.testing.assert_allclose(thin, KERAS[name], 1e-3, 2e-5)
    with h5py.File(path) as file:
        group = file["optimizer_weights"]
        stored = [np.asarray(group[n]) for n in group.attrs["weight_names"]]
    count = (len(stored) - 1) // 2
    assert int(model.optimizer.iterations.numpy()) == int(stored[0])
    assert float(model.optimizer.learning_rate) > 0
    for k, variable in enumerate(model.trainable_variables):
        for slot, value in (("momentum", stored[1 + k]), ("velocity", stored[1 + count + k])):
            np.testing.assert_array_equal(model.optimizer.slot(slot, variable).numpy(), value)


def test_a_step_of_training_is_adams():
    """The next step of the last bias from the stored moments, in NumPy."""
    name = "mlperf_tiny_anomaly"
    path = where(name)
    model = fncompile.models.load_model(path)
    x, weight = sample(name), model.layers[-1].bias
    kept = {s: model.optimizer.slot(s, weight).numpy() for s in ("momentum", "velocity")}
    step, before = int(model.optimizer.iterations.numpy()) + 1, weight.numpy()
    with fncompile.flags(interp=True):
        hidden = fncompile.Model(model.input, model.layers[-1].input)
        h = hidden(x, training=True)
        output = h @ model.layers[-1].kernel.numpy() + before
        gradient = (2 * (output - x) / output.size).sum(0)
        model = fncompile.models.load_model(path)
        model.train_on_batch(x, x)
    mean = 0.9 * kept["momentum"] + 0.1 * gradient
    square = 0.999 * kept["velocity"] + 0.001 * gradient**2
    rate = 1e-3 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
    expected = before - rate * mean / (np.sqrt(square) + 1e-7)
    np.testing.assert_allclose(model.layers[-1].bias.numpy(), expected, 1e-3, 1e-6)
