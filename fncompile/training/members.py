"""Losses and metrics from what `compile` takes: names, objects, classes, functions.

"accuracy" and "crossentropy" stand for one of three metrics or losses, which only the shapes of
targets and predictions tell apart, so metrics are made when the first batch is known.
"""

from __future__ import annotations

from typing import Any

from fncompile import losses, metrics

_ACCURACIES: dict[str, Any] = {
    "binary": metrics.BinaryAccuracy,
    "sparse": metrics.SparseCategoricalAccuracy,
    "categorical": metrics.CategoricalAccuracy,
}
_CROSSENTROPIES = {
    "binary": metrics.BinaryCrossentropy,
    "sparse": metrics.SparseCategoricalCrossentropy,
    "categorical": metrics.CategoricalCrossentropy,
}
_CROSSENTROPY_LOSSES = {
    "binary": "binary_crossentropy",
    "sparse": "sparse_categorical_crossentropy",
    "categorical": "categorical_crossentropy",
}
_BY_SHAPE: dict[str, dict[str, Any]] = {
    "accuracy": _ACCURACIES,
    "acc": _ACCURACIES,
    "crossentropy": _CROSSENTROPIES,
    "ce": _CROSSENTROPIES,
}


def loss_object(identifier: Any) -> losses.Loss:
    """ValueError "Could not interpret loss identifier" when there is no such loss."""
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        return losses.LossFunctionWrapper(_crossentropy, name=identifier)
    loss = losses.get(identifier)
    return loss if isinstance(loss, losses.Loss) else losses.LossFunctionWrapper(loss)


def _crossentropy(y_true: Any, y_pred: Any) -> Any:
    """That for targets of this shape."""
    kind = target_kind(tuple(y_true.shape), tuple(y_pred.shape))
    return losses.get(_CROSSENTROPY_LOSSES[kind])(y_true, y_pred)


def check_metric(identifier: Any) -> Any:
    """The identifier itself; ValueError when there is no such metric."""
    if _kinds(identifier) is None:
        metrics.get(identifier)
    return identifier


def metric_object(identifier: Any, y_true: Any = None, y_pred: Any = None) -> Any:
    """The metric, under the name that the user gave; `y_true`, `y_pred` need only a shape. None
    where these are needed and not given."""
    kinds = _kinds(identifier)
    if kinds is not None:
        if y_pred is None:
            return None
        return kinds[target_kind(tuple(y_true.shape), tuple(y_pred.shape))](name=identifier)
    found = metrics.get(identifier)
    if not isinstance(found, metrics.Metric):
        found = metrics.MeanMetricWrapper(found, name=_function_name(found))
    if isinstance(identifier, str):
        found.name = identifier
    return found


def _kinds(identifier: Any) -> dict[str, Any] | None:
    return _BY_SHAPE.get(identifier.lower()) if isinstance(identifier, str) else None


def target_kind(true: tuple, pred: tuple) -> str:
    """One of "binary", "sparse" (class numbers) and "categorical" (one-hot), by shapes."""
    if not pred or pred[-1] == 1:
        return "binary"
    return "sparse" if len(true) < len(pred) or true[-1] == 1 else "categorical"


def _function_name(function: Any) -> str:
    name = getattr(function, "name", None) or getattr(function, "__name__", None)
    return (name or type(function).__name__).strip("<>")  # a lambda's is "<lambda>"
