"""One step on one batch."""

from __future__ import annotations

from typing import Any

from fncompile.training.batch_call import batch_call
from fncompile.training.compile import check_compiled, reset_metrics
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
    _step(model, "train", x, y, sample_weight, class_weight)
    return logs_of(model) if return_dict else result_list(model)


def test_on_batch(
    model: Any, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
) -> Any:
    """Evaluate one batch; gives loss and metrics of this batch alone."""
    check_compiled(model)
    _step(model, "evaluate", x, y, sample_weight)
    return logs_of(model) if return_dict else result_list(model)


test_on_batch.__test__ = False  # type: ignore[attr-defined]  # its name is Keras', not pytest's


def predict_on_batch(model: Any, x: Any) -> Any:
    """The outputs for one batch, as arrays in the structure of the model's outputs."""
    step, arrays = batch_call(model, "predict", x)
    return model.pack_outputs(step(arrays))


def _step(model: Any, verb: str, *data: Any) -> None:
    step, arrays = batch_call(model, verb, *data)
    if not len(arrays[0]):
        raise ValueError("The batch has no samples: expected arrays with at least one row.")
    reset_metrics(model)
    step(arrays)
