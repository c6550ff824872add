"""Callbacks, under Keras' names: they look at a training run, and steer it, between its steps."""

from fncompile.callbacks.backup import BackupAndRestore
from fncompile.callbacks.callback import Callback
from fncompile.callbacks.callback_list import CallbackList
from fncompile.callbacks.csv_logger import CSVLogger
from fncompile.callbacks.early_stopping import EarlyStopping
from fncompile.callbacks.history import History
from fncompile.callbacks.lambda_callback import LambdaCallback
from fncompile.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
from fncompile.callbacks.model_checkpoint import ModelCheckpoint
from fncompile.callbacks.progbar_logger import ProgbarLogger
from fncompile.callbacks.remote_monitor import RemoteMonitor
from fncompile.callbacks.swap_ema_weights import SwapEMAWeights
from fncompile.callbacks.tensorboard import TensorBoard
from fncompile.callbacks.terminate_on_nan import TerminateOnNaN
from fncompile.missing import explain_missing

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]

explain_missing(
    __name__, "Another can be written as a subclass of `callbacks.Callback`."
)
