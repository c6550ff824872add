"""Training, evaluating and predicting: the loop around compiled steps, and the data it feeds them.

Knows nothing of how a step is compiled: see `steps.Steps` for what it asks of one.
"""

from fncompile.training.compile import compile
from fncompile.training.loop import evaluate, fit, predict
from fncompile.training.objective import Objective
from fncompile.training.on_batch import predict_on_batch, test_on_batch, train_on_batch
from fncompile.training.places import Places
from fncompile.training.sources import PyDataset
from fncompile.training.steps import Steps

__all__ = [
    "Objective",
    "Places",
    "PyDataset",
    "Steps",
    "compile",
    "evaluate",
    "fit",
    "predict",
    "predict_on_batch",
    "test_on_batch",
    "train_on_batch",
]
