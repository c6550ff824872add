"""A first call that takes a while says what it is doing, on stderr, and only then."""

from __future__ import annotations

import re

import numpy as np
import pytest

import fncompile
from fncompile import layers
from fncompile.runtime import notice


def predicted(units: int) -> None:
    inputs = fncompile.Input((3,))
    model = fncompile.Model(inputs, layers.Dense(units)(inputs), name="slow_one")
    model.predict(np.ones((2, 3), "float32"), verbose=0)


@pytest.mark.parametrize("patience, told", [(0.0, True), (1e6, False)])
def test_it_says_what_is_compiled(patience, told, monkeypatch, capfd):
    monkeypatch.setattr(notice, "PATIENCE", patience)
    with fncompile.flags(notice=True):
        predicted(5 + told)
    out, err = capfd.readouterr()
    assert out == ""
    assert ("fncompile: compiling predict of slow_one (" in err) == told
    line = re.search(r"^fncompile: compiled predict of slow_one in \d+\.\d s; (.*)$", err, re.M)
    assert (line[1] if line else None) == ("cached for the next time" if told else None)


def test_a_cache_that_is_off_and_a_failure_are_not_called_cached(monkeypatch, capfd):
    monkeypatch.setattr(notice, "PATIENCE", 0.0)

    def told(fails):
        with notice.announced("it"):
            notice._current.get()._tell()
            if fails:
                raise ValueError
        return capfd.readouterr().err.splitlines()[-1]

    with fncompile.flags(notice=True, cache="off"):
        assert told(fails=False).endswith("; cached for this process")
        with pytest.raises(ValueError):
            told(fails=True)
    assert "compiled" not in capfd.readouterr().err


def test_what_is_there_already_says_nothing(monkeypatch, capfd):
    with fncompile.flags(notice=True):
        predicted(8)
        capfd.readouterr()
        monkeypatch.setattr(notice, "PATIENCE", 1e6)
        predicted(8)
    assert capfd.readouterr() == ("", "")


def test_it_can_be_turned_off(monkeypatch, capfd):
    monkeypatch.setattr(notice, "PATIENCE", 0.0)
    with fncompile.flags(notice=False):
        predicted(9)
    assert capfd.readouterr() == ("", "")


def test_a_closed_stderr_does_no_harm(monkeypatch):
    monkeypatch.setattr(notice, "PATIENCE", 0.0)
    monkeypatch.setattr("sys.stderr", None)
    with fncompile.flags(notice=True):
        predicted(10)


def test_the_stage_is_the_one_at_hand(monkeypatch, capfd):
    monkeypatch.setattr(notice, "PATIENCE", 1e6)
    with fncompile.flags(notice=True), notice.announced("it"):
        notice.now("linking")
        notice._current.get()._tell()
    assert "compiling it (linking) ..." in capfd.readouterr().err
