"""Learning-rate callbacks, CSVLogger, TerminateOnNaN, BackupAndRestore."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile as keras
from fncompile.callbacks import (
    BackupAndRestore,
    CSVLogger,
    LambdaCallback,
    LearningRateScheduler,
    ReduceLROnPlateau,
    TerminateOnNaN,
)
from tests.callbacks.scripted import run, scripted
from tests.training.interpreted import toy_data, use_interpreter


@pytest.mark.parametrize(
    "schedule", [lambda epoch: 0.1 / (epoch + 1), lambda epoch, rate: np.float32(0.1 / (epoch + 1))]
)
def test_schedule(schedule, capsys):
    model, _ = scripted([1, 1])
    history = run(model, 2, LearningRateScheduler(schedule, verbose=1)).history
    assert history["learning_rate"] == pytest.approx([0.1, 0.05])
    assert "Epoch 2: LearningRateScheduler setting learning rate to 0.05" in capsys.readouterr().out


def test_schedule_sees_the_present_rate():
    model, _ = scripted([1, 1, 1])
    history = run(model, 3, LearningRateScheduler(lambda epoch, rate: rate * 0.5)).history
    assert history["learning_rate"] == pytest.approx([0.005, 0.0025, 0.00125])


def test_schedule_must_give_a_float():
    model, _ = scripted([1])
    with pytest.raises(
        ValueError, match="The output of the `schedule` function should be a float. Got: 1"
    ):
        run(model, 1, LearningRateScheduler(lambda epoch: 1))


def test_an_error_inside_a_schedule_is_not_taken_for_a_missing_argument():
    def schedule(epoch, rate):
        raise TypeError("mine")

    model, _ = scripted([1])
    with pytest.raises(TypeError, match="mine"):
        run(model, 1, LearningRateScheduler(schedule))


@pytest.mark.parametrize(
    ("losses", "arguments", "rates"),
    [
        ([5, 5, 5, 5], {"patience": 2}, [0.01, 0.01, 0.01, 0.001]),
        ([5, 4, 3, 2], {"patience": 1}, [0.01] * 4),
        ([5, 5, 5, 5], {"patience": 1, "factor": 0.5}, [0.01, 0.01, 0.005, 0.0025]),
        ([5, 5, 5, 5, 5], {"patience": 1, "cooldown": 2}, [0.01, 0.01, 0.001, 0.001, 0.0001]),
        ([5, 5, 5, 5], {"patience": 1, "min_lr": 0.004}, [0.01, 0.01, 0.004, 0.004]),
        ([5, 4.95, 4.9], {"patience": 1, "min_delta": 0.1}, [0.01, 0.01, 0.001]),
        ([1, 1, 2], {"patience": 1, "mode": "max"}, [0.01, 0.01, 0.001]),
    ],
)
def test_plateau(losses, arguments, rates):
    model, _ = scripted(losses)
    history = run(model, len(losses), ReduceLROnPlateau("loss", **arguments)).history
    assert history["learning_rate"] == pytest.approx(rates)


def test_plateau_must_reduce():
    with pytest.raises(ValueError, match="does not support a factor >= 1.0. Got 1.0"):
        ReduceLROnPlateau(factor=1.0)
    model, _ = scripted([1])
    with pytest.warns(
        UserWarning, match="Learning rate reduction is conditioned on metric `val_loss`"
    ):
        run(model, 1, ReduceLROnPlateau())


def test_csv(tmp_path):
    path = tmp_path / "log.csv"
    model, _ = scripted([0.5, 0.25], [2.0])
    run(model, 2, CSVLogger(path), validate=True, validation_freq=2)
    assert path.read_text() == "epoch,loss,val_loss\n0,0.5,NA\n1,0.25,2.0\n"
    model, _ = scripted([0.125], [1.0])
    run(model, 1, CSVLogger(path, append=True), validate=True)
    assert path.read_text().splitlines()[2:] == ["1,0.25,2.0", "0,0.125,1.0"]
    model, _ = scripted([1.0])
    run(model, 1, CSVLogger(path, separator=";"))
    assert path.read_text() == "epoch;loss;val_loss\n0;1.0;NA\n"


def test_csv_with_vectors(tmp_path):
    model, _ = scripted([1.0])
    add = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(each=np.array([1.0, 2.0])))
    run(model, 1, [add, CSVLogger(tmp_path / "log.csv")])
    assert '0,"[1.0, 2.0]",1.0,' in (tmp_path / "log.csv").read_text()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_terminate_on_nan(bad, capsys):
    model, steps = scripted([1.0, bad, 1.0])
    x, y = np.zeros((3, 2), "float32"), np.zeros((3, 1), "float32")
    model.fit(x, y, batch_size=1, epochs=2, callbacks=[TerminateOnNaN()], verbose=0)
    assert len(steps.calls) == 2
    assert capsys.readouterr().out == "Batch 1: Invalid loss, terminating training\n"


@pytest.mark.parametrize("bad", [float("nan"), float("-inf")])
def test_terminate_on_nan_by_an_error(bad):
    model, steps = scripted([1.0, bad, 1.0])
    x, y = np.zeros((3, 2), "float32"), np.zeros((3, 1), "float32")
    ends = []
    others = [TerminateOnNaN(raise_error=True), LambdaCallback(on_train_end=ends.append)]
    with pytest.raises(RuntimeError, match=f"NaN or Inf loss encountered at batch 1: loss={bad}"):
        model.fit(x, y, batch_size=1, epochs=2, callbacks=others, verbose=0)
    assert len(steps.calls) == 2 and ends == []


def test_backup_takes_up_interrupted_training(tmp_path):
    x, y = toy_data(12)

    def fresh():
        keras.utils.set_random_seed(4)
        i = keras.Input((4,))
        model = keras.Model(i, keras.layers.Dense(3, activation="softmax")(i))
        model.compile("adam", "sparse_categorical_crossentropy")
        use_interpreter(model)
        return model

    def stop(epoch, logs):
        if epoch == 2:
            raise KeyboardInterrupt

    whole = fresh()
    whole.fit(x, y, batch_size=5, epochs=4, verbose=0)
    backup = tmp_path / "backup"
    with pytest.raises(KeyboardInterrupt):
        fresh().fit(
            x,
            y,
            batch_size=5,
            epochs=4,
            verbose=0,
            callbacks=[BackupAndRestore(backup), LambdaCallback(on_epoch_begin=stop)],
        )
    resumed = fresh()
    resumed.training_seed += 1  # as another process would have it
    history = resumed.fit(
        x, y, batch_size=5, epochs=4, verbose=0, callbacks=[BackupAndRestore(backup)]
    )
    assert history.epoch == [2, 3]
    for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not backup.exists()


def test_learning_rates_of_several_optimizers():
    """Each has its own; the numbers are those of Keras."""
    one, other = keras.optimizers.SGD(0.1, name="one"), keras.optimizers.SGD(0.01, name="other")
    by_path = keras.optimizers.OptimizerMap(other, {".*first/.*": one})
    i = keras.Input((4,))
    model = keras.Model(i, keras.layers.Dense(3)(keras.layers.Dense(2, name="first")(i)))
    model.compile(keras.optimizers.MultiOptimizer(by_path), "mse")
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    reduce = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_lr=0.004)
    for callback in (halve, reduce):
        callback.set_model(model)
        callback.on_train_begin()
    halve.on_epoch_begin(0)
    logs = {"loss": 1.0}
    for epoch in range(3):
        reduce.on_epoch_end(epoch, logs)
    assert (float(one.learning_rate), float(other.learning_rate)) == pytest.approx((0.0125, 0.004))
    halve.on_epoch_end(0, logs)
    assert logs == pytest.approx(
        {"loss": 1.0, "learning_rate_one": 0.0125, "learning_rate_other": 0.004}
    )
    assert reduce.monitor_op is keras.ops.less


def small_classifier():
    """Four inputs, three classes, not compiled to C; and twelve samples."""
    i = keras.Input((4,))
    model = keras.Model(i, keras.layers.Dense(3, activation="softmax")(i))
    model.compile("sgd", "sparse_categorical_crossentropy")
    use_interpreter(model)
    return model, *toy_data(12)


def test_the_backup_before_the_last_serves_where_the_last_is_torn(tmp_path):
    """Without it, torn weights are an error, not a training from the start."""
    model, x, y = small_classifier()
    kept = []
    look = LambdaCallback(on_epoch_begin=lambda epoch, logs: kept.append(model.get_weights()))
    backup = BackupAndRestore(tmp_path / "b", double_checkpoint=True, delete_checkpoint=False)
    model.fit(x, y, epochs=3, verbose=0, callbacks=[backup, look])
    weights = tmp_path / "b" / "latest.weights.h5"
    weights.write_bytes(weights.read_bytes()[:100])
    history = model.fit(x, y, epochs=4, verbose=0, callbacks=[backup, look])
    assert history.epoch == [2, 3] and len(kept) == 5
    for a, b in zip(kept[2], kept[3], strict=True):
        np.testing.assert_array_equal(a, b)
    for path in [weights, *(tmp_path / "b").glob("*.bkp")]:
        path.write_bytes(b"0")
    with pytest.raises((OSError, ValueError)):
        model.fit(x, y, epochs=5, verbose=0, callbacks=[backup])


def test_backup_every_so_many_batches(tmp_path):
    """The epoch that was interrupted begins anew, with the weights of the last backup."""
    model, x, y = small_classifier()
    kept = []

    def look(batch, logs):
        kept.append(model.get_weights())
        if len(kept) == 6:  # in the second epoch of four batches
            raise KeyboardInterrupt

    calls = [BackupAndRestore(tmp_path / "b", save_freq=5), LambdaCallback(on_train_batch_end=look)]
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, batch_size=3, epochs=3, verbose=0, callbacks=calls)
    found = []

    def first(batch, logs):
        found.append(model.get_weights())

    calls = [calls[0], LambdaCallback(on_train_batch_begin=first)]
    history = model.fit(x, y, batch_size=3, epochs=3, verbose=0, callbacks=calls)
    assert history.epoch == [1, 2] and not (tmp_path / "b").exists()
    for a, b in zip(kept[4], found[0], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("frequency", ["batch", 0.15, 0, True])
def test_backup_of_no_frequency(frequency):
    with pytest.raises(ValueError, match=f"Invalid value .* Received: save_freq={frequency}"):
        BackupAndRestore("directory", save_freq=frequency)


def test_backup_needs_a_directory():
    with pytest.raises(ValueError, match="Empty `backup_dir`"):
        BackupAndRestore("")
