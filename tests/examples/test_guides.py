"""The guides run as they stand, each in an empty directory, and check what they show."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

import fncompile

GUIDES = sorted((Path(__file__).resolve().parents[2] / "examples" / "guides").glob("*.py"))


def test_there_are_a_dozen():
    assert len(GUIDES) == 12


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_guide(guide, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    fncompile.utils.clear_session()
    fncompile.utils.set_random_seed(1)
    runpy.run_path(str(guide), run_name="__main__")
    assert "assert" in guide.read_text()
