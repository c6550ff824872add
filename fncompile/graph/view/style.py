"""Colours of boxes by what a layer does."""

from __future__ import annotations

from typing import Any

from fncompile.graph.call import FunctionOperation
from fncompile.graph.view.facts import class_name, is_model

INK, MUTED, LINE, PAPER = "#1f2933", "#52606d", "#7b8794", "#ffffff"
CLUSTER_FILL, CLUSTER_LINE = "#f5f7fa", "#cbd2d9"

_COLOURS = {
    "input": ("#2f855a", "#f0fff4"),
    "weights": ("#2b6cb0", "#ebf5ff"),
    "embedding": ("#6b46c1", "#f5f0ff"),
    "normalization": ("#0e7490", "#ecfcff"),
    "activation": ("#b7791f", "#fffaeb"),
    "regularization": ("#718096", "#f7fafc"),
    "merging": ("#c05621", "#fff5ed"),
    "shape": ("#4a5568", "#f7fafc"),
    "function": ("#97266d", "#fff0f8"),
    "model": ("#1a365d", "#eef4fb"),
    "other": ("#2c5282", "#f0f6fc"),
}
_WORDS = (
    ("input", ("InputLayer",)),
    ("embedding", ("Embedding",)),
    ("normalization", ("Normalization", "Rescaling")),
    ("regularization", ("Dropout", "Noise", "ActivityRegularization")),
    ("activation", ("Activation", "ReLU", "Softmax", "ELU", "Sigmoid")),
    (
        "merging",
        ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot"),
    ),
    ("shape", ("Flatten", "Reshape", "Permute", "RepeatVector", "Cropping", "Padding")),
    ("weights", ("Dense", "Conv", "LSTM", "GRU", "RNN", "Attention")),
)


def colours(operation: Any) -> tuple[str, str]:
    """The colour of the title and of the body of its box."""
    return _COLOURS[_kind(operation)]


def _kind(operation: Any) -> str:
    if isinstance(operation, FunctionOperation):
        return "function"
    if is_model(operation):
        return "model"
    name = class_name(operation)
    return next((kind for kind, words in _WORDS if any(word in name for word in words)), "other")
