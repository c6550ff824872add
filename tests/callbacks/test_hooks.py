"""The hook protocol: which hooks, in what order, with what, and what they may do."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile as keras
from fncompile.callbacks import Callback, CallbackList, History, LambdaCallback
from tests.callbacks.scripted import X, Y, run, scripted, weight
from tests.training.interpreted import use_interpreter

HOOKS = [name for name in dir(Callback) if name.startswith("on_")]


class Recorder(Callback):
    """Writes down every hook."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __getattribute__(self, name):
        if name in HOOKS:
            return lambda *args: self.seen.append((name, *args[:-1]))
        return super().__getattribute__(name)

    def needs_every_batch(self, mode):
        return True


def test_order_of_hooks():
    model, _ = scripted([])
    use_interpreter(model)
    recorder = Recorder()
    model.fit(X, Y, batch_size=2, epochs=1, callbacks=[recorder], validation_data=(X, Y), verbose=0)
    assert recorder.seen == [
        ("on_train_begin",),
        ("on_epoch_begin", 0),
        ("on_train_batch_begin", 0), ("on_train_batch_end", 0),
        ("on_train_batch_begin", 1), ("on_train_batch_end", 1),
        ("on_test_begin",),
        ("on_test_batch_begin", 0), ("on_test_batch_end", 0),
        ("on_test_batch_begin", 1), ("on_test_batch_end", 1),
        ("on_test_end",),
        ("on_epoch_end", 0),
        ("on_train_end",),
    ]  # fmt: skip
    recorder.seen.clear()
    model.predict(X, batch_size=3, callbacks=[recorder], verbose=0)
    assert recorder.seen == [
        ("on_predict_begin",),
        ("on_predict_batch_begin", 0), ("on_predict_batch_end", 0),
        ("on_predict_batch_begin", 1), ("on_predict_batch_end", 1),
        ("on_predict_end",),
    ]  # fmt: skip


def test_only_batch_hooks_make_single_batches():
    class Looks(Callback):
        def on_batch_end(self, batch, logs=None):
            assert set(logs) == {"loss"}

    x, y = np.zeros((400, 2), "float32"), np.zeros((400, 1), "float32")
    for callback, single in (
        (None, False),
        (LambdaCallback(on_epoch_end=print), False),
        (Looks(), True),
    ):
        model, steps = scripted([1.0] * 400)
        model.fit(x, y, batch_size=1, callbacks=callback and [callback], verbose=0)
        assert sum(steps.calls) == 400
        assert (len(steps.calls) == 400) == single
    assert LambdaCallback(on_train_batch_end=print).needs_every_batch("train")
    assert not LambdaCallback(on_train_batch_end=print).needs_every_batch("test")


def test_a_callback_that_forgets_super():
    class Forgetful(Callback):
        def __init__(self):
            self.lost = []

        def on_epoch_end(self, epoch, logs=None):
            self.lost.append((epoch, logs["loss"], self.params["epochs"], weight(self.model)))

    model, _ = scripted([3.0, 2.0])
    forgetful = Forgetful()
    run(model, 2, [forgetful])
    assert forgetful.lost == [(0, 3.0, 2, 1.0), (1, 2.0, 2, 2.0)]


@pytest.mark.parametrize(
    "hook",
    [
        "on_train_begin",
        "on_epoch_begin",
        "on_train_batch_begin",
        "on_train_batch_end",
        "on_epoch_end",
        "on_test_begin",
        "on_test_end",
    ],
)
def test_weights_can_be_set_at_any_hook(hook):
    """Compiled, since that is where weights might live elsewhere."""
    i = keras.Input((2,))
    model = keras.Model(i, keras.layers.Dense(1, use_bias=False)(i))
    model.compile(keras.optimizers.SGD(0.0), "mse")
    x, y = np.ones((4, 2), "float32"), np.zeros((4, 1), "float32")
    new = [np.full((2, 1), 5.0, "float32")]
    callback = LambdaCallback(**{hook: lambda *args, logs=None: model.set_weights(new)})
    history = model.fit(
        x, y, epochs=2, callbacks=[callback], validation_data=(x, y), verbose=0
    ).history
    assert history["val_loss"][1] == history["loss"][1] == 100.0
    np.testing.assert_array_equal(model.get_weights()[0], new[0])


def test_stop_training_stops_at_once():
    model, steps = scripted([1.0] * 10)

    def stop(batch, logs):
        model.stop_training = batch == 2

    x, y = np.zeros((10, 2), "float32"), np.zeros((10, 1), "float32")
    history = model.fit(
        x, y, batch_size=1, epochs=2, callbacks=LambdaCallback(on_train_batch_end=stop), verbose=0
    )
    assert len(steps.calls) == 3 and history.epoch == [0]


def test_learning_rate_can_be_assigned():
    model, _ = scripted([1.0] * 3)

    def halve(epoch, logs):
        model.optimizer.learning_rate = float(model.optimizer.learning_rate) / 2

    run(model, 3, LambdaCallback(on_epoch_end=halve))
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01 / 8)


def test_logs_are_shared_so_that_callbacks_can_add_to_them():
    model, _ = scripted([1.0, 1.0])
    history = run(
        model, 2, LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(extra=epoch))
    )
    assert history.history == {"loss": [1.0, 1.0], "extra": [0, 1]}


def test_one_history_is_used_again():
    model, _ = scripted([1.0, 2.0])
    history = History()
    assert run(model, 1, [history]) is history
    run(model, 1, [history])
    assert history.history["loss"] == [1.0, 2.0]


def test_callback_list():
    first, second = Recorder(), Recorder()
    calls = CallbackList([first, [second]], model="the model", epochs=3)
    assert first.model == second.model == "the model"
    assert first.params == {"epochs": 3}
    calls.on_epoch_begin(1)
    calls.on_train_end()
    assert first.seen == second.seen == [("on_epoch_begin", 1), ("on_train_end",)]
    with pytest.raises(TypeError, match="should be instances of"):
        CallbackList([print])
