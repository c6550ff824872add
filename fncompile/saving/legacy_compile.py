"""Training configurations of `.h5` files in the form of Keras 3's `compile_config`, and back."""

from __future__ import annotations

from typing import Any

from .public_names import find_class
from .registry import get_registered_object

Config = dict[str, Any]

_NOT_IN_KERAS3 = {
    "decay", "initial_decay", "lr", "schedule_decay", "is_legacy_optimizer", "jit_compile",
}  # fmt: skip
# Short names of losses, which Keras 3 writes into `.h5` files and then cannot read.
_LOSSES = {
    "mse": "mean_squared_error", "mae": "mean_absolute_error", "bce": "binary_crossentropy",
    "mape": "mean_absolute_percentage_error", "msle": "mean_squared_logarithmic_error",
    "kld": "kl_divergence",
}  # fmt: skip


def training_config(compile_config: Config) -> Config:
    """Return the `training_config` of a `.h5` file."""
    rest = {key: value for key, value in compile_config.items() if key != "optimizer"}
    rest["loss"] = _map(_long_name, rest["loss"])
    optimizer = compile_config["optimizer"]
    config = {"class_name": optimizer["class_name"], "config": optimizer["config"]}
    if optimizer.get("registered_name"):
        config["class_name"] = optimizer["registered_name"]
    return {**rest, "optimizer_config": config}


def compile_config(training: Config) -> Config:
    """Return Keras 3's `compile_config` for the `training_config` of any version."""
    return {
        "optimizer": _optimizer(training["optimizer_config"]),
        "loss": _map(_loss, training.get("loss")),
        "loss_weights": training.get("loss_weights"),
        "metrics": _map(_metric, training.get("metrics")),
        "weighted_metrics": _map(_metric, training.get("weighted_metrics")),
    }


def of_keras_2(compiled: Config) -> Config:
    """Return Keras 3's `compile_config` for that of a `.keras` file of TF2.12 to 2.15."""
    optimizer = compiled.get("optimizer")
    if not isinstance(optimizer, dict):
        return compiled
    return {**compiled, **compile_config({**compiled, "optimizer_config": optimizer})}


def _optimizer(config: Config) -> Config:
    """Old names to new ones; a `decay` becomes the schedule that it was."""
    old = config["config"]
    kept = {key: value for key, value in old.items() if key not in _NOT_IN_KERAS3}
    rate = old.get("learning_rate", old.get("lr"))
    if rate is not None:
        kept["learning_rate"] = _decayed(rate, old.get("decay") or 0.0)
    if "epsilon" in kept and kept["epsilon"] is None:
        kept["epsilon"] = 1e-7
    return {**config, "class_name": _class_name(config["class_name"]), "config": kept}


def _class_name(name: str) -> str:
    """TF2.11 to 2.15 call Keras' own optimizers `Custom>Adam`; so may the user's be called."""
    plain = name.removeprefix("Custom>")
    ours = get_registered_object(name) is None and find_class("keras.optimizers", plain)
    return plain if ours else name


def _decayed(rate: Any, decay: float) -> Any:
    """`rate / (1 + decay * iterations)`, as every optimizer of Keras 2 had it built in."""
    if not decay or not isinstance(rate, (int, float)):
        return rate
    inner = {"initial_learning_rate": rate, "decay_steps": 1, "decay_rate": decay}
    return {
        "module": "keras.optimizers.schedules",
        "class_name": "InverseTimeDecay",
        "config": inner,
        "registered_name": None,
    }


def _map(convert: Any, value: Any) -> Any:
    """Apply `convert` to names and objects in nested lists and dicts by output."""
    if isinstance(value, list):
        return [_map(convert, item) for item in value]
    if isinstance(value, dict) and "class_name" not in value:
        return {key: _map(convert, item) for key, item in value.items()}
    return value if value is None else convert(value)


def _long_name(loss: Any) -> Any:
    return _LOSSES.get(loss.lower(), loss) if isinstance(loss, str) else loss


def _loss(value: Any) -> Any:
    if isinstance(value, str) or value.get("class_name") == "function":
        return value
    config = {key: item for key, item in value["config"].items() if key != "fn"}
    if config.get("reduction") == "auto":
        config["reduction"] = "sum_over_batch_size"
    if "name" in config and config["name"] is None:
        del config["name"]
    return {**value, "config": config}


def _metric(value: Any) -> Any:
    """Wrappers of functions become the function's name; TF2 lost anything more."""
    if isinstance(value, str) or not value["class_name"].startswith("MeanMetricWrapper"):
        return value
    if "module" in value:  # Keras 3 writes the function in full
        return value
    function = value["config"].get("fn")
    return function if isinstance(function, str) else value["config"]["name"]
