"""The networks of `applications` with seeded weights, written once for Keras and fncompile.

    python -m tests.models.named_networks    records what Keras gives, in named_networks.json
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np

SMALL = dict(weights=None, input_shape=(32, 32, 3), classes=5)
CASES = {
    "VGG16": dict(SMALL),
    "VGG19": dict(weights=None, include_top=False, pooling="max", input_shape=(32, 32, 3)),
    "MobileNet": dict(SMALL, alpha=0.25),
    "MobileNetV2": dict(SMALL, alpha=0.35),
    "ResNet50": dict(SMALL, classifier_activation=None),
    "DenseNet121": dict(SMALL),
    "EfficientNetB0": dict(SMALL),
    "EfficientNetB1": dict(SMALL, classifier_activation=None),
    "ResNet50V2": dict(SMALL),
}
STORED = Path(__file__).with_suffix(".json")


def built(keras: Any, name: str) -> Any:
    """The network, each weight of a size that keeps numbers near 1, drawn from its path's place."""
    keras.utils.clear_session()
    model = getattr(keras.applications, name)(**CASES[name])
    model.set_weights([_values(i, w) for i, w in enumerate(model.weights)])
    for layer in model.layers:  # Keras' Normalization reads its weights when it is told to
        getattr(layer, "finalize_state", lambda: None)()
    return model


def _values(index: int, weight: Any) -> np.ndarray:
    shape = tuple(weight.shape)
    rng = np.random.default_rng(index)
    if not shape:  # a count
        return np.zeros(())
    if len(shape) == 1:
        return rng.uniform(0.5, 1.0, shape).astype("float32")
    fan = np.prod(shape) / max(shape[-2:]) if shape[-1] == 1 else np.prod(shape[:-1])
    return (rng.normal(size=shape) / np.sqrt(fan)).astype("float32")


def images() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(2, 32, 32, 3)).astype("float32")


def record(keras: Any, name: str) -> dict[str, Any]:
    """What tells one network from another: names and shapes by a digest, and what it predicts."""
    model = built(keras, name)
    names = [f"{w.path} {tuple(w.shape)}" for w in model.weights]
    names += [f"{layer.name} {type(layer).__name__}" for layer in model.layers]
    return {
        "name": model.name,
        "count": int(model.count_params()),
        "names": zlib.crc32("\n".join(names).encode()),
        "outputs": np.asarray(model(images(), training=False)).astype("float64").tolist(),
    }


if __name__ == "__main__":
    import keras

    STORED.write_text(json.dumps({n: record(keras, n) for n in CASES}, indent=1) + "\n")
