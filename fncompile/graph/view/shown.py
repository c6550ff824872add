"""What tables and drawings ask of a model: the protocol `ShownModel`."""

from __future__ import annotations

from typing import Any, Protocol

from fncompile.graph.variable import Variable


class ShownModel(Protocol):
    """A layer of layers; one with a graph has a `dag` too, which `facts.dag_of` gives."""

    name: str
    built: bool

    @property
    def layers(self) -> list[Any]:
        """Those directly in it."""

    @property
    def trainable_weights(self) -> list[Variable]:
        """What training changes."""

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """What it does not change."""
