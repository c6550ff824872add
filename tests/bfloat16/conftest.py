"""Each test of this folder starts and ends with the policy of float32."""

from __future__ import annotations

import pytest

from fncompile import config


@pytest.fixture(autouse=True)
def default_policy():
    config.set_dtype_policy(None)
    yield
    config.set_dtype_policy(None)
