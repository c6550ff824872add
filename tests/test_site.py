"""The documentation as a site: its snippets run, its pages are found, and it builds without a
warning."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fncompile
from fncompile import layers
from tests.tools import run_blocks

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
# dense.md shows fragments, which tests/test_docs.py compares with what the compiler writes
PAGES = sorted(str(p.relative_to(DOCS)) for p in DOCS.rglob("*.md") if p.name != "dense.md")
CONFIGURATION = (ROOT / "mkdocs.yml").read_text()


@pytest.mark.parametrize("page", PAGES)
def test_snippets_run(page, tmp_path, monkeypatch):
    """One after the other, in an empty directory; what a page draws is not trained, so that it
    needs no compiler."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FNC_NOTICE", "0")
    fncompile.utils.clear_session()
    text = (DOCS / page).read_text()
    run_blocks(re.findall(r"^```python[^\n]*\n(.*?)^```", text, re.S | re.M), page)


def test_every_page_is_in_the_contents():
    listed = re.findall(r": ([\w/]+\.md)$", CONFIGURATION, re.M)
    assert sorted(listed) == sorted([*PAGES, "dense.md"])


def test_every_public_layer_is_on_a_page(make):
    site_pages = make("site_pages")
    rooms = [
        room
        for page in (DOCS / "layers").iterdir()
        for found in re.findall(r"<!-- layers: (.*) -->", page.read_text())
        for room in found.split()
    ]
    assert len(rooms) == len(set(rooms))
    shown = {getattr(layers, name) for room in rooms for name in site_pages.public_layers(room)}
    elsewhere = {layers.Layer, layers.InputSpec, layers.InputLayer}
    every = {getattr(layers, name) for name in layers.__all__}
    assert {c for c in every if isinstance(c, type)} - shown - elsewhere == set()


def test_the_table_of_names_tells_what_there_is(make):
    row = next(r for r in make("site_pages").names_of_keras().splitlines() if "`keras.layers`" in r)
    there, of = map(int, re.search(r"(\d+) of (\d+)", row).groups())
    missing = re.findall(r"`(\w+)`", row)
    assert len(missing) == of - there
    assert all(not hasattr(layers, name) for name in missing)


def test_examples_of_docstrings_become_code(make):
    pytest.importorskip("griffe")
    fenced = make("fenced_examples").fenced
    text = "One.\n\n>>> f(1)\n2\n\nTwo."
    assert fenced(text) == "One.\n\n```pycon\n>>> f(1)\n2\n```\n\nTwo."


def test_it_builds_without_a_warning(tmp_path):
    pytest.importorskip("mkdocs", reason="needs the extra `docs`")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / "layers" / "core" / "index.html").read_text()
    assert "words" in page and "units" in page and 'class="gp"' in page


def test_the_notebook_runs(tmp_path, monkeypatch):
    """Its cells, one after the other, without Jupyter."""
    monkeypatch.chdir(tmp_path)
    cells = json.loads((ROOT / "examples" / "digits.ipynb").read_text())["cells"]
    blocks = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    namespace, printed = run_blocks(blocks, "digits.ipynb")
    assert "right" in "".join(printed)
    assert namespace["model"]._repr_svg_().lstrip().startswith("<")
