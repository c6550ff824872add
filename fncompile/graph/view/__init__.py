"""Models as people see them: as a table, as a picture in SVG or PNG, as DOT text."""

from fncompile.graph.view.dot import model_to_dot
from fncompile.graph.view.plot import plot_model
from fncompile.graph.view.summary import summary

__all__ = ["model_to_dot", "plot_model", "summary"]
