"""What tells whether the compiled steps of a model are still those of the model."""

from __future__ import annotations

from typing import Any

from fncompile.layers import state


def state_key(model: Any) -> tuple:
    """Identities of all that the programs and the memory of steps are made from."""
    weights = tuple(id(v) for v in model.weights)
    trained = tuple(id(v) for v in model.trainable_variables)
    layers = tuple(map(id, model._flatten_layers()))
    return (weights, trained, layers, *objective_key(model))


def contents(model: Any) -> list[state.Contents]:
    """What the lists of the user's own layers hold; ours change with `structure.changed`."""
    layers = model._flatten_layers()
    theirs = [x for x in layers if not type(x).__module__.startswith("fncompile.")]
    return [c for layer in theirs for c in state.contents(layer)]


def objective_key(model: Any) -> tuple[int, ...]:
    return tuple(map(id, objective_parts(model)))


def objective_parts(model: Any) -> tuple:
    """What `compile` gave, and the rate, which may be exchanged for a schedule."""
    optimizer = getattr(model, "optimizer", None)
    rate = getattr(optimizer, "_learning_rate", None)
    return optimizer, rate, getattr(model, "_objective", None)
