"""Between the labels and numbers of an estimator's user and the targets and outputs of a model."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from fncompile.models import Functional, Model


class Classes:
    """The labels of a classifier, and the targets that a model learns instead of them."""

    def __init__(self, labels: np.ndarray):
        self.labels = np.unique(labels)

    def numbers(self, labels: np.ndarray) -> np.ndarray:
        """The number of each label; ValueError for one that is not among the classes."""
        found = np.searchsorted(self.labels, labels).clip(0, len(self.labels) - 1)
        unknown = labels[self.labels[found] != labels].tolist()
        if unknown:
            raise ValueError(
                f"The label {unknown[0]!r} is not among the classes {self.labels.tolist()}."
            )
        return found

    def one_hot(self, labels: np.ndarray) -> np.ndarray:
        """What a function that makes a model is given as `y`: (samples, classes)."""
        return np.eye(len(self.labels), dtype="float32")[self.numbers(labels)]

    def targets(self, labels: np.ndarray, model: Model) -> np.ndarray:
        """As the model takes them: one column where it has one output, numbers where its loss takes
        these, else one-hot. ValueError where it has another number of outputs than classes."""
        width, count = cast(Functional, model).output_shape[-1], len(self.labels)
        if width == 1 and count == 2:
            return self.numbers(labels)[:, None].astype("float32")
        if width != count:
            raise ValueError(
                f"The model {model.name!r} has {width} outputs, but there are {count} classes."
            )
        return self.numbers(labels) if takes_numbers(model.loss) else self.one_hot(labels)


def takes_numbers(loss: Any) -> bool:
    """Does the loss take class numbers?"""
    name = loss if isinstance(loss, str) else getattr(loss, "name", None)
    name = name or getattr(loss, "__name__", "")
    return "sparse" in str(name).lower()


def probabilities(outputs: np.ndarray, loss: Any) -> np.ndarray:
    """(samples, classes), from probabilities, or logits where the loss says so."""
    config = loss.get_config() if hasattr(loss, "get_config") else {}
    logits = config.get("from_logits", False)
    if outputs.shape[-1] == 1:
        second = 1 / (1 + np.exp(-outputs)) if logits else outputs
        return np.concatenate([1 - second, second], axis=1)
    if logits:
        powers = np.exp(outputs - outputs.max(1, keepdims=True))
        return powers / powers.sum(1, keepdims=True)
    return outputs
