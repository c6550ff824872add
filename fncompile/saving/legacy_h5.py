"""Whole-model `.h5` files: architecture and training configuration as JSON beside the weights."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from fncompile.caller import warn_caller

from . import legacy_compile
from .errors import FileFormatError
from .keras_zip import parse_json
from .legacy_config import convert_model
from .legacy_optimizer import load_optimizer_group, optimizer_group
from .legacy_weights import load_weights_group, weights_group
from .revive import describing, model_from_config
from .saved import SavedModel
from .serialization import object_sharing_scope, serialize_keras_object
from .state import load_training_state, store_training_state
from .tree import Group
from .version import BACKEND, KERAS_VERSION
from .weights_layout import walk

_MODEL, _TRAINING = "model_config", "training_config"
_GENERATORS = "fncompile_random"


def model_tree(model: SavedModel, include_optimizer: bool = True) -> Group:
    """Return the tree of a whole-model file."""
    tree = Group({"keras_version": KERAS_VERSION, "backend": BACKEND})
    tree.attrs[_MODEL] = json.dumps(model_config(model))
    compiled = model.get_compile_config() if include_optimizer else None
    if compiled is not None:
        tree.attrs[_TRAINING] = json.dumps(legacy_compile.training_config(compiled))
    tree.children["model_weights"] = weights_group(model, KERAS_VERSION, BACKEND)
    if compiled is not None and list(model.optimizer.variables):
        tree.children["optimizer_weights"] = optimizer_group(model.optimizer)
    store_training_state(model, tree)
    _store_generators(model, tree)
    return tree


def model_config(model: SavedModel) -> dict[str, Any]:
    """Return {"class_name", "config"} as Keras 3 writes it into `.h5` files; with "build_config"
    where the model is no graph, which Keras cannot save so."""
    config = serialize_keras_object(model)
    found = {"class_name": _class_name(config), "config": _without_modules(config["config"])}
    if "build_config" in config and "layers" not in config["config"]:
        found["build_config"] = config["build_config"]
    return found


def _without_modules(config: dict[str, Any]) -> dict[str, Any]:
    """Layers in `.h5` files are told by their class, or the name it is registered by, alone."""
    if not isinstance(config.get("layers"), list):
        return config
    layers = []
    for layer in config["layers"]:
        kept = {k: v for k, v in layer.items() if k in ("config", "name", "inbound_nodes")}
        kept["config"] = _without_modules(kept["config"])
        layers.append({"class_name": _class_name(layer), **kept})
        if str(layer.get("module")).startswith("keras.src.ops"):
            layers[-1]["module"] = layer["module"]
    return {**config, "layers": layers}


# The class's own name, where that is not the one that Keras exports.
_OWN_NAMES = {"GroupQueryAttention": "GroupedQueryAttention"}


def _class_name(config: dict[str, Any]) -> str:
    name = config.get("registered_name") or config["class_name"]
    return _OWN_NAMES.get(name, name)


def load_model_tree(tree: Group, path: Any, compile: bool) -> Any:
    """Return the model in the tree of a whole-model file, within the active scopes."""
    config = _parsed(tree, _MODEL, path)
    with describing(path), object_sharing_scope():
        model = model_from_config(convert_model(config), tree)
    with describing(path):
        load_weights_group(model, group_of(tree, "model_weights"))
    if compile and _TRAINING not in tree.attrs:
        warn_caller(
            "No training configuration found in the save file, so the model was *not* compiled. "
            "Compile it manually.")
    elif compile:
        with describing(path):
            _compile(model, tree, path)
    _load_generators(model, tree)
    load_training_state(model, tree)
    return model


def _compile(model: SavedModel, tree: Group, path: Any) -> None:
    training = _parsed(tree, _TRAINING, path)
    model.compile_from_config(legacy_compile.compile_config(training))
    if "optimizer_weights" in tree and model.compiled:
        group = group_of(tree, "optimizer_weights")
        load_optimizer_group(model.optimizer, model.trainable_variables, group)


def group_of(tree: Group, name: str) -> Group:
    child = tree.children.get(name)
    if not isinstance(child, Group):
        raise FileFormatError(f"The file has no group {name!r}.")
    return child


def _parsed(tree: Group, name: str, path: Any) -> dict[str, Any]:
    text = tree.attrs.get(name)
    if not isinstance(text, str):
        raise FileFormatError(
            f"{path}: No model config found in the file: it has no {name!r}. A file of weights "
            "alone is read with `model.load_weights`."
        )
    return parse_json(text, f"{path}: the attribute {name!r}")


def _store_generators(model: SavedModel, tree: Group) -> None:
    """Keep the states of random generators; Keras' layout has no place for them."""
    for path, item in walk(model):
        if hasattr(item, "state"):
            tree.require(_GENERATORS)[path] = item.state.numpy()


def _load_generators(model: SavedModel, tree: Group) -> None:
    for path, item in walk(model):
        saved, state = tree.get(f"{_GENERATORS}/{path}"), getattr(item, "state", None)
        if state is not None and getattr(saved, "shape", None) == getattr(state, "shape", ()):
            state.assign(np.asarray(saved))
