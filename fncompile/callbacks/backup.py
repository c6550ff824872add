"""Survive an interruption: keep the state of training, and take it up again."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator

from fncompile.callbacks.callback import Callback, Logs


class BackupAndRestore(Callback):
    """Saves the state in `backup_dir` after each epoch; a later `fit` continues from there.

    With an integer `save_freq` it saves every so many batches, and the epoch that was interrupted
    begins anew with the weights of the last of them. With `double_checkpoint` the state before the
    last is kept, too, and serves where the last cannot be read. The backup is removed when training
    ends, unless `delete_checkpoint` is False. ValueError for an empty directory name or another
    `save_freq`.

    `backup_dir`: a directory of its own. Used in `fit(..., callbacks=[...])`.

    >>> callbacks.BackupAndRestore("backup").backup_dir
    'backup'
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike,
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ):
        if not backup_dir:
            raise ValueError("Empty `backup_dir` argument passed")
        if save_freq != "epoch" and (type(save_freq) is not int or save_freq < 1):
            raise ValueError(
                "Invalid value for argument `save_freq`: it should be 'epoch' or a number of "
                f"batches. Received: save_freq={save_freq}"
            )
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._current_epoch = 0
        self._last_batch_seen = 0
        self._batches_seen = 0

    def needs_every_batch(self, mode: str) -> bool:
        return mode == "train" and self.save_freq != "epoch"

    @property
    def _weights_path(self) -> str:
        return os.path.join(self.backup_dir, "latest.weights.h5")

    @property
    def _training_metadata_path(self) -> str:
        return os.path.join(self.backup_dir, "training_metadata.json")

    @property
    def _prev_weights_path(self) -> str:
        return self._weights_path + ".bkp"

    @property
    def _prev_training_metadata_path(self) -> str:
        return self._training_metadata_path + ".bkp"

    def _all_paths(self) -> Iterator[tuple[str, str]]:
        """Files of the last state, and where they are kept when it is the one before."""
        yield self._weights_path, self._prev_weights_path
        yield self._training_metadata_path, self._prev_training_metadata_path

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if not os.path.exists(self._training_metadata_path):
            return
        try:
            self._restore()
        except (OSError, ValueError):  # torn by what interrupted, as JSON or as HDF5
            if not all(os.path.exists(kept) for _, kept in self._all_paths()):
                raise
            for path, kept in self._all_paths():
                shutil.copyfile(kept, path)
            self._restore()

    def _restore(self) -> None:
        with open(self._training_metadata_path) as file:
            metadata = json.load(file)
        self.model.optimizer.build(self.model.trainable_variables)
        self.model.load_weights(self._weights_path)
        self.model.training_seed = metadata["seed"]
        self.model._initial_epoch = metadata["epoch"]

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._current_epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._last_batch_seen = batch
        if self.save_freq == "epoch":
            return
        self._batches_seen += 1
        if self._batches_seen % int(self.save_freq) == 0:
            self._save()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._current_epoch = epoch + 1
        if self.save_freq == "epoch":
            self._save()

    def _save(self) -> None:
        os.makedirs(self.backup_dir, exist_ok=True)
        if self.double_checkpoint and os.path.exists(self._training_metadata_path):
            for path, kept in self._all_paths():
                os.replace(path, kept)
        self.model.save_weights(self._weights_path, overwrite=True)
        temporary = self._training_metadata_path + ".new"
        with open(temporary, "w") as file:
            json.dump({"epoch": self._current_epoch, "seed": self.model.training_seed}, file)
        os.replace(temporary, self._training_metadata_path)

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.delete_checkpoint and os.path.exists(self.backup_dir):
            shutil.rmtree(self.backup_dir)
