"""What `evaluate` and the on-batch methods give back."""

from __future__ import annotations

from typing import Any

from fncompile.training.compile import objective_of


def logs_of(model: Any) -> dict[str, Any]:
    """The metrics as they stand, sorted by name."""
    return objective_of(model).logs()


def result_list(model: Any) -> Any:
    """The metrics in Keras' order: a float when there is the loss alone, else a list."""
    values = [value for _, value in objective_of(model).results()]
    return values[0] if len(values) == 1 else values
