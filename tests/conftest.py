"""What all tests share: no deadlines, passes that verify, and a compile cache for this run only."""

from __future__ import annotations

import contextlib
import os
import sys
import zlib
from pathlib import Path

import hypothesis
import pytest

from fncompile import config
from fncompile.utils import set_random_seed

hypothesis.settings.register_profile(
    "fncompile", deadline=None, print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],  # a busy machine is no fault
)  # fmt: skip
hypothesis.settings.load_profile("fncompile")

HERE = Path(__file__).parent
FULL = os.environ.get("FNC_TEST_FULL")  # read before the fixture clears it
# What these ask of compiled models is not how well the C compiler optimizes them, which takes two
# thirds of their time. The others, and all with FNC_TEST_FULL, see the machine code that users get.
# A miscompiled loop would hide in arithmetic: layers, metrics, optimizers, training and what looks
# at it run as shipped.
QUICK = (
    "api", "bfloat16/test_files.py", "cli", "devtools", "keras_reference/test_layers.py", "models",
    "saving", "scans", "test_completeness.py", "training/test_own_step.py",
    "training/test_state_steps.py", "training/test_steps_as_jax_takes_them.py",
)  # fmt: skip


@pytest.fixture(scope="session", autouse=True)
def _private_cache(tmp_path_factory):
    """Compile into a directory of this run, so that no test profits from an earlier run; workers
    share it, as models of whole modules are met by all of them. Of the switches only FNC_TARGET is
    kept: the suite is run with each that a machine executes."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in [name for name in os.environ if name.startswith("FNC_")]:
            if variable == "FNC_TARGET":
                continue
            patch.delenv(variable)
        root = tmp_path_factory.getbasetemp()
        directory = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / "cache"
        directory.mkdir(mode=0o700, exist_ok=True)
        patch.setenv("FNC_CACHE", str(directory))
        patch.setenv("FNC_VERIFY", "1")
        patch.setenv("FNC_NOTICE", "0")
        yield directory


def examples(count: int) -> int:
    """How many random cases of hypothesis to try, of `count` with FNC_TEST_FULL."""
    return count if FULL else -(-count * 3 // 5)


@pytest.fixture(autouse=True)
def _alike(request):
    """Weights and draws of a test are the same in every run, whatever ran before it (random
    programs print seeds of their own), and it leaves the settings that it found."""
    set_random_seed(zlib.crc32(request.node.nodeid.encode()))
    yield
    config._policy = None
    config.set_floatx("float32")


@contextlib.contextmanager
def _optimizing_little():
    with pytest.MonkeyPatch.context() as patch:
        if not FULL:
            patch.setenv("FNC_CFLAGS", "-Og")
        yield


@pytest.fixture(scope="module", autouse=True)
def _quick_modules(request, _private_cache):
    path = request.path.relative_to(HERE)
    quick = any(Path(each) in (path, *path.parents) for each in QUICK)
    with _optimizing_little() if quick else contextlib.nullcontext():
        yield


@pytest.fixture
def make(monkeypatch):
    """Imports one of the scripts in docs/."""
    monkeypatch.syspath_prepend(str(HERE.parent / "docs"))

    def load(name: str):
        sys.modules.pop(name, None)
        return __import__(name)

    return load


@pytest.fixture
def quickly_compiled():
    """For single tests of the other modules."""
    with _optimizing_little():
        yield
