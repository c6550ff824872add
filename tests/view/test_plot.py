"""Drawings: nothing overlaps, arrows go the right way, and each kind of file is well formed."""

from __future__ import annotations

import itertools
import sys
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fncompile as keras
from fncompile import layers
from fncompile.graph.view import model_to_dot, plot_model
from fncompile.graph.view.layered import place
from fncompile.graph.view.scene import Arrow, Box, Label
from tests.view.models import branching, mnist, nested, several_outputs


@st.composite
def dags(draw):
    n = draw(st.integers(0, 14))
    sizes = {k: (draw(st.integers(10, 200)), draw(st.integers(10, 60))) for k in range(n)}
    pairs = [(a, b) for a in range(n) for b in range(a + 1, n)]
    edges = draw(st.lists(st.sampled_from(pairs), max_size=25)) if pairs else []
    return sizes, edges


@settings(max_examples=150, deadline=None)
@given(dags())
def test_boxes_are_apart_and_edges_go_down(graph):
    sizes, edges = graph
    placed = place(sizes, edges)
    rects = {k: _rectangle(placed.centers[k], sizes[k]) for k in sizes}
    for a in rects:
        for b in rects:
            assert a == b or not _overlap(rects[a], rects[b])
    for (u, v), path in placed.paths.items():
        assert path[0][1] == pytest.approx(rects[u][3])
        assert path[-1][1] == pytest.approx(rects[v][1])
        assert all(y0 <= y1 for (_, y0), (_, y1) in itertools.pairwise(path))
    for left, top, right, bottom in rects.values():
        assert left >= -1e-6 and top >= -1e-6
        assert right <= placed.width + 1e-6 and bottom <= placed.height + 1e-6
    assert set(placed.paths) == set(edges)


def _rectangle(center, size):
    (x, y), (w, h) = center, size
    return x - w / 2, y - h / 2, x + w / 2, y + h / 2


def _overlap(a, b):
    return a[0] < b[2] - 1e-6 and b[0] < a[2] - 1e-6 and a[1] < b[3] - 1e-6 and b[1] < a[3] - 1e-6


def test_crossings_are_avoided():
    sizes = dict.fromkeys("abcxyz", (20, 10))
    placed = place(sizes, [("a", "z"), ("b", "y"), ("c", "x")])
    x = {k: placed.centers[k][0] for k in sizes}
    assert sorted("abc", key=x.get) == sorted(
        "abc", key=lambda k: x[{"a": "z", "b": "y", "c": "x"}[k]]
    )


def test_cycles_are_refused():
    with pytest.raises(ValueError, match="cycle"):
        place({1: (1, 1), 2: (1, 1)}, [(1, 2), (2, 1)])


@pytest.mark.parametrize("build", [mnist, branching, nested, several_outputs])
@pytest.mark.parametrize("rankdir", ["TB", "LR", "BT", "RL"])
def test_svg_is_well_formed_and_within_its_frame(build, rankdir):
    picture = plot_model(
        build(keras), None, show_shapes=True, show_dtype=True, show_layer_names=True,
        rankdir=rankdir, expand_nested=True, show_layer_activations=True, show_trainable=True,
    )  # fmt: skip
    root = ET.fromstring(picture.svg)
    assert root.tag.endswith("svg")
    scene = picture.scene
    for shape in scene.shapes:
        if isinstance(shape, Box):
            assert shape.x >= 0 and shape.x + shape.width <= scene.width + 1e-6
            assert shape.y >= 0 and shape.y + shape.height <= scene.height + 1e-6
        if isinstance(shape, Arrow):
            assert all(0 <= x <= scene.width and 0 <= y <= scene.height for x, y in shape.points)


def labels(picture):
    return [shape.text for shape in picture.scene.shapes if isinstance(shape, Label)]


def test_options_decide_what_is_shown():
    model = mnist(keras)
    assert labels(plot_model(model, None)) == ["InputLayer", "Dense", "Dense", "Dense"]
    shown = labels(
        plot_model(
            model, None, show_layer_names=True, show_shapes=True, show_layer_activations=True
        )
    )
    assert {
        "img",
        "(None, 784)",
        "in: (None, 784)",
        "out: (None, 64)",
        "activation: softmax",
    } <= set(shown)


def test_names_are_escaped():
    i = keras.Input((2,), name="a")
    model = keras.Model(i, layers.Dense(1, name='<&">')(i))
    ET.fromstring(plot_model(model, None, show_layer_names=True).svg)
    assert '<&\\">' in model_to_dot(model)


def test_shared_layer_is_one_box_until_it_feeds_itself():
    i = keras.Input((2,), name="i")
    shared = layers.Dense(2, name="shared")
    twice = keras.Model(i, layers.add([shared(i), shared(i * 2.0)]))
    assert labels(plot_model(twice, None, show_layer_names=True)).count("shared") == 1
    again = keras.Model(i, shared(shared(i)))
    assert labels(plot_model(again, None, show_layer_names=True)).count("shared") == 2


def test_stack_and_empty_stack():
    stack = keras.Sequential([keras.Input((3,)), layers.Dense(2), layers.Dense(1)])
    assert labels(plot_model(stack, None)) == ["Dense", "Dense"]
    with pytest.raises(ValueError, match="not yet been built"):
        plot_model(keras.Sequential([layers.Dense(2)]), None)


def test_files(tmp_path):
    model = branching(keras)
    plot_model(model, tmp_path / "m.svg")
    ET.parse(tmp_path / "m.svg")
    plot_model(model, tmp_path / "m.dot", show_shapes=True)
    assert (tmp_path / "m.dot").read_text().startswith('digraph "branching" {')
    with pytest.raises(ValueError, match="end in one of"):
        plot_model(model, tmp_path / "m.gif")
    with pytest.raises(ValueError, match="rankdir"):
        plot_model(model, None, rankdir="XY")


def test_png(tmp_path):
    image_module = pytest.importorskip("PIL.Image")
    picture = plot_model(mnist(keras), tmp_path / "m.png", dpi=96)
    image = image_module.open(tmp_path / "m.png").convert("RGB")
    assert image.size == (round(picture.scene.width), round(picture.scene.height))
    assert len(image.getcolors(1 << 20)) > 10


def test_the_default_file_of_a_bare_install(tmp_path, monkeypatch):
    """Without Pillow an SVG is written, and a warning at the caller's line names it."""
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning, match=r"pip install pillow.*model\.svg") as warned:
        picture = plot_model(mnist(keras))
    assert warned[0].filename == __file__
    assert (tmp_path / "model.svg").read_text() == picture.svg
    assert [p.name for p in tmp_path.iterdir()] == ["model.svg"]


def test_notebooks_show_a_model():
    model = mnist(keras)
    assert model._repr_svg_() == plot_model(model, None, show_shapes=True).svg
    assert ET.fromstring(model._repr_svg_()).tag.endswith("svg")
    assert keras.Sequential([keras.layers.Dense(2)])._repr_svg_() is None  # not built yet
    x = keras.Input((2,))
    y = x
    for _ in range(300):
        y = keras.layers.Dense(2)(y)
    assert keras.Model(x, y)._repr_svg_() is None  # too large to look at


def test_dot_expands_nested_models():
    text = model_to_dot(nested(keras), expand_nested=True)
    assert "subgraph cluster_" in text and text.count("->") >= 7
    assert text.count("{") == text.count("}")
