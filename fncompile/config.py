"""Global numeric settings, as in `keras.config`: float type, fuzz factor, image layout.

Requires nothing of the rest of the package. A setting holds for what is created after it is set.
"""

from __future__ import annotations

_FLOATS = ("float32", "float64")
_LAYOUTS = ("channels_last", "channels_first")

_floatx = "float32"
_epsilon = 1e-7
_image_data_format = "channels_last"


def floatx() -> str:
    """The float type of new inputs and weights: "float32" (default) or "float64"."""
    return _floatx


def set_floatx(value: str) -> None:
    """Set the default float type. Raises ValueError unless it is "float32" or "float64"."""
    global _floatx
    _floatx = _one_of("floatx", value, _FLOATS)


def epsilon() -> float:
    """The fuzz factor that keeps divisions and logarithms finite; 1e-7 by default."""
    return _epsilon


def set_epsilon(value: float) -> None:
    """Set the fuzz factor. Raises ValueError unless it is a number above zero."""
    global _epsilon
    number = float(value)
    if not 0.0 < number < float("inf"):
        raise ValueError(f"`epsilon` must be a finite number above zero. Received: {value!r}")
    _epsilon = number


def image_data_format() -> str:
    """Where images carry their channels: "channels_last" (default) or "channels_first"."""
    return _image_data_format


def set_image_data_format(data_format: str) -> None:
    """Set the image layout. Raises ValueError on any other name than the two layouts."""
    global _image_data_format
    _image_data_format = _one_of("image_data_format", data_format, _LAYOUTS)


def _one_of(what: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise ValueError(f"Unknown `{what}` value: {value!r}. Expected one of {choices}.")
    return value
