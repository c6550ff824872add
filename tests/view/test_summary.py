"""Summaries, character by character against real Keras'."""

from __future__ import annotations

import json

import pytest

import fncompile as keras
from fncompile import layers
from fncompile.graph.view.table import wrap
from tests.view.models import CASES, mnist
from tests.view.record import FILE

EXPECTED = json.loads(FILE.read_text())


def text_of(model, **arguments):
    lines = []
    model.summary(print_fn=lines.append, **arguments)
    return "\n".join(lines)


@pytest.mark.parametrize("name", CASES)
def test_summary_is_keras_own(name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    keras.utils.clear_session()
    model, arguments = CASES[name](keras)
    assert text_of(model, **arguments) == EXPECTED[name]


def test_summary_is_printed_by_default(capsys):
    mnist(keras).summary()
    assert "Total params: 55,050 (215.04 KB)" in capsys.readouterr().out


def test_columns_end_where_positions_say(monkeypatch):
    """Keras 3.15 gives all columns the same width when positions are counted in characters."""
    monkeypatch.setenv("COLUMNS", "80")
    rule = text_of(mnist(keras), line_length=70, positions=[30, 50, 70]).splitlines()[1]
    assert len(rule) == 70
    assert rule.index("┳") in (30, 29)


def test_subclass_lists_its_layers():
    class Two(keras.Model):
        def __init__(self):
            super().__init__(name="two")
            self.first = layers.Dense(3, name="first")

        def call(self, x):
            return self.first(x)

    assert "0 (unbuilt)" in text_of(Two())


@pytest.mark.parametrize("wrong", [["dense"], ["dense", "nowhere"]])
def test_wrong_layer_range(wrong):
    with pytest.raises(ValueError, match=r"layer_range|layer_names"):
        mnist(keras).summary(layer_range=wrong)


def test_wrap():
    assert wrap("", 5) == [""]
    assert wrap("ab cd", 5) == ["ab cd"]
    assert wrap("ab cd", 4) == ["ab", "cd"]
    assert wrap("abcdefgh (X)", 6) == ["abcde…", "(X)"]
    assert wrap("a", 1) == ["a"]
