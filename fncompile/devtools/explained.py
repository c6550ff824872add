"""What `explain` and `profile` ask of a model: the protocol `ExplainedModel`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from fncompile.graph.variable import Variable
    from fncompile.runtime.entry import CompiledEntry


class ExplainedSteps(Protocol):
    """The compiled steps of a model."""

    def compiled_entries(self) -> list[CompiledEntry]:
        """What has been compiled, or prediction where nothing has."""


class ExplainedModel(Protocol):
    """A model that runs on batches."""

    optimizer: Any  # of `compile`; None, or not there, before

    @property
    def variables(self) -> list[Variable]:
        """All that a step may change but for the optimizer's."""

    @property
    def trainable_variables(self) -> list[Variable]:
        """Those that the optimizer has state for."""

    @property
    def get_layer(self) -> Callable[..., Any]:
        """A layer by name; ValueError for one that is not there."""

    @property
    def predict_on_batch(self) -> Callable[..., Any]:
        """Outputs for arrays."""

    @property
    def train_on_batch(self) -> Callable[..., Any]:
        """One step of training."""

    def steps(self) -> ExplainedSteps:
        """Made anew where the model changed."""
