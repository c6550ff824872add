"""What files ask of what they hold: the protocols `Saveable`, `CompiledModel` and `SavedModel`."""

from __future__ import annotations

from typing import Any, Protocol

from fncompile.graph.variable import Variable


class Saveable(Protocol):
    """What a `.keras` file can be of: a model, or what is described by a config and has parts."""

    def get_config(self) -> dict[str, Any]:
        """What one of its class is made from."""


def own_way(item: Any, name: str) -> Any:
    """The method that a user's class has of that name, None where it is the one that all have."""
    method = getattr(item, name, None)
    of_ours = str(getattr(method, "__module__", "")).startswith("fncompile.")
    return None if of_ours else method


class CompiledModel(Protocol):
    """A model as far as `compile` concerns it."""

    built: bool
    compiled: bool
    optimizer: Any  # of `compile`, which takes what Keras' optimizers do
    steps_per_execution: int
    _compile_arguments: dict[str, Any]  # but for the optimizer

    @property
    def trainable_variables(self) -> list[Variable]:
        """What the optimizer has state for."""

    def compile(self, *args: Any, **kwargs: Any) -> Any:
        """Choose optimizer, loss and metrics."""


class SavedModel(Saveable, CompiledModel, Protocol):
    """A model with layers and weights, which says itself how it was compiled."""

    name: str

    @property
    def layers(self) -> list[Any]:
        """Those directly in it, in the order of files."""

    @property
    def weights(self) -> list[Variable]:
        """Its own and those of its layers."""

    def get_compile_config(self) -> dict[str, Any] | None:
        """What `compile` was given, as data; None where it was not called."""

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """`compile` as such data says."""
