"""What export asks of a model: the protocol `ExportedModel`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from fncompile.saving.saved import SavedModel

if TYPE_CHECKING:
    from fncompile.session.exported import Native


class ExportedSteps(Protocol):
    """The compiled steps of a model."""

    def can_train(self) -> bool:
        """Is there a loss, and anything to train?"""

    def native(self, training: bool, sample_weight: bool) -> Native:
        """Entries and memory that a library is made of."""


class ExportedModel(SavedModel, Protocol):
    """A model that files can hold and that has compiled steps."""

    def steps(self) -> ExportedSteps:
        """Them, made anew where the model changed."""
