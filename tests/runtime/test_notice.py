"""A first call that takes a while says what it is doing, on stderr, and only then."""

from __future__ import annotations

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
    assert ("fncompile: compiling predict of slow_one, once; " in err) == told
    assert ("fncompile: predict of slow_one took " in err) == told


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
    assert "compiling it, once; linking ..." in capfd.readouterr().err
