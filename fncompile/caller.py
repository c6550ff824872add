"""Warnings that point at the line of the user, however deep in the package their cause is found."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import warnings

# The two of the standard library stand around functions of the package that they decorate.
_PASSED_OVER = (
    os.path.dirname(os.path.abspath(__file__)) + os.sep, contextlib.__file__, functools.__file__,
)  # fmt: skip


def warn_caller(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the nearest line outside of the package, as if that had called `warnings.warn`."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PASSED_OVER):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
