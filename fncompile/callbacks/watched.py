"""What callbacks may ask of the model being run, and note on it: the protocol `WatchedModel`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from fncompile.callbacks.history import History
    from fncompile.graph.variable import Variable
    from fncompile.training.objective import Objective


class RunningModel(Protocol):
    """What the loop and callbacks tell each other by a compiled model."""

    name: str
    optimizer: Any  # of `compile`, which takes what Keras' optimizers do
    history: History
    training_seed: int
    stop_training: bool
    stop_evaluating: bool
    stop_predicting: bool
    _initial_epoch: int
    _objective: Objective | None

    @property
    def variables(self) -> list[Variable]:
        """All that it reads and changes."""

    @property
    def trainable_variables(self) -> list[Variable]:
        """Those among them that training changes."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Outputs for inputs."""


class WatchedModel(RunningModel, Protocol):
    """One at rest between two batches: all but its structure may be changed."""

    @property
    def layers(self) -> list[Any]:
        """Those directly in it."""

    def get_weights(self) -> list[np.ndarray]:
        """The values of its variables, in the order of files."""

    def set_weights(self, weights: list[Any]) -> None:
        """Give them values."""

    def get_layer(self, name: str | None = None, index: int | None = None) -> Any:
        """One of `layers`."""

    @property
    def evaluate(self) -> Any:
        """Loss and metrics on other data."""

    @property
    def predict(self) -> Any:
        """Outputs for arrays."""

    def save(self, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
        """Write it whole."""

    def save_weights(
        self, filepath: Any, overwrite: bool = True, max_shard_size: float | None = None
    ) -> None:
        """Write its weights."""

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Read them."""

    def to_json(self, **kwargs: Any) -> str:
        """Its architecture."""
