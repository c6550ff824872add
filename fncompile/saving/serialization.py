"""Objects as plain JSON data and back, in Keras 3's form.

An object becomes {"module", "class_name", "config", "registered_name"}, with "build_config" and
"compile_config" where it has them; an object met twice inside a sharing scope carries the same
"shared_object_id" both times and comes back as one object. Nothing named in a config is imported
or run.
"""

from __future__ import annotations

from .deserialize import TensorReference, deserialize_keras_object
from .scopes import (
    enable_unsafe_deserialization,
    in_safe_mode,
    object_sharing_scope,
    safe_mode_scope,
)
from .serialize import serialize_dict, serialize_keras_object

__all__ = [
    "TensorReference",
    "deserialize_keras_object",
    "enable_unsafe_deserialization",
    "in_safe_mode",
    "object_sharing_scope",
    "safe_mode_scope",
    "serialize_dict",
    "serialize_keras_object",
]
