"""Ops are compared with NumPy in float64 unless a test says otherwise."""

from __future__ import annotations

import pytest

from fncompile import config


@pytest.fixture
def float64():
    config.set_floatx("float64")
    yield
    config.set_floatx("float32")
