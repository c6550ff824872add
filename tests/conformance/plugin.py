"""The pytest plugin of the run: collects the tests from the wheel, writes one JSON line a test.

CONFORMANCE_OUT names the file for the lines: how each test ended, and why.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import ml_dtypes  # noqa: F401  which makes bfloat16 a name that NumPy knows, as JAX does
import pytest
from absl.testing import parameterized

import fncompile
from tests.conformance import missing, outcomes, stand_ins, wheel

SECONDS = 120  # that one test may take

stand_ins.install()
sys.modules["conftest"] = ModuleType("conftest")
sys.modules["conftest"].skip_if_backend = (  # type: ignore[attr-defined]
    lambda backend, reason: pytest.mark.skipif(
        fncompile.backend.backend() == backend, reason=reason)
)  # fmt: skip


def _without_empty_products() -> None:
    """Of a product over dtypes that fncompile lacks nothing may be left: then there is no test."""
    decorate = parameterized._parameter_decorator

    def decorate_some(naming: Any, cases: Any) -> Any:
        cases = list(cases)
        return decorate(naming, cases) if cases not in ([], [()], [[]]) else lambda _: None

    parameterized._parameter_decorator = decorate_some


_without_empty_products()


class KerasModule(pytest.Module):
    """A test file of the wheel, imported by its own name."""

    def _getobj(self) -> ModuleType:
        path = self.path.relative_to(wheel.source()).with_suffix("")
        return importlib.import_module(".".join([stand_ins.TESTS, *path.parts]))


def pytest_pycollect_makemodule(module_path: Any, parent: Any) -> pytest.Module:
    return KerasModule.from_parent(parent, path=module_path)


def pytest_collect_directory(path: Any, parent: Any) -> pytest.Dir:
    """Not as a package, whose __init__.py would be imported."""
    return pytest.Dir.from_parent(parent, path=path)


def pytest_configure(config: pytest.Config) -> None:
    for marker in ("requires_trainable_backend", "multi_device"):
        config.addinivalue_line("markers", f"{marker}: of Keras' own tests")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "multi_device" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="more than one device"))


@pytest.fixture(autouse=True)
def _settings() -> Iterator[None]:
    """Each test begins with the same global settings, and ends."""
    config = fncompile.config
    config.set_floatx("float32")
    config.set_epsilon(1e-7)
    config.set_image_data_format("channels_last")
    config.set_dtype_policy("float32")
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)


def _too_long(*_: Any) -> None:
    raise TimeoutError(f"The test took more than {SECONDS} s")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Any:
    if call.when == "setup":
        missing.used.clear()
    report = yield
    if call.when == "call" or (call.when == "setup" and not report.passed):
        kind, detail = (report.outcome, "")
        if report.failed:
            kind, detail = outcomes.classify(call.excinfo.value, missing.used)
        _write(test=item.nodeid, kind=kind, detail=detail, **_failure(report, call))
    return report


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _write(test=report.nodeid, kind=outcomes.BEHAVIOUR, detail="",
               error=str(report.longrepr)[-1500:])  # fmt: skip


def _failure(report: pytest.TestReport, call: Any) -> dict[str, Any]:
    if not report.failed:
        return {}
    errors = [f"{type(e).__name__}: {str(e)[:600]}" for e in outcomes.causes(call.excinfo.value)]
    # A signal, as that of the time limit, may come where there is no line.
    frames = traceback.extract_tb(call.excinfo.tb, limit=-8)
    return {"error": "\n".join(errors), "places": [f"{f.filename}:{f.lineno}" for f in frames]}


def _write(**row: Any) -> None:
    with open(os.environ["CONFORMANCE_OUT"], "a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
