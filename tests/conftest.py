"""What all tests share: no deadlines, passes that verify, and a compile cache for this run only."""

from __future__ import annotations

import os

import hypothesis
import pytest

hypothesis.settings.register_profile("fncompile", deadline=None, print_blob=True)
hypothesis.settings.load_profile("fncompile")


@pytest.fixture(scope="session", autouse=True)
def _private_cache(tmp_path_factory):
    """Compile into a directory of this run, so that no test profits from an earlier run."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in [name for name in os.environ if name.startswith("FNC_")]:
            patch.delenv(variable)
        directory = tmp_path_factory.mktemp("cache")
        directory.chmod(0o700)
        patch.setenv("FNC_CACHE", str(directory))
        patch.setenv("FNC_VERIFY", "1")
        yield directory
