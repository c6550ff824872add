"""A model's graph in the DOT language."""

from __future__ import annotations

from typing import Any

from fncompile.graph.view import facts, style
from fncompile.graph.view.diagram import Options, Vertex, lines_of, vertices_and_edges
from fncompile.graph.view.shown import ShownModel


def model_to_dot(
    model: ShownModel,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    **kwargs: Any,
) -> str:
    """The graph as DOT text, for Graphviz; `subgraph` gives it as a cluster to put into another.

    `model`: a built model; `show_shapes`, `show_dtype`, `show_layer_names`,
    `show_layer_activations`, `show_trainable`: what boxes say; `rankdir`: the direction of flow,
    "TB", "LR", "BT" or "RL"; `expand_nested`: nested models as clusters; `dpi`: the size.

    >>> model = fncompile.Sequential([fncompile.Input((2,)), layers.Dense(1)])
    >>> utils.model_to_dot(model).split()[:1]
    ['digraph']
    """
    options = Options(
        show_shapes, show_dtype, show_layer_names, rankdir, expand_nested,
        show_layer_activations, show_trainable,
    )  # fmt: skip
    writer = _Writer(options)
    writer.graph(model, "n")
    body = "\n".join(f"  {line}" for line in writer.lines)
    if subgraph:
        name, label = _identifier(model.name), _quoted(model.name)
        return f"subgraph cluster_{name} {{\n  label={label};\n{body}\n}}\n"
    return (
        f"digraph {_quoted(model.name)} {{\n"
        f"  graph [rankdir={rankdir}, dpi={dpi}, ranksep=0.4];\n"
        '  node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=11];\n'
        f'  edge [color="{style.LINE}"];\n{body}\n}}\n'
    )


class _Writer:
    """Collects lines; nested models become clusters, with edges to their first and last boxes."""

    def __init__(self, options: Options):
        self.options = options
        self.lines: list[str] = []

    def graph(self, model: ShownModel, prefix: str) -> tuple[list[str], list[str]]:
        """Write a model; gives the names of the vertices that arrows enter and leave it by."""
        vertices, edges = vertices_and_edges(model)
        ends = {v.key: self.vertex(v, f"{prefix}{k}") for k, v in enumerate(vertices)}
        for u, v in edges:
            for source in ends[u][1]:
                for target in ends[v][0]:
                    self.lines.append(f"{source} -> {target};")
        heads, tails = {v for _, v in edges}, {u for u, _ in edges}
        entries = [name for v in vertices if v.key not in heads for name in ends[v.key][0]]
        exits = [name for v in vertices if v.key not in tails for name in ends[v.key][1]]
        return entries, exits

    def vertex(self, vertex: Vertex, name: str) -> tuple[list[str], list[str]]:
        operation = vertex.operation
        if (
            self.options.expand_nested
            and facts.is_model(operation)
            and facts.dag_of(operation)
        ):
            self.lines.append(f"subgraph cluster_{name} {{ label={_quoted(operation.name)};")
            ends = self.graph(operation, f"{name}_")
            self.lines.append("}")
            return ends
        head, body = style.colours(operation)
        label = "\\n".join([facts.class_name(operation), *lines_of(vertex, self.options)])
        self.lines.append(f'{name} [label={_quoted(label)}, color="{head}", fillcolor="{body}"];')
        return [name], [name]


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'


def _identifier(text: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in text)
