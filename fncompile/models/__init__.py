"""Models: `Model` over any graph of layers, `Sequential` for a plain stack, and cloning."""

from __future__ import annotations

from typing import Any

from fncompile.missing import explain_missing
from fncompile.models.cloning import clone_model
from fncompile.models.functional import Functional
from fncompile.models.model import Model, model_from_json
from fncompile.models.sequential import Sequential

__all__ = [
    "Functional",
    "Model",
    "Sequential",
    "clone_model",
    "load_model",
    "model_from_json",
    "save_model",
]


def load_model(
    filepath: Any, custom_objects: Any = None, compile: bool = True, safe_mode: bool = True
) -> Any:
    """Read a model file (`.keras` or `.h5`); see `fncompile.saving.load_model`.

    `filepath`, `custom_objects`, `compile` and `safe_mode` as there.

    >>> model = fncompile.Sequential([fncompile.Input((2,)), layers.Dense(1)])
    >>> model.save("model.keras")
    >>> models.load_model("model.keras").count_params()
    3
    """
    from fncompile import saving

    return saving.load_model(
        filepath, custom_objects=custom_objects, compile=compile, safe_mode=safe_mode
    )


def save_model(model: Model, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
    """Write a model file (`.keras` or `.h5`); see `fncompile.saving.save_model`.

    `model`, `filepath` and `overwrite` as there.

    >>> model = fncompile.Sequential([fncompile.Input((2,)), layers.Dense(1)])
    >>> models.save_model(model, "model.keras")
    """
    from fncompile import saving

    saving.save_model(model, filepath, overwrite=overwrite, **kwargs)

explain_missing(__name__)
