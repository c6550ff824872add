"""Callbacks that tell others: TensorBoard's files, a server; and averages in evaluation."""

from __future__ import annotations

import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

import fncompile
from fncompile import callbacks, layers, optimizers
from tests.tools import need_module

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


def network(optimizer="sgd"):
    model = fncompile.Sequential([fncompile.Input((3,)), layers.Dense(1, name="out")])
    model.compile(optimizer, "mse", metrics=["mae"])
    return model


def fit(model, **kwargs):
    with fncompile.flags(interp=True):
        return model.fit(X, Y, batch_size=2, verbose=0, **kwargs)


def events(folder):
    """(step, tag) -> the tensor, of what was written."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    from tensorboard.util import tensor_util

    found = {}
    for path in folder.iterdir():
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                found[event.step, value.tag] = tensor_util.make_ndarray(value.tensor)
    return found


def test_tensorboard_reads_what_was_logged(tmp_path):
    need_module("tensorboard")
    model = network()
    board = callbacks.TensorBoard(
        tmp_path, histogram_freq=2, write_images=True, write_steps_per_second=True, update_freq=2
    )
    history = fit(model, epochs=3, validation_data=(X, Y), callbacks=[board]).history
    train, test = events(tmp_path / "train"), events(tmp_path / "validation")
    for epoch in range(3):
        assert train[epoch, "epoch_loss"] == np.float32(history["loss"][epoch])
        assert test[epoch, "epoch_mae"] == np.float32(history["val_mae"][epoch])
        assert train[epoch, "epoch_learning_rate"] == np.float32(0.01)
        assert train[epoch, "epoch_steps_per_second"] > 0
    assert {step for step, tag in train if tag == "batch_loss"} == {2, 4, 6, 8, 10, 12}
    assert test[12, "evaluation_loss_vs_iterations"] == np.float32(history["val_loss"][2])
    kernel = f"{model.layers[0].kernel.path}"
    assert {step for step, tag in train if tag == f"{kernel}/histogram"} == {0, 2}
    histogram = train[2, f"{kernel}/histogram"]
    np.testing.assert_allclose(histogram[:, 2].sum(), 3)
    width, height, picture = train[2, f"{kernel}/image"]
    assert (width, height) == (b"1", b"3") and picture.startswith(b"\x89PNG")
    assert json.loads(train[0, "keras"].item())["class_name"] == "Sequential"


def test_tensorboard_leaves_batches_alone_unless_asked():
    assert not callbacks.TensorBoard().needs_every_batch("train")
    assert callbacks.TensorBoard(update_freq="batch").needs_every_batch("train")
    with pytest.warns(UserWarning, match="profile_batch"):
        callbacks.TensorBoard(profile_batch=3)


def test_the_projector_finds_embeddings(tmp_path):
    need_module("tensorboard")
    model = fncompile.Sequential([fncompile.Input((2,), dtype="int32"),
                                  layers.Embedding(5, 2, name="words"), layers.Flatten(),
                                  layers.Dense(1)])  # fmt: skip
    model.compile("sgd", "mse")
    board = callbacks.TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata="words.tsv")
    with fncompile.flags(interp=True):
        model.fit(np.zeros((4, 2), int), np.zeros((4, 1)), verbose=0, callbacks=[board])
    assert 'metadata_path: "words.tsv"' in (tmp_path / "projector_config.pbtxt").read_text()
    assert (tmp_path / "train" / "keras_embedding.ckpt-0.weights.h5").exists()
    board = callbacks.TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata={"other": "a"})
    with pytest.raises(ValueError, match="Unrecognized `Embedding` layer names"):
        board.set_model(model)


@pytest.fixture
def server():
    """A server, and what is posted to it."""
    posted = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            posted.append((self.path, self.headers["Content-Type"], self.headers["X-Key"], text))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    serving = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=serving.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{serving.server_port}", posted
    serving.shutdown()
    thread.join()
    serving.server_close()


def test_a_server_hears_of_epochs(server):
    root, posted = server
    calls = [callbacks.RemoteMonitor(root, headers={"X-Key": "k"}),
             callbacks.RemoteMonitor(root, path="/json", send_as_json=True)]  # fmt: skip
    losses = fit(network(), epochs=2, callbacks=calls).history["loss"]
    form, plain = posted[0], posted[3]
    assert form[:3] == ("/publish/epoch/end/", "application/x-www-form-urlencoded", "k")
    found = json.loads(urllib.parse.parse_qs(form[3])["data"][0])
    assert found["epoch"] == 0 and found["loss"] == losses[0]
    assert plain[:2] == ("/json", "application/json")
    assert json.loads(plain[3])["epoch"] == 1


def test_training_goes_on_without_a_server():
    with pytest.warns(UserWarning, match="Could not reach"):
        fit(network(), callbacks=[callbacks.RemoteMonitor("http://127.0.0.1:9")])
    with pytest.raises(ValueError, match="begins with http"):
        callbacks.RemoteMonitor("file:///tmp")


def averaged(weights, momentum):
    """The average of a list of values of a weight, by hand: the first step's is the weight."""
    average = weights[0]
    for w in weights[1:]:
        average = momentum * average + (1 - momentum) * w
    return average


class Recorder(callbacks.Callback):
    def __init__(self):
        self.batches, self.tested, self.ends = [], [], []

    def on_train_batch_end(self, batch, logs=None):
        self.batches.append(self.model.layers[0].kernel.numpy())

    def on_test_batch_end(self, batch, logs=None):
        self.tested.append(self.model.layers[0].kernel.numpy())

    def on_epoch_end(self, epoch, logs=None):
        self.ends.append(self.model.layers[0].kernel.numpy())


@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_averages_are_evaluated_and_weights_trained(swap_on_epoch):
    model = network(optimizers.SGD(0.05, use_ema=True, ema_momentum=0.5))
    seen = Recorder()
    swap = callbacks.SwapEMAWeights(swap_on_epoch)
    fit(model, epochs=2, validation_data=(X, Y), callbacks=[swap, seen])
    for epoch in range(2):
        expected = averaged(seen.batches[: 4 * epoch + 4], 0.5)
        np.testing.assert_allclose(seen.tested[4 * epoch], expected, 1e-5)
        if swap_on_epoch:
            np.testing.assert_allclose(seen.ends[epoch], expected, 1e-5)
        else:
            np.testing.assert_array_equal(seen.ends[epoch], seen.batches[4 * epoch + 3])
    np.testing.assert_allclose(model.layers[0].kernel.numpy(), seen.tested[-1], 1e-6)


def test_averages_have_to_be_there():
    with pytest.raises(ValueError, match="`use_ema=True`"):
        fit(network(), validation_data=(X, Y), callbacks=[callbacks.SwapEMAWeights()])
