"""Optimizers and learning-rate schedules, as Keras 3 defines them."""

from __future__ import annotations

from fncompile.identifiers import Family, by_name
from fncompile.missing import explain_missing
from fncompile.optimizers import schedules
from fncompile.optimizers.adaptive import Adadelta, Adagrad, Adam, Adamax, AdamW, Ftrl, RMSprop
from fncompile.optimizers.loss_scaling import LossScaleOptimizer
from fncompile.optimizers.muon import Muon
from fncompile.optimizers.optimizer import Optimizer
from fncompile.optimizers.schedule_free import ScheduleFreeAdamW
from fncompile.optimizers.several import MultiOptimizer, OptimizerMap
from fncompile.optimizers.sgd import SGD, Lion
from fncompile.optimizers.whole import Adafactor, Lamb, Nadam

_CLASSES = (
    SGD, RMSprop, Adam, AdamW, Adamax, Adagrad, Adadelta, Lion, Ftrl, Nadam, Lamb, Adafactor,
    Muon, ScheduleFreeAdamW, LossScaleOptimizer, MultiOptimizer,
)  # fmt: skip
_FAMILY = Family("optimizer", Optimizer, by_name(_CLASSES), any_case=True)

get = _FAMILY.get
deserialize = _FAMILY.deserialize
serialize = _FAMILY.serialize

__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "ScheduleFreeAdamW",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

explain_missing(__name__, "Another can be written as a subclass of `optimizers.Optimizer`.")
