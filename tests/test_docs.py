"""What docs/ shows is what there is: the dumps of its pages, and its pictures."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fncompile.passes.pipeline import LOWER, TRANSFORM
from tests.test_layering import ROOMS

DOCS = Path(__file__).resolve().parents[1] / "docs"


@pytest.fixture
def make(monkeypatch):
    """Imports one of the scripts in docs/."""
    monkeypatch.syspath_prepend(str(DOCS))

    def load(name: str):
        sys.modules.pop(name, None)
        return __import__(name)

    return load


def test_the_page_about_dense_shows_what_the_compiler_writes(make, quickly_compiled):
    script = make("make_dense_page")
    page = (DOCS / "dense.md").read_text()
    assert script.filled(page, script.dumps()) == page, "run python docs/make_dense_page.py"


def test_a_block_that_would_be_empty_is_an_error(make):
    script = make("make_dense_page")
    with pytest.raises(ValueError, match="nothing to show of fuse"):
        script.filled("```text predict fuse only=nobody\n```", {"predict": {"fuse": "plan\n"}})


def test_the_page_about_dense_names_every_pass():
    page = (DOCS / "dense.md").read_text()
    kinds = [table[kind] for table in (TRANSFORM, LOWER) for kind in ("infer", "train")]
    names = {p.name for kind in kinds for p in kind}
    named_in_titles = {"fuse", "schedule"}
    missing = {n for n in names - named_in_titles if f"**{n}**" not in page}
    assert not missing and all(f"## {i}. {n}" in page for i, n in ((4, "fuse"), (5, "schedule")))


def test_the_picture_of_the_house_is_the_drawn_one(make):
    assert make("make_house").draw(ROOMS) == (DOCS / "house.svg").read_text()


def test_the_picture_of_the_house_has_every_room_once(make):
    house = make("make_house")
    places, arrows = house.places(ROOMS), house.longest_ways(ROOMS)
    assert set(places) == set(ROOMS)
    assert len({(x, y) for x, y, _ in places.values()}) == len(ROOMS)
    assert all(places[a][1] < places[b][1] for a in ROOMS for b in arrows[a]), "arrows point down"


def test_the_picture_of_the_pipeline_is_the_drawn_one(make):
    assert make("make_pipeline").draw() == (DOCS / "pipeline.svg").read_text()
