"""`keras.backend`, as far as it says anything here: settings, and `clear_session`."""

from __future__ import annotations

from fncompile.config import (
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from fncompile.missing import explain_missing
from fncompile.utils.session import clear_session
from fncompile.utils.types import is_keras_tensor, standardize_dtype

__all__ = [
    "backend", "clear_session", "epsilon", "floatx", "image_data_format", "is_keras_tensor",
    "set_epsilon", "set_floatx", "set_image_data_format", "standardize_dtype",
]  # fmt: skip


def backend() -> str:
    """The name of what computes.

    >>> backend.backend()
    'fncompile'
    """
    return "fncompile"

explain_missing(__name__)
