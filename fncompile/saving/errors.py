"""The errors of reading and writing model files.

All derive from ValueError, so that a caller who knows Keras' habits catches them.
"""

from __future__ import annotations


class FileFormatError(ValueError):
    """A file that is damaged, hostile, or not of the expected kind; the text names the file.

    >>> with open("broken.keras", "wb") as file:
    ...     size = file.write(b"nonsense")
    >>> try:
    ...     saving.load_model("broken.keras")
    ... except saving.FileFormatError as error:
    ...     print(type(error).__mro__[1].__name__)
    ValueError
    """


class ForeignFormatError(FileFormatError):
    """Valid HDF5 may look like this, but it lies outside the subset that fncompile writes."""


class AttributeTooLargeError(ValueError):
    """An attribute does not fit the 64 KB that an HDF5 object header message can hold."""
