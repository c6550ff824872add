"""What is recorded of a model's training: the same code runs for real Keras and for fncompile.

`record(keras, build)` requires a `build` in the manner of models.py; ensures a dict of plain lists
and floats, ready for JSON:
    weights    [name, shape] of every weight, in the order of model.weights
    slots      shape of every optimizer variable, in order
    before     predictions with the seeded weights
    losses     loss of each of 20 train_on_batch steps (each step resets the metrics)
    logs       all that train_on_batch returns for four more steps
    final      all weights after the 24 steps
    after      predictions, in batches with a partial last one
    evaluate   model.evaluate's list (or float)
    history    History.history of two epochs of fit with validation_split on a fresh model
    fitted     all weights after that fit
"""

from __future__ import annotations

import numpy as np

from tests.keras_reference.data import batches, set_seeded_weights, take

STEPS = 20


def fresh(keras, build):
    """A newly built, seeded and compiled model with its data."""
    keras.utils.clear_session()
    model, compiled, x, y, fit_kwargs = build(keras)
    set_seeded_weights(model)
    model.compile(**compiled)
    return model, x, y, fit_kwargs


def train_step(model, x, y, fit_kwargs, rows):
    weights = dict(fit_kwargs)
    if "sample_weight" in weights:
        weights["sample_weight"] = take(weights["sample_weight"], rows)
    return plain(model.train_on_batch(take(x, rows), take(y, rows), **weights))


def record(keras, build):
    model, x, y, fit_kwargs = fresh(keras, build)
    result = {"weights": [[w.name, list(w.shape)] for w in model.weights],
              "before": plain(model.predict(x, batch_size=8, verbose=0))}
    result.update(steps(model, x, y, fit_kwargs))
    result["after"] = plain(model.predict(x, batch_size=8, verbose=0))
    evaluate_kwargs = {k: v for k, v in fit_kwargs.items() if k == "sample_weight"}
    result["evaluate"] = plain(model.evaluate(x, y, batch_size=8, verbose=0, **evaluate_kwargs))
    result.update(record_fit(keras, build))
    return result


def record_steps(keras, build):
    """The training steps only."""
    return steps(*fresh(keras, build))


def steps(model, x, y, fit_kwargs):
    logs = [train_step(model, x, y, fit_kwargs, rows) for rows in batches(STEPS + 4)]
    return {"losses": [first(values) for values in logs[:STEPS]], "logs": logs[STEPS:],
            "slots": [list(v.shape) for v in model.optimizer.variables],
            "final": plain(model.get_weights())}


def record_fit(keras, build):
    model, x, y, fit_kwargs = fresh(keras, build)
    history = model.fit(x, y, batch_size=8, epochs=2, validation_split=0.2, shuffle=False,
                        verbose=0, **fit_kwargs)
    return {"history": plain(history.history), "fitted": plain(model.get_weights())}


def first(logs):
    return logs[0] if isinstance(logs, list) else logs


def plain(value):
    """Nested lists and dicts of Python numbers."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return np.asarray(value).tolist()

