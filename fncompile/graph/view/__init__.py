"""Models as people see them: `summary` as a table, `plot_model` as SVG or PNG, `model_to_dot` as DOT."""

from fncompile.graph.view.dot import model_to_dot
from fncompile.graph.view.plot import plot_model
from fncompile.graph.view.summary import summary

__all__ = ["model_to_dot", "plot_model", "summary"]
