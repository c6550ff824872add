"""Objects as plain data for JSON, in Keras 3's form."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from . import lambdas, public_names, registry, scopes

_PLAIN = (str, int, float, type(None))


class _Serialized(dict):
    """A config that is done; it stays the same dict, so that a later mark on it is not lost."""


def serialize_keras_object(obj: Any) -> Any:
    """Return `obj` as data for JSON.

    Takes None, numbers, strings, lists, tuples, dicts, bytes, slices, Ellipsis, arrays, symbolic
    tensors, functions, and anything with `get_config`. Raises TypeError for anything else.

    `obj`: one of these.

    >>> saving.serialize_keras_object(layers.ReLU(max_value=6.0))["class_name"]
    'ReLU'
    """
    if isinstance(obj, (*_PLAIN, _Serialized)):
        return obj
    if isinstance(obj, (list, tuple)):  # JSON makes lists of both; in memory they stay apart
        return (tuple if isinstance(obj, tuple) else list)(map(serialize_keras_object, obj))
    if isinstance(obj, dict):
        return serialize_dict(obj)
    for kind, encode in _LEAF_ENCODERS:
        if isinstance(obj, kind):
            return encode(obj)
    if hasattr(obj, "_keras_history"):
        return _leaf("__keras_tensor__", **_symbolic_config(obj))
    if hasattr(obj, "_storage"):  # a Variable, by value
        return _leaf("__tensor__", value=np.asarray(obj).tolist(), dtype=obj.dtype)
    return _serialize_instance(obj)


def serialize_dict(mapping: Mapping[str, Any]) -> dict[str, Any]:
    return {key: serialize_keras_object(value) for key, value in mapping.items()}


def _leaf(class_name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": config}


def _symbolic_config(tensor: Any) -> dict[str, Any]:
    history = tensor._keras_history
    where = None if history is None else [history[0].name, *history[1:]]
    return {"shape": list(tensor.shape), "dtype": tensor.dtype, "keras_history": where}


def _serialize_array(array: np.ndarray) -> Any:
    if array.ndim == 0:
        return array.item()
    return _leaf("__numpy__", value=array.tolist(), dtype=array.dtype.name)


def _serialize_slice(obj: slice) -> dict[str, Any]:
    bounds = {"start": obj.start, "stop": obj.stop, "step": obj.step}
    return _leaf("__slice__", **serialize_dict(bounds))


def _serialize_function(function: types.FunctionType) -> dict[str, Any]:
    if lambdas.is_lambda(function):
        return _leaf("__lambda__", value=serialize_keras_object(lambdas.dump_lambda(function)))
    return {
        "module": "builtins",
        "class_name": "function",
        "config": registry.get_registered_name(function),
        "registered_name": "function",
    }


_LEAF_ENCODERS: list[tuple[Any, Callable[[Any], Any]]] = [
    (np.ndarray, _serialize_array),
    (np.generic, lambda obj: obj.item()),
    (np.dtype, lambda obj: obj.name),
    (bytes, lambda obj: _leaf("__bytes__", value=obj.decode())),
    (slice, _serialize_slice),
    (type(Ellipsis), lambda obj: _leaf("__ellipsis__")),
    (types.FunctionType, _serialize_function),
]


def _serialize_instance(obj: Any) -> dict[str, Any]:
    if not hasattr(obj, "get_config"):
        raise TypeError(
            f"Cannot serialize object {obj} of type {type(obj)}. "
            "To be serializable, a class must implement the `get_config()` method."
        )
    inner = obj.get_config()
    if not isinstance(inner, dict):
        raise TypeError(
            f"The `get_config()` method of {obj} should return a dict. It returned: {inner}"
        )
    config = _Serialized(**_address(type(obj)), config=serialize_dict(inner))
    config["registered_name"] = config.pop("registered_name")  # behind "config", as in Keras
    for key in ("build_config", "compile_config"):
        extra = getattr(obj, f"get_{key}", lambda: None)()
        if extra is not None:
            config[key] = serialize_dict(extra)
    _mark_if_shared(obj, config)
    return config


def _address(cls: type) -> dict[str, Any]:
    """Return module, class name and registered name of a class, as Keras finds it."""
    public = None if cls in registry._names else public_names.keras_name(cls)
    if public is not None:
        builtin = public[0].startswith("keras.src")
        return {
            "module": public[0],
            "class_name": public[1],
            "registered_name": public[1] if builtin else None,
        }
    module = None if cls.__module__ == "__main__" else cls.__module__
    name = registry.get_registered_name(cls)
    return {"module": module, "class_name": cls.__name__, "registered_name": name}


def _mark_if_shared(obj: Any, config: _Serialized) -> None:
    written = scopes.written.get()
    if written is None:
        return
    # Small numbers instead of addresses keep equal models equal on disk; holding the object keeps
    # its address from being used again.
    index, _, first = written.setdefault(id(obj), (len(written), obj, config))
    if first is not config:
        first["shared_object_id"] = config["shared_object_id"] = index
