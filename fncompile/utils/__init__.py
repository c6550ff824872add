"""`keras.utils`: helpers, and names that live elsewhere; each is imported when it is first used."""

from __future__ import annotations

import importlib
from typing import Any

# public name -> the module that defines it
_NAMES = {
    **dict.fromkeys(("to_categorical", "normalize"), "utils.numerical"),
    **dict.fromkeys(("set_random_seed", "clear_session"), "utils.session"),
    "pad_sequences": "utils.sequences",
    **dict.fromkeys(("plot_model", "model_to_dot"), "graph.view"),
    "Progbar": "callbacks.progbar",
    **dict.fromkeys(("PyDataset", "Sequence"), "training.sources"),
    **dict.fromkeys(
        (
            "CustomObjectScope",
            "custom_object_scope",
            "deserialize_keras_object",
            "get_custom_objects",
            "get_registered_name",
            "get_registered_object",
            "register_keras_serializable",
            "serialize_keras_object",
        ),
        "saving",
    ),
    "standardize_dtype": "utils.types",
    "is_keras_tensor": "utils.types",
}
_ALIASES = {"Sequence": "PyDataset"}  # TF2.0's name
__all__ = sorted(_NAMES)


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'fncompile.utils' has no attribute {name!r}")
    module = importlib.import_module(f"fncompile.{_NAMES[name]}")
    value = getattr(module, _ALIASES.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
