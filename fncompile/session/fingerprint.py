"""What tells whether the compiled steps of a model are still those of the model: `Fingerprint`."""

from __future__ import annotations

from typing import Any

from fncompile.graph import structure
from fncompile.layers import state
from fncompile.training.trained import TrainedModel


class Fingerprint:
    """What programs and memory of a model are made from, as it was when this was last taken.

    It is compared at each call, so it is a few identities and one number that counts all changes
    of layers and variables; `state_key`, a walk through the layers, is asked where that number
    alone differs.
    """

    def __init__(self, model: TrainedModel):
        self._version = structure.version  # before what may change meanwhile
        self._key = state_key(model)
        # the key is made of identities, which hold while the objects live
        self._kept = model.weights, model._flatten_layers()
        self._watched = contents(model)
        self._optimizer, self._rate, self._objective = objective_parts(model)

    def holds(self, model: TrainedModel) -> bool:
        """Has nothing changed since? A no may come of changes elsewhere: see `renewed`."""
        optimizer = getattr(model, "optimizer", None)
        return (
            self._version == structure.version
            and optimizer is self._optimizer
            and model._objective is self._objective
            and (optimizer is None or optimizer._learning_rate is self._rate)
            and (not self._watched or state.is_unchanged(self._watched))
        )

    def renewed(self, model: TrainedModel) -> bool:
        """Is all as before, on a closer look? Then this holds again.

        An objective that a model got since, as one that is not built when it is compiled gets it at
        its first step of training, is the first: no step was made by another.
        """
        optimizer, rate, objective = objective_parts(model)
        if optimizer is not self._optimizer or rate is not self._rate:
            return False
        if objective is not self._objective and self._objective is not None:
            return False
        version = structure.version
        if self._key != state_key(model):
            return False
        self._watched = contents(model)
        self._version, self._objective = version, objective
        return True

    def keep_objective(self, model: TrainedModel) -> None:
        """From here on there are steps made by the objective that the model has."""
        self._objective = model._objective


def state_key(model: TrainedModel) -> tuple[tuple[int, ...], ...]:
    """Identities of all layers and variables that the programs and the memory are made from, and
    the versions of the tables that layers compute with."""
    layers = model._flatten_layers()
    groups = model.weights, model.trainable_variables, layers
    tables = tuple(layer._table_version for layer in layers)
    return (*(tuple(map(id, group)) for group in groups), tables)


def contents(model: TrainedModel) -> list[state.Contents]:
    """What the lists of the user's own layers hold; ours change with `structure.changed`."""
    layers = model._flatten_layers()
    theirs = [x for x in layers if not type(x).__module__.startswith("fncompile.")]
    return [c for layer in theirs for c in state.contents(layer)]


def objective_parts(model: TrainedModel) -> tuple[Any, Any, Any]:
    """What `compile` gave, and the rate, which may be exchanged for a schedule."""
    optimizer = getattr(model, "optimizer", None)
    return optimizer, getattr(optimizer, "_learning_rate", None), model._objective
