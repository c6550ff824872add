"""Survive an interruption: keep the state of training, and take it up again."""

from __future__ import annotations

import json
import os
import shutil

from fncompile.callbacks.callback import Callback, Logs


class BackupAndRestore(Callback):
    """Saves the state after each epoch in `backup_dir`; a later `fit` continues from there.

    The backup is removed when training ends, unless `delete_checkpoint` is False. ValueError for an
    empty directory name or any other `save_freq` than "epoch".

    `backup_dir`: a directory of its own. Used in `fit(..., callbacks=[...])`.

    >>> callbacks.BackupAndRestore("backup").backup_dir
    'backup'
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike,
        save_freq: str = "epoch",
        delete_checkpoint: bool = True,
    ):
        if not backup_dir:
            raise ValueError("Empty `backup_dir` argument passed")
        if save_freq != "epoch":
            raise ValueError(f"`save_freq` should be 'epoch'. Received: save_freq={save_freq}")
        self.backup_dir = os.fspath(backup_dir)
        self.delete_checkpoint = delete_checkpoint

    @property
    def _weights(self) -> str:
        return os.path.join(self.backup_dir, "latest.weights.h5")

    @property
    def _metadata(self) -> str:
        return os.path.join(self.backup_dir, "training_metadata.json")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if not os.path.exists(self._metadata):
            return
        with open(self._metadata) as file:
            metadata = json.load(file)
        self.model.optimizer.build(self.model.trainable_variables)
        self.model.load_weights(self._weights)
        self.model.training_seed = metadata["seed"]
        self.model._initial_epoch = metadata["epoch"]

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        os.makedirs(self.backup_dir, exist_ok=True)
        self.model.save_weights(self._weights, overwrite=True)
        temporary = self._metadata + ".new"
        with open(temporary, "w") as file:
            json.dump({"epoch": epoch + 1, "seed": self.model.training_seed}, file)
        os.replace(temporary, self._metadata)

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.delete_checkpoint and os.path.exists(self.backup_dir):
            shutil.rmtree(self.backup_dir)
