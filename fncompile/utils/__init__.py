"""`keras.utils`: helpers, and names that live elsewhere; each is imported when it is first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from fncompile.missing import complaint, shown_names

if TYPE_CHECKING:
    from fncompile.callbacks.progbar import Progbar
    from fncompile.config import (
        disable_interactive_logging,
        enable_interactive_logging,
        is_interactive_logging_enabled,
    )
    from fncompile.graph.dag import get_source_inputs
    from fncompile.graph.view import model_to_dot, plot_model
    from fncompile.saving import (
        CustomObjectScope,
        custom_object_scope,
        deserialize_keras_object,
        get_custom_objects,
        get_registered_name,
        get_registered_object,
        register_keras_serializable,
        serialize_keras_object,
    )
    from fncompile.training.sources import PyDataset
    from fncompile.training.step_data import pack as pack_x_y_sample_weight
    from fncompile.training.step_data import unpack as unpack_x_y_sample_weight
    from fncompile.utils import bounding_boxes
    from fncompile.utils.directories import (
        audio_dataset_from_directory,
        image_dataset_from_directory,
        text_dataset_from_directory,
    )
    from fncompile.utils.feature_space import FeatureSpace
    from fncompile.utils.files import get_file
    from fncompile.utils.images import array_to_img, img_to_array, load_img, save_img
    from fncompile.utils.named_values import Config
    from fncompile.utils.numerical import normalize, to_categorical
    from fncompile.utils.sequences import pad_sequences
    from fncompile.utils.session import clear_session, set_random_seed
    from fncompile.utils.timeseries import split_dataset, timeseries_dataset_from_array
    from fncompile.utils.types import is_keras_tensor, standardize_dtype

    Sequence = PyDataset

# public name -> the module that defines it
_NAMES = {
    **dict.fromkeys(("to_categorical", "normalize"), "utils.numerical"),
    **dict.fromkeys(("set_random_seed", "clear_session"), "utils.session"),
    "Config": "utils.named_values",
    "bounding_boxes": "utils",
    "FeatureSpace": "utils.feature_space",
    **dict.fromkeys(
        (
            "audio_dataset_from_directory",
            "image_dataset_from_directory",
            "text_dataset_from_directory",
        ),
        "utils.directories",
    ),
    **dict.fromkeys(("pack_x_y_sample_weight", "unpack_x_y_sample_weight"), "training.step_data"),
    "get_source_inputs": "graph.dag",
    "pad_sequences": "utils.sequences",
    "get_file": "utils.files",
    **dict.fromkeys(("array_to_img", "img_to_array", "load_img", "save_img"), "utils.images"),
    **dict.fromkeys(("split_dataset", "timeseries_dataset_from_array"), "utils.timeseries"),
    **dict.fromkeys(("plot_model", "model_to_dot"), "graph.view"),
    "Progbar": "callbacks.progbar",
    **dict.fromkeys(
        (
            "disable_interactive_logging",
            "enable_interactive_logging",
            "is_interactive_logging_enabled",
        ),
        "config",
    ),
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
_ALIASES = {
    "Sequence": "PyDataset",  # TF2.0's name
    "pack_x_y_sample_weight": "pack",
    "unpack_x_y_sample_weight": "unpack",
}
__all__ = [
    "Config",
    "CustomObjectScope",
    "FeatureSpace",
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "audio_dataset_from_directory",
    "bounding_boxes",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "get_source_inputs",
    "image_dataset_from_directory",
    "img_to_array",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "load_img",
    "model_to_dot",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "standardize_dtype",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]


def _found(module: str, name: str) -> Any:
    """What a module has of that name, or the module of that name in a package."""
    if module == __name__:
        return importlib.import_module(f"{module}.{name}")
    return getattr(importlib.import_module(module), name)


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _NAMES:
            raise complaint(__name__, name)
        value = _found(f"fncompile.{_NAMES[name]}", _ALIASES.get(name, name))
        globals()[name] = value
        return value



def __dir__() -> list[str]:
    return shown_names(__name__)
