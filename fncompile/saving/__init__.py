"""Model files: an HDF5 subset of our own, and on it the Keras layouts .h5, .keras, .weights.h5.

The layers need only how objects are described; what reads and writes files is loaded when used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from fncompile.missing import complaint, shown_names

from .errors import FileFormatError
from .registry import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from .serialization import deserialize_keras_object, serialize_keras_object

if TYPE_CHECKING:
    from .archive import load_model, load_weights, save_model, save_weights
    from .file_editor import KerasFileEditor

# name -> the module that has it, loaded when it is first used
_LAZY = {
    **dict.fromkeys(("load_model", "load_weights", "save_model", "save_weights"), "archive"),
    "KerasFileEditor": "file_editor",
}

__all__ = [
    "CustomObjectScope",
    "FileFormatError",
    "KerasFileEditor",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _LAZY:
            return getattr(importlib.import_module(f".{_LAZY[name]}", __name__), name)
        raise complaint(__name__, name)


def __dir__() -> list[str]:
    return shown_names(__name__)
