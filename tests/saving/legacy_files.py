"""Whole-model files as earlier versions of Keras wrote them, made here from their known layout.

Layout and JSON follow files written by TF 2.0 and 2.1, Keras 2.1, 2.2 and 2.3.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from fncompile.saving.tree import Group


def values(*shapes: tuple[int, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(7)
    return [rng.random(shape).astype("float32") for shape in shapes]


def group_of(named: dict[str, np.ndarray]) -> Group:
    """A group with an attribute `weight_names` and datasets at these paths."""
    group = Group({"weight_names": np.array(list(named), "S") if named else np.zeros(0)})
    for name, value in named.items():
        group[name] = value
    return group


def model_file(
    version: str, model: Any, layers: dict[str, dict], training: Any = None, optimizer: Any = None
) -> Group:
    tree = Group({"keras_version": version, "backend": "tensorflow"})
    tree.attrs["model_config"] = json.dumps(model)
    weights = Group({"layer_names": np.array(list(layers), "S"), "backend": "tensorflow"})
    weights.attrs["keras_version"] = version
    for name, named in layers.items():
        weights.children[name] = group_of(named)
    tree.children["model_weights"] = weights
    if training is not None:
        tree.attrs["training_config"] = json.dumps(training)
        tree.children["optimizer_weights"] = group_of(optimizer)
    return tree


def initializer(name: str, **config: Any) -> dict:
    return {"class_name": name, "config": config}


def dense(name: str, units: int, activation: str, **more: Any) -> dict:
    """A Dense layer of TF2.0."""
    return {
        "class_name": "Dense",
        "config": {
            "name": name, "trainable": True, "dtype": "float32", "units": units,
            "activation": activation, "use_bias": True,
            "kernel_initializer": initializer("GlorotUniform", seed=None, dtype="float32"),
            "bias_initializer": initializer("Zeros", dtype="float32"),
            "kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.01}},
            "bias_regularizer": None, "activity_regularizer": None,
            "kernel_constraint": None, "bias_constraint": None, **more,
        },
    }  # fmt: skip


def node(name: str, layer: dict, *sources: str) -> dict:
    calls = [[[source, 0, 0, {}] for source in sources]] if sources else []
    return {"name": name, **layer, "inbound_nodes": calls}


def input_layer(name: str, *shape: int, dtype: str = "float32") -> dict:
    config = {"batch_input_shape": [None, *shape], "dtype": dtype, "sparse": False, "name": name}
    return node(name, {"class_name": "InputLayer", "config": config})


def optimizer_config(name: str, **config: Any) -> dict:
    return {"class_name": name, "config": {"name": name, "learning_rate": 0.002, **config}}


def training(optimizer: dict, loss: Any = "mse", metrics: Any = None) -> dict:
    return {
        "loss": loss, "metrics": metrics, "weighted_metrics": None, "sample_weight_mode": None,
        "loss_weights": None, "optimizer_config": optimizer,
    }  # fmt: skip


SHAPES = [(4, 3), (3,), (3, 2), (2,)]


def functional(class_name: str = "Model") -> dict:
    layers = [
        input_layer("img", 4),
        node("dense", dense("dense", 3, "relu"), "img"),
        node("dense_1", dense("dense_1", 2, "softmax"), "dense"),
    ]
    ends = {"input_layers": [["img", 0, 0]], "output_layers": [["dense_1", 0, 0]]}
    return {"class_name": class_name, "config": {"name": "mnist", "layers": layers, **ends}}


def tf20(optimizer: dict, slots: tuple[str, ...], **options: Any) -> tuple[Group, list, dict]:
    """A file of TF2.0: (tree, weights, slots by name), the slots grouped by their name."""
    weights = values(*SHAPES)
    names = ["dense/kernel:0", "dense/bias:0", "dense_1_8/kernel:0", "dense_1_8/bias:0"]
    layers = {
        "img": {},
        "dense": dict(zip(names[:2], weights[:2], strict=True)),
        "dense_1": dict(zip(names[2:], weights[2:], strict=True)),
    }
    kind = optimizer["class_name"]
    saved: dict[str, np.ndarray] = {f"{kind}/iter:0": np.array(17, "i8")}
    state: dict[str, list] = {}
    for index, slot in enumerate(slots):
        state[slot] = [value + index + 1 for value in weights]
        saved |= {
            f"{kind}/{name[:-2]}/{slot}:0": v for name, v in zip(names, state[slot], strict=True)
        }
    config = training(optimizer, **options)
    return model_file("2.2.4-tf", functional(), layers, config, saved), weights, state
