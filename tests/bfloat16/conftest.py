"""Each test of this folder starts and ends with the policy of float32."""

from __future__ import annotations

import pytest

from fncompile import config


@pytest.fixture(autouse=True)
def default_policy():
    config._policy = None
    yield
    config._policy = None
