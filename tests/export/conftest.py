"""One export of each model for all tests of this folder; tests that train it put it back."""

from __future__ import annotations

import contextlib

import pytest

import fncompile
from fncompile.flags import flag
from tests.export.library import Library
from tests.export.zoo import MAKERS


@pytest.fixture(scope="module", autouse=True)
def _each_names_its_target():
    """Levels are chosen, and a library is compared with Python, for the machine or for what a test
    names: FNC_TARGET, which says it for a whole run, would say it for one of the two alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("FNC_TARGET", raising=False)
        yield


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """exported(name) -> (model, Library), of code for this machine as Python's own is; the model
    is as it was when it was exported."""
    made: dict = {}

    def get(name: str):
        if name not in made:
            fncompile.utils.set_random_seed(1)  # what changed weights do depends on them
            model = MAKERS[name]()
            bundle = model.export(tmp_path_factory.mktemp(name), march=flag("target"))
            made[name] = model, Library(bundle)
        return made[name]

    return get


@pytest.fixture
def borrowed(exported):
    """As `exported`, for tests that change the model: its variables are set back."""
    with contextlib.ExitStack() as stack:

        def get(name: str):
            model, library = exported(name)
            steps = model.steps()
            for memory in (steps.weights, steps.train_memory):
                stack.callback(put_back, memory, memory.block.memory.copy())
            return model, library

        yield get


def put_back(memory, contents) -> None:
    memory.block.memory[:] = contents
    memory.version += 1
