"""One step on one batch."""

from __future__ import annotations

from typing import Any

from fncompile.training.call_plan import call_plan
from fncompile.training.results import result_of
from fncompile.training.trained import TrainedModel


def train_on_batch(
    model: TrainedModel,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    class_weight: Any = None,
    return_dict: bool = False,
) -> Any:
    """Train one step; gives loss and metrics of this batch alone, as `evaluate` does."""
    if class_weight is not None and sample_weight is not None:
        raise ValueError(
            "Arguments `sample_weight` and `class_weight` cannot be specified at the same time. "
            f"Received: sample_weight={sample_weight}, class_weight={class_weight}"
        )
    return _step(model, "train", x, y, sample_weight, class_weight, return_dict)


def test_on_batch(
    model: TrainedModel, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
) -> Any:
    """Evaluate one batch; gives loss and metrics of this batch alone."""
    return _step(model, "evaluate", x, y, sample_weight, None, return_dict)


test_on_batch.__test__ = False  # type: ignore[attr-defined]  # its name is Keras', not pytest's


def predict_on_batch(model: TrainedModel, x: Any) -> Any:
    """The outputs for one batch, as arrays in the structure of the model's outputs."""
    plan, arrays = call_plan(model, "predict", x)
    flat = plan.batch(arrays)
    return model.pack_predictions(flat) if model._own_predictions else model.pack_outputs(flat)


def _step(
    model: TrainedModel,
    verb: str,
    x: Any,
    y: Any,
    sample_weight: Any,
    class_weight: Any,
    return_dict: bool,
) -> Any:
    plan, arrays = call_plan(model, verb, x, y, sample_weight, class_weight)
    if not plan.rows:
        raise ValueError("The batch has no samples: expected arrays with at least one row.")
    objective = model._objective
    assert objective is not None  # as there is a plan
    objective.reset(verb)
    plan.batch(arrays)
    return result_of(objective.results(), return_dict)
