"""What fncompile shows is what real Keras showed: summaries, names, hook orders, progress bars.

The scenes are in scenes.py, what Keras showed in keras_reference/api.json.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.api.scenes import SCENES
from tests.keras_reference.target import keras

STORED = Path(__file__).parent.parent / "keras_reference" / "api.json"
EXPECTED = json.loads(STORED.read_text())


def test_every_scene_is_stored():
    assert list(EXPECTED) == list(SCENES)


@pytest.mark.parametrize("name", SCENES)
def test_scene(name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert json.loads(json.dumps(SCENES[name](keras))) == EXPECTED[name]
