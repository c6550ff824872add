"""Losses as classes and functions, under Keras' names and aliases."""

from __future__ import annotations

from fncompile.identifiers import Family, by_name
from fncompile.losses.classes import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from fncompile.losses.functions import (
    binary_crossentropy,
    categorical_crossentropy,
    categorical_hinge,
    cosine_similarity,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from fncompile.losses.loss import Loss, LossFunctionWrapper

_CLASSES = (
    BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy, MeanSquaredError,
    MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredLogarithmicError, CosineSimilarity,
    KLDivergence, Poisson, LogCosh, Huber, Hinge, SquaredHinge, CategoricalHinge,
    LossFunctionWrapper,
)  # fmt: skip
_FUNCTIONS = (
    binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy,
    mean_squared_error, mean_absolute_error, mean_absolute_percentage_error,
    mean_squared_logarithmic_error, cosine_similarity, kl_divergence, poisson, log_cosh, huber,
    hinge, squared_hinge, categorical_hinge,
)  # fmt: skip
ALIASES = {
    "mse": mean_squared_error,
    "mae": mean_absolute_error,
    "mape": mean_absolute_percentage_error,
    "msle": mean_squared_logarithmic_error,
    "kld": kl_divergence,
    "bce": binary_crossentropy,
    "logcosh": log_cosh,
    "kullback_leibler_divergence": kl_divergence,
}
ALIASES.update({name.upper(): fn for name, fn in ALIASES.items() if len(name) <= 4})
globals().update(ALIASES)

# A snake-case name stands for the function, a class name for the loss with default arguments.
_FAMILY = Family(
    "loss",
    Loss,
    {**{c.__name__: c for c in _CLASSES}, **by_name(_FUNCTIONS, ALIASES), "huber_loss": huber},
)
get = _FAMILY.get
deserialize = _FAMILY.deserialize
serialize = _FAMILY.serialize

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "LossFunctionWrapper",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "binary_crossentropy",
    "categorical_crossentropy",
    "categorical_hinge",
    "cosine_similarity",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
]
