"""A model's graph as boxes and arrows."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from fncompile.graph.call import Call
from fncompile.graph.dag import Dag, producer
from fncompile.graph.nest import flatten
from fncompile.graph.view import facts, style
from fncompile.graph.view.layered import place
from fncompile.graph.view.scene import Arrow, Box, Label, Scene, Shape, text_width
from fncompile.graph.view.shown import ShownModel

TITLE, BODY = 13.0, 11.0
_PAD, _LINE, _TITLE_HEIGHT = 12.0, 16.0, 24.0
_CLUSTER_PAD, _CLUSTER_TITLE = 18.0, 24.0


@dataclass(frozen=True)
class Options:
    """What `plot_model` shows, in its own words."""

    show_shapes: bool = False
    show_dtype: bool = False
    show_layer_names: bool = False
    rankdir: str = "TB"
    expand_nested: bool = False
    show_layer_activations: bool = False
    show_trainable: bool = False


@dataclass(frozen=True)
class Vertex:
    """A layer or function of the drawing, with the calls of it that are meant."""

    key: Hashable
    operation: Any
    calls: tuple[Call, ...]


def vertices_and_edges(model: ShownModel) -> tuple[list[Vertex], list[tuple[Hashable, Hashable]]]:
    """One vertex for each operation; one for each call where a layer feeds itself.

    ValueError for a model that is not built.
    """
    dag = facts.dag_of(model)
    if dag is None:
        return _without_graph(model), []
    shown = [c for c in dag.calls if not (facts.is_stack(model) and _is_input(c.operation))]
    edges = _edges(dag, shown, lambda call: call.operation)
    if _is_acyclic(edges):
        operations = dict.fromkeys(call.operation for call in shown)
        vertices = [
            Vertex(op, op, tuple(c for c in shown if c.operation is op)) for op in operations
        ]
        return vertices, edges
    return [Vertex(c, c.operation, (c,)) for c in shown], _edges(dag, shown, lambda call: call)


def _without_graph(model: ShownModel) -> list[Vertex]:
    if not model.built:
        raise ValueError(
            "This model has not yet been built. Build the model first by calling `build()` or by "
            "calling the model on a batch of data."
        )
    return [Vertex(layer, layer, tuple(layer._inbound_nodes)) for layer in model.layers]


def _is_input(operation: Any) -> bool:
    return facts.class_name(operation) == "InputLayer"


def _edges(dag: Dag, shown: list[Call], key: Any) -> list[tuple[Hashable, Hashable]]:
    known = set(shown)
    found: dict[tuple[Hashable, Hashable], None] = {}
    for call in shown:
        for tensor in call.input_tensors:
            maker = producer(tensor)
            if maker in known:
                found[key(maker), key(call)] = None
    return list(found)


def _is_acyclic(edges: list[tuple[Hashable, Hashable]]) -> bool:
    import networkx as nx

    return nx.is_directed_acyclic_graph(nx.DiGraph(edges))


def lines_of(vertex: Vertex, options: Options) -> list[str]:
    """The lines below the title of a box."""
    operation, lines = vertex.operation, []
    if options.show_layer_names:
        lines.append(operation.name)
    activation = getattr(operation, "activation", None)
    if options.show_layer_activations and activation is not None:
        name = getattr(activation, "__name__", None) or type(activation).__name__
        lines.append(f"activation: {name}")
    if options.show_dtype:
        lines.append(f"dtype: {_dtypes(vertex)}")
    if options.show_shapes:
        lines += _shapes(vertex)
    if options.show_trainable and facts.weights_of(operation):
        lines.append("trainable" if operation.trainable else "frozen")
    return lines


def _dtypes(vertex: Vertex) -> str:
    outputs = flatten(vertex.calls[-1].outputs) if vertex.calls else []
    return ", ".join(dict.fromkeys(t.dtype for t in outputs)) or "?"


def _shapes(vertex: Vertex) -> list[str]:
    if not vertex.calls:
        return ["shape: ?"]
    taken = list(dict.fromkeys(facts.shape_text(c.input_tensors) for c in vertex.calls))
    given = list(dict.fromkeys(facts.shape_text(c.outputs) for c in vertex.calls))
    if not any(c.input_tensors for c in vertex.calls):
        return ["; ".join(given)]
    return [f"in: {'; '.join(taken)}", f"out: {'; '.join(given)}"]


# pictures -----------------------------------------------------------------------------------------


def draw(model: ShownModel, options: Options) -> Scene:
    """The whole picture, with a margin."""
    inner, margin = _draw_graph(model, options), 16.0
    paper = Box(0, 0, inner.width + 2 * margin, inner.height + 2 * margin, style.PAPER, radius=0)
    return Scene(paper.width, paper.height, [paper, *inner.moved(margin, margin)])


def _draw_graph(model: ShownModel, options: Options) -> Scene:
    vertices, edges = vertices_and_edges(model)
    scenes = {v.key: _draw_vertex(v, options) for v in vertices}
    across = options.rankdir in ("LR", "RL")
    sizes = {k: (s.height, s.width) if across else (s.width, s.height) for k, s in scenes.items()}
    placed = place(sizes, edges)
    length = placed.height

    def turned(x: float, y: float) -> tuple[float, float]:
        y = length - y if options.rankdir in ("BT", "RL") else y
        return (y, x) if across else (x, y)

    shapes: list[Shape] = []
    for path in placed.paths.values():
        shapes.append(Arrow(tuple(turned(*p) for p in path), "x" if across else "y"))
    for key, center in placed.centers.items():
        x, y = turned(*center)
        shapes += scenes[key].moved(x - scenes[key].width / 2, y - scenes[key].height / 2)
    size = (length, placed.width) if across else (placed.width, length)
    return Scene(*size, shapes)


def _draw_vertex(vertex: Vertex, options: Options) -> Scene:
    operation = vertex.operation
    if options.expand_nested and facts.is_model(operation) and facts.dag_of(operation):
        return _draw_cluster(operation, options)
    title, lines = facts.class_name(operation), lines_of(vertex, options)
    head, body = style.colours(operation)
    width = max([text_width(title, TITLE, True), *(text_width(t, BODY) for t in lines)]) + 2 * _PAD
    width = max(width, 84.0)
    height = _TITLE_HEIGHT + (len(lines) * _LINE + 10 if lines else 0)
    shapes: list[Shape] = [Box(0, 0, width, height, body, head)]
    shapes.append(Box(0, 0, width, _TITLE_HEIGHT, head, head, square_below=bool(lines)))
    shapes.append(Label(width / 2, _TITLE_HEIGHT / 2 + 4.5, title, TITLE, style.PAPER, bold=True))
    for k, text in enumerate(lines):
        colour = style.INK if k == 0 and options.show_layer_names else style.MUTED
        shapes.append(Label(width / 2, _TITLE_HEIGHT + _LINE * (k + 1), text, BODY, colour))
    return Scene(width, height, shapes)


def _draw_cluster(model: ShownModel, options: Options) -> Scene:
    """A nested model as a frame around its own graph."""
    inner, title = _draw_graph(model, options), f"{model.name} ({facts.class_name(model)})"
    width = max(inner.width, text_width(title, BODY, True)) + 2 * _CLUSTER_PAD
    height = inner.height + _CLUSTER_TITLE + 2 * _CLUSTER_PAD
    frame = Box(0, 0, width, height, style.CLUSTER_FILL, style.CLUSTER_LINE, radius=10)
    label = Label(_CLUSTER_PAD, 19, title, BODY, style.MUTED, bold=True, anchor="start")
    inside = inner.moved((width - inner.width) / 2, _CLUSTER_TITLE + _CLUSTER_PAD)
    return Scene(width, height, [frame, label, *inside])
