"""`keras.backend`, as far as it says anything here: settings, and `clear_session`."""

from __future__ import annotations

from typing import Any

from fncompile.config import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from fncompile.missing import explain_missing
from fncompile.utils.session import clear_session
from fncompile.utils.types import is_keras_tensor, result_type, standardize_dtype

__all__ = [
    "backend", "clear_session", "epsilon", "floatx", "get_uid", "image_data_format",
    "is_float_dtype", "is_int_dtype", "is_keras_tensor", "result_type", "set_epsilon", "set_floatx",
    "set_image_data_format", "standardize_dtype",
]  # fmt: skip


def get_uid(prefix: str = "") -> int:
    """A number that was not given for `prefix` yet, from 1 on.

    >>> backend.get_uid("word"), backend.get_uid("word")
    (1, 2)
    """
    _given[prefix] = _given.get(prefix, 0) + 1
    return _given[prefix]


_given: dict[str, int] = {}


def is_float_dtype(dtype: Any) -> bool:
    """Whether `dtype`, a name or a dtype of NumPy, is one of real numbers.

    >>> backend.is_float_dtype("bfloat16"), backend.is_float_dtype("int32")
    (True, False)
    """
    return "float" in standardize_dtype(dtype)


def is_int_dtype(dtype: Any) -> bool:
    """Whether `dtype`, a name or a dtype of NumPy, is one of whole numbers.

    >>> backend.is_int_dtype("uint8"), backend.is_int_dtype("bool")
    (True, False)
    """
    return "int" in standardize_dtype(dtype)


explain_missing(__name__)
