"""Tests that fncompile does not mean to pass: by name, or a pattern of names, with the reason.

They are counted in a column of their own and printed with every run. What fails for any other
reason, a missing name or a difference that nobody chose, is not listed here.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

DIFFERENCES: dict[str, str] = {}


def reason(test: str) -> str | None:
    """Why a test ("ops/numpy_test.py::Class::test_name") is not meant to pass; None if it is."""
    return next((why for name, why in DIFFERENCES.items() if fnmatchcase(test, name)), None)
