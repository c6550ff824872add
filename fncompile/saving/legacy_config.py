"""Configurations of earlier Keras versions, brought into Keras 3's form.

Requires the JSON of a `.h5` file (Keras 2.2 to 3) or of a `.keras` file of 2.12 and 2.13. Ensures
that what is in Keras 3's form already stays as it is, so that one rule reads them all. The input is
not changed. Calls between layers stay in their old form, which `graph.config` reads.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from .public_names import find_class
from .registry import get_registered_object

Config = dict[str, Any]

# Arguments that later versions dropped: they say how, never what, or have their only value.
_DROPPED = {
    "batch_input_shape", "implementation", "input_dtype", "input_length",
    "fused", "virtual_batch_size", "adjustment",
    "function_type", "output_shape_type", "output_shape_module", "mask_type",
}  # fmt: skip
_RECURRENT = ("RNN", "SimpleRNN", "LSTM", "GRU")  # Keras 3 still writes these of them
_DROPPED_IF = {"time_major": False, "groups": 1, "unroll": False, "stateful": False, "ragged": None}
_KERNEL = frozenset({"kernel_initializer", "kernel_regularizer", "kernel_constraint"})
_DROPPED_OF = {
    "SeparableConv1D": _KERNEL, "SeparableConv2D": _KERNEL,  # they have two others
    "MultiHeadAttention": {"query_shape", "key_shape", "value_shape", "softmax_robust_masking"},
}  # fmt: skip
_DROPPED_BESIDE = {"MultiHeadAttention": {"build_config"}}  # one shape, of two or three
_GROUPS_STAY = {"Conv1D", "Conv2D", "Conv3D", "GroupNormalization"}
_CLASSES = {
    "Model": "Functional", "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization", "CuDNNLSTM": "LSTM", "CuDNNGRU": "GRU",
    "GroupedQueryAttention": "GroupQueryAttention",
}  # fmt: skip


def convert_model(config: Config) -> Config:
    """Return {"class_name", "config", ...} of a model with everything inside in Keras 3's form."""
    return _convert_layer(config)


def _convert_layer(layer: Config) -> Config:
    inner = layer.get("config")
    if isinstance(inner, list):  # Sequential up to Keras 2.1
        inner = {"name": None, "layers": inner}
    if not isinstance(inner, dict):
        return layer
    name = str(_CLASSES.get(layer["class_name"], layer["class_name"]))
    kept = {key: value for key, value in layer.items() if key not in _DROPPED_BESIDE.get(name, ())}
    return {**kept, "class_name": name, "config": _convert_arguments(name, inner)}


def _convert_arguments(name: str, config: Config) -> Config:
    if "layers" in config and isinstance(config["layers"], list):
        layers = [_marked(_convert_layer(layer)) for layer in config["layers"]]
        if name == "Sequential":
            layers = _with_input(config["layers"], layers)
        return {**config, "layers": layers}
    stay = {key: value for key, value in config.items() if _stays(name, key, value)}
    kept = {key: _convert_value(key, value) for key, value in stay.items()}
    special = _SPECIAL.get(name)
    return special(kept, config) if special else kept


def _marked(layer: Config) -> Config:
    """Say of a function of `ops` that it is one: `.h5` files of Keras 3 name `Mean` and no module.

    The configuration of a layer of Keras' own has "trainable" where its class takes that; that of a
    function never has.
    """
    config = layer["config"]
    named = layer["class_name"] == "InputLayer" or _never_trainable(layer["class_name"])
    known = "module" in layer or "trainable" in config or named
    if known or "layers" in config or get_registered_object(layer["class_name"]) is not None:
        return layer
    return {"module": "keras.src.ops.numpy", **layer} if "inbound_nodes" in layer else layer


def _never_trainable(name: str) -> bool:
    """Whether `name` is a layer whose constructor takes no `trainable`, as SpatialDropout1D's."""
    cls = find_class("keras.layers", name)
    if cls is None:
        return False
    taken = inspect.signature(cls.__init__).parameters.values()  # type: ignore[misc]
    return not any(p.name == "trainable" or p.kind is p.VAR_KEYWORD for p in taken)


def _with_input(before: list[Config], layers: list[Config]) -> list[Config]:
    """Put an InputLayer where the first layer's arguments tell the input shape instead."""
    first = before[0].get("config") if before else None
    first = first if isinstance(first, dict) else {}
    shape = first.get("batch_input_shape")
    if shape is None or before[0]["class_name"] == "InputLayer":
        return layers
    given = {"batch_shape": shape, "dtype": _dtype(first.get("dtype")) or "float32"}
    given["name"] = f"{first.get('name', 'layer')}_input"
    return [{"class_name": "InputLayer", "config": given}, *layers]


def _stays(name: str, key: str, value: Any) -> bool:
    if key == "groups" and name in _GROUPS_STAY:
        return True
    if key in ("stateful", "unroll") and name in _RECURRENT:
        return True
    if key in _DROPPED or key in _DROPPED_OF.get(name, ()):
        return False
    return not (key in _DROPPED_IF and value == _DROPPED_IF[key])


def _convert_value(key: str, value: Any) -> Any:
    if key == "dtype":
        return _dtype(value)
    if key == "axis" and isinstance(value, list) and len(value) == 1:
        return value[0]
    if isinstance(value, dict) and value.get("type") == "ndarray":
        return value["value"]
    if isinstance(value, dict) and key.endswith("_initializer") and "config" in value:
        return {**value, "config": _convert_initializer(value["config"] or {})}
    if isinstance(value, dict) and key in ("layer", "backward_layer", "cell"):
        return _convert_layer(value)
    return value


def _dtype(value: Any) -> Any:
    """Return the name in a dtype policy of TF2; Keras 3's own policies stay."""
    if isinstance(value, dict) and value.get("class_name") == "Policy":
        return value["config"]["name"]
    return value


def _convert_initializer(config: Config) -> Config:
    kept = {key: value for key, value in config.items() if key != "dtype"}
    if kept.get("distribution") == "normal":
        kept["distribution"] = "truncated_normal"
    return kept


def _input_layer(kept: Config, config: Config) -> Config:
    if "batch_input_shape" in config:
        kept["batch_shape"] = config["batch_input_shape"]
    return kept


def _leaky_relu(kept: Config, config: Config) -> Config:
    if "alpha" in kept:
        kept["negative_slope"] = kept.pop("alpha")
    return kept


def _lambda(kept: Config, config: Config) -> Config:
    kept.pop("module", None)
    if isinstance(kept.get("function"), list):
        code, defaults, closure = kept["function"]
        inner = {"code": code, "defaults": defaults, "closure": closure}
        kept["function"] = {"class_name": "__lambda__", "config": inner}
    return kept


def _gru(kept: Config, config: Config) -> Config:
    return {"reset_after": False, **kept}


_SPECIAL: dict[str, Callable[[Config, Config], Config]] = {
    "InputLayer": _input_layer, "LeakyReLU": _leaky_relu, "Lambda": _lambda, "GRU": _gru,
}  # fmt: skip
