"""One export of each model for all tests of this folder; a test that changes the model makes its own."""

from __future__ import annotations

import pytest

from tests.export.library import Library
from tests.export.zoo import MAKERS


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """exported(name) -> (model, Library); the model is as it was when it was exported."""
    made: dict = {}

    def get(name: str):
        if name not in made:
            model = MAKERS[name]()
            made[name] = model, Library(model.export(tmp_path_factory.mktemp(name)))
        return made[name]

    return get
