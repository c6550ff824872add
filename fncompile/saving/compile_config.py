"""What a model was compiled with, as data, and compiling a loaded model with it."""

from __future__ import annotations

from typing import Any

from .saved import CompiledModel
from .serialization import deserialize_keras_object, serialize_keras_object

_ARGUMENTS = ("loss", "loss_weights", "metrics", "weighted_metrics")
# Keras' switches of execution; a step is always compiled here.
_EXECUTION = {"run_eagerly": False, "jit_compile": True}


def get_compile_config(model: CompiledModel) -> dict[str, Any] | None:
    """Return the arguments of `compile`, JSON-ready, or None for a model that is not compiled."""
    if not getattr(model, "compiled", False):
        return None
    arguments = model._compile_arguments
    return {
        "optimizer": serialize_keras_object(model.optimizer),
        **{name: serialize_keras_object(arguments.get(name)) for name in _ARGUMENTS},
        "steps_per_execution": model.steps_per_execution,
        **_EXECUTION,
    }


def compile_from_config(model: CompiledModel, config: dict[str, Any]) -> None:
    """Compile `model` as `get_compile_config` says, its optimizer built for the present weights."""
    names = ("optimizer", *_ARGUMENTS)
    model.compile(
        **{name: deserialize_keras_object(config.get(name)) for name in names},
        steps_per_execution=config.get("steps_per_execution") or 1,
    )
    if model.built and hasattr(model.optimizer, "build"):
        model.optimizer.build(model.trainable_variables)
