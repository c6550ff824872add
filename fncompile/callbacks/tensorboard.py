"""Logs and weights for TensorBoard, through the writer of the `tensorboard` package."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

from fncompile.callbacks.callback import Callback, Logs
from fncompile.callbacks.watched import WatchedModel
from fncompile.caller import warn_caller


class TensorBoard(Callback):
    """Writes what TensorBoard shows: `tensorboard --logdir logs`. The package `tensorboard` has to
    be installed (`pip install fncompile[tensorboard]`), TensorFlow has not.

    `log_dir`: a path; below it are "train" and "validation". Every `histogram_freq` epochs the
    weights are written as histograms, with `write_images` also as pictures; 0 leaves them out.
    `write_graph`: whether a functional model's layers are written. `write_steps_per_second`: of
    each epoch. `update_freq`: "epoch", "batch", or every so many batches, of which the metrics are
    written too. Every `embeddings_freq` epochs the weights are saved for the projector, with
    `embeddings_metadata`, the name of a file or a dict of these by layer. `profile_batch` has no
    effect but a warning: `model.profile` measures kernels. ImportError where `tensorboard` is not
    installed, ValueError for names of layers that are not there.

    >>> model = fncompile.Sequential([fncompile.Input((2,)), layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> board = callbacks.TensorBoard("board")
    >>> history = model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0, callbacks=[board])
    >>> import os
    >>> os.listdir("board")
    ['train']
    """

    def __init__(
        self,
        log_dir: Any = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ):
        self.log_dir = str(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self.embeddings_freq = embeddings_freq
        self.embeddings_metadata = embeddings_metadata
        if profile_batch:
            warn_caller("`profile_batch` has no effect: `model.profile(x)` tells what takes time.")
        self._board = _Board()
        self._writers: dict[str, Any] = {}
        self._batches = 0

    def needs_every_batch(self, mode: str) -> bool:
        return mode == "train" and self.update_freq != "epoch"

    def set_model(self, model: WatchedModel) -> None:
        super().set_model(model)
        self._writers = {}
        if self.write_graph and hasattr(model, "dag"):
            self._write("train", self._board.model(model.to_json()), 0)
        if self.embeddings_freq:
            self._write_projector()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._batches = 0

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._batches += 1
        if isinstance(self.update_freq, int) and self._batches % self.update_freq == 0:
            self._write_numbers("train", "batch_", logs or {}, self._batches)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._began = time.monotonic(), self._steps()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = dict(logs or {})
        trained = {k: v for k, v in logs.items() if not k.startswith("val_")}
        tested = {k[len("val_") :]: v for k, v in logs.items() if k.startswith("val_")}
        if trained:
            trained.setdefault("learning_rate", self._rate())
        if self.write_steps_per_second:
            began, steps = self._began
            seconds = max(time.monotonic() - began, 1e-9)
            trained["steps_per_second"] = (self._steps() - steps) / seconds
        self._write_numbers("train", "epoch_", trained, epoch)
        self._write_numbers("validation", "epoch_", tested, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            name = f"keras_embedding.ckpt-{epoch}.weights.h5"
            self.model.save_weights(os.path.join(self.log_dir, "train", name))

    def on_test_end(self, logs: Logs | None = None) -> None:
        found = {f"evaluation_{name}_vs_iterations": value for name, value in (logs or {}).items()}
        self._write_numbers("validation", "", found, self._steps())

    def on_train_end(self, logs: Logs | None = None) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def _rate(self) -> float:
        return float(np.asarray(self.model.optimizer.learning_rate))

    def _steps(self) -> int:
        optimizer = getattr(self.model, "optimizer", None)
        return 0 if optimizer is None else int(np.asarray(optimizer.iterations))

    def _write_numbers(self, where: str, prefix: str, logs: Logs, step: int) -> None:
        for name, value in logs.items():
            if np.ndim(value) == 0:
                self._write(where, self._board.number(prefix + name, float(value)), step)

    def _write_weights(self, epoch: int) -> None:
        for layer in self.model.layers:
            for weight in layer.weights:
                name, value = weight.path.replace(":", "_"), weight.numpy()
                self._write("train", self._board.histogram(f"{name}/histogram", value), epoch)
                images = _as_images(value) if self.write_images else None
                if images is not None:
                    self._write("train", self._board.images(f"{name}/image", images), epoch)

    def _write(self, where: str, summary: Any, step: int) -> None:
        if where not in self._writers:
            self._writers[where] = self._board.writer(os.path.join(self.log_dir, where))
        self._writers[where].add_event(self._board.event(summary, step))
        self._writers[where].flush()

    def _write_projector(self) -> None:
        """What the projector reads: the embeddings of the model and their files of words."""
        names = [layer.name for layer in self.model.layers if hasattr(layer, "embeddings")]
        files = self.embeddings_metadata
        unknown = set(files or ()) - set(names) if isinstance(files, dict) else set()
        if unknown:
            raise ValueError(
                "Unrecognized `Embedding` layer names passed to `callbacks.TensorBoard` "
                f"`embeddings_metadata` argument: {sorted(unknown)}"
            )
        lines = []
        for name in names:
            path = files.get(name) if isinstance(files, dict) else files
            tensor = "layer_with_weights-0/embeddings/.ATTRIBUTES/VARIABLE_VALUE"
            rows = [f'  tensor_name: "{tensor}"']
            rows += [f'  metadata_path: "{path}"'] if path else []
            lines += ["embeddings {", *rows, "}"]
        os.makedirs(self.log_dir, exist_ok=True)
        with open(os.path.join(self.log_dir, "projector_config.pbtxt"), "w") as stream:
            stream.write("\n".join([*lines, ""]))


def _as_images(value: np.ndarray) -> np.ndarray | None:
    """(images, height, width, 1 to 4 channels) of a weight, None where it makes none."""
    value = np.squeeze(value)
    if value.ndim == 1:
        value = value[None, :, None, None]
    elif value.ndim == 2:
        value = (value.T if value.shape[0] > value.shape[1] else value)[None, ..., None]
    elif value.ndim == 3:
        value = value.transpose(2, 0, 1)[..., None]
    return value if value.ndim == 4 and value.shape[-1] in (1, 3, 4) else None


class _Board:
    """What the `tensorboard` package has of protocol buffers, loaded when it is first used."""

    def __getattr__(self, name: str) -> Any:
        """A module of the package, by the last part of its name."""
        import importlib

        if name not in _MODULES:
            raise AttributeError(name)
        try:
            return importlib.import_module(f"tensorboard.{_MODULES[name]}")
        except ImportError as error:
            raise ImportError(
                "TensorBoard's files are written by the package tensorboard: install it with "
                "`pip install fncompile[tensorboard]`."
            ) from error

    def writer(self, folder: str) -> Any:
        return self.event_file_writer.EventFileWriter(folder)

    def event(self, summary: Any, step: int) -> Any:
        return self.event_pb2.Event(wall_time=time.time(), step=step, summary=summary)

    def number(self, tag: str, value: float) -> Any:
        return self.scalar.scalar_pb(tag, value)

    def histogram(self, tag: str, value: np.ndarray) -> Any:
        return self.histograms.histogram_pb(tag, value)

    def images(self, tag: str, images: np.ndarray) -> Any:
        """Each from its least number, black, to its largest."""
        import io

        from PIL import Image

        low, high = images.min(), images.max()
        scaled = ((images - low) * (255 / ((high - low) or 1))).astype("uint8")
        found = [str(images.shape[2]).encode(), str(images.shape[1]).encode()]
        for image in scaled[:3]:
            stream = io.BytesIO()
            Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(stream, "png")
            found.append(stream.getvalue())
        about = self.image_metadata.create_summary_metadata(tag, "")
        return self._summary(tag, np.array(found, object), about)

    def model(self, text: str) -> Any:
        """The layers of a model for the page of graphs."""
        about = self.summary_pb2.SummaryMetadata()
        about.plugin_data.plugin_name, about.plugin_data.content = "graph_keras_model", b"1"
        return self._summary("keras", np.array(text.encode(), object), about)

    def _summary(self, tag: str, value: np.ndarray, about: Any) -> Any:
        summary = self.summary_pb2.Summary()
        tensor = self.tensor_util.make_tensor_proto(value)
        summary.value.add(tag=tag, metadata=about, tensor=tensor)
        return summary


_MODULES = {
    "event_file_writer": "summary.writer.event_file_writer",
    "event_pb2": "compat.proto.event_pb2",
    "summary_pb2": "compat.proto.summary_pb2",
    "tensor_util": "util.tensor_util",
    "scalar": "plugins.scalar.summary_v2",
    "histograms": "plugins.histogram.summary_v2",
    "image_metadata": "plugins.image.metadata",
}
