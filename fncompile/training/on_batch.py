"""One step on one batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile.training.compile import check_compiled, reset_metrics
from fncompile.training.data import check_cardinality, flat_data, flat_inputs
from fncompile.training.results import logs_of, result_list


def train_on_batch(
    model: Any,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    class_weight: Any = None,
    return_dict: bool = False,
) -> Any:
    """Train one step; gives loss and metrics of this batch alone, as `evaluate` does."""
    check_compiled(model)
    if class_weight is not None and sample_weight is not None:
        raise ValueError(
            "Arguments `sample_weight` and `class_weight` cannot be specified at the same time. "
            f"Received: sample_weight={sample_weight}, class_weight={class_weight}"
        )
    arrays = flat_data(model, x, y, sample_weight, class_weight)
    reset_metrics(model)
    model.steps().train(arrays, *_whole(arrays))
    return logs_of(model) if return_dict else result_list(model)


def test_on_batch(
    model: Any, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
) -> Any:
    """Evaluate one batch; gives loss and metrics of this batch alone."""
    check_compiled(model)
    arrays = flat_data(model, x, y, sample_weight)
    reset_metrics(model)
    model.steps().evaluate(arrays, *_whole(arrays))
    return logs_of(model) if return_dict else result_list(model)


test_on_batch.__test__ = False  # type: ignore[attr-defined]  # its name is Keras', not pytest's


def predict_on_batch(model: Any, x: Any) -> Any:
    """The outputs for one batch, as arrays in the structure of the model's outputs."""
    arrays = flat_inputs(model, x)
    check_cardinality({"x": arrays})
    return model.pack_outputs(model.steps().predict(arrays, max(len(arrays[0]), 1)))


def _whole(arrays: list[np.ndarray]) -> tuple[np.ndarray, int]:
    rows = len(arrays[0])
    if rows == 0:
        raise ValueError("The batch has no samples: expected arrays with at least one row.")
    return np.arange(rows), rows
