"""Architecture is the matter here, not C: models are run by the interpreter, which needs no
compiler."""

from __future__ import annotations

import pytest

from fncompile import flags


@pytest.fixture(autouse=True)
def _interpreted(request):
    with flags(interp=request.module.__name__.split(".")[-1].startswith("test_architecture")):
        yield
