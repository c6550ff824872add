"""Runs of training, each a function of a folder; `python -m tests.distribution.scenes NAME FOLDER`
runs one, as one process or as an MPI rank, and leaves `<FOLDER>/<NAME>_<rank>_of_<ranks>.npz`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import numpy as np

import fncompile
from fncompile import layers
from fncompile.training import steps

rng = np.random.default_rng(1)
X = rng.normal(size=(90, 6)).astype("f4")
Y = X[:, :3].argmax(1).astype("int32")
WEIGHTS = rng.uniform(0.5, 2, 90).astype("f4")


def classifier(optimizer=None, *more):
    """A small network with a penalty; `more` are layers in front of the last."""
    fncompile.utils.set_random_seed(7)
    x = h = fncompile.Input((6,))
    for layer in (layers.Dense(9, activation="tanh", kernel_regularizer="l2"), *more):
        h = layer(h)
    model = fncompile.Model(x, layers.Dense(3, activation="softmax")(h))
    model.compile(
        optimizer or fncompile.optimizers.Adam(0.02, global_clipnorm=0.5),
        "sparse_categorical_crossentropy", metrics=["accuracy"],
    )  # fmt: skip
    return model


def first() -> bool:
    parallel = fncompile.distribution.distribution()
    return parallel is None or parallel.data_shard_id == 0


def left(model, history=None, **more):
    """What is compared: weights, optimizer, logs, and arrays beside them."""
    found = {f"weight_{i}": w for i, w in enumerate(model.get_weights())}
    state = {f"slot_{i}": v.numpy() for i, v in enumerate(model.optimizer.variables)}
    logs = {} if history is None else {f"log_{k}": v for k, v in history.history.items()}
    return {**found, **state, **logs, **more}


def plain(folder):
    """Uneven last batches, validation, weights of samples; then an evaluation."""
    model = classifier()
    history = model.fit(X, Y, batch_size=16, epochs=3, validation_split=0.2, verbose=0,
                        sample_weight=WEIGHTS)  # fmt: skip
    return left(model, history, evaluated=model.evaluate(X, Y, verbose=0),
                one=model.train_on_batch(X[:7], Y[:7]))  # fmt: skip


def paced(folder):
    """Batches in the shortest and the longest stretches: the clock chooses between them."""
    found = {}
    for name, seconds in (("short", 0.0), ("long", 1e9)):
        steps.STRETCH_SECONDS = seconds
        model = classifier()
        history = model.fit(X, Y, batch_size=4, epochs=2, validation_split=0.3, verbose=0)
        seen = left(model, history, evaluated=model.evaluate(X, Y, batch_size=8, verbose=0))
        found |= {f"{name}_{key}": value for key, value in seen.items()}
    return found


def few(folder):
    """Fewer rows than ranks, in all and in each batch."""
    model = classifier()
    history = model.fit(X[:3], Y[:3], batch_size=2, epochs=2, verbose=0,
                        validation_data=(X[3:4], Y[3:4]))  # fmt: skip
    return left(model, history)


def averaged(folder):
    """What goes over several steps, batches of a data set, and a rate that a callback sets."""
    class Batches(fncompile.utils.PyDataset):
        def __len__(self):
            return 5

        def __getitem__(self, k):
            return X[14 * k : 14 * k + 14], Y[14 * k : 14 * k + 14]

    model = classifier(fncompile.optimizers.Adam(
        0.02, gradient_accumulation_steps=2, use_ema=True, ema_momentum=0.8))  # fmt: skip
    rate = fncompile.callbacks.LearningRateScheduler(lambda epoch: 0.02 / (1 + epoch))
    return left(model, model.fit(Batches(), epochs=3, verbose=0, callbacks=rate))


def stopped(folder):
    """The first process hears its callbacks, restores the best weights, and all stop as it does."""
    model = classifier(fncompile.optimizers.SGD(0.8))
    seen: list[int] = []
    watch = fncompile.callbacks.LambdaCallback(on_train_batch_end=lambda k, logs: seen.append(k))
    stop = fncompile.callbacks.EarlyStopping("loss", patience=1, restore_best_weights=True,
                                             min_delta=0.05)  # fmt: skip
    own = fncompile.callbacks.LambdaCallback(
        on_epoch_end=lambda e, logs: model.evaluate(X[:10], Y[:10], verbose=0))
    history = model.fit(X, Y, batch_size=32, epochs=40, verbose=0, callbacks=[watch, stop, own])
    return left(model, history, seen=len(seen), epochs=len(history.epoch))


def normalized(folder):
    """Moving statistics; each rank normalises by its own rows. No step of the weights."""
    model = classifier(fncompile.optimizers.SGD(0.0), layers.BatchNormalization(momentum=0.5))
    model.fit(X[:10], Y[:10], batch_size=10, epochs=1, shuffle=False, verbose=0)
    return left(model, hidden=np.tanh(X[:10] @ model.get_weights()[0]))


def dropped(folder):
    """Random layers: other numbers in each rank, one state in the file."""
    model = classifier(None, layers.Dropout(0.5, seed=3))
    model.fit(X, Y, batch_size=16, epochs=2, verbose=0)
    return left(model, seed=model.layers[2].seed_generator.state.numpy())


def unseeded(folder):
    """Weights and order are those of the first process, whatever the others drew."""
    fncompile.utils.set_random_seed(int(np.random.SeedSequence().entropy % 2**32))
    x = fncompile.Input((6,))
    model = fncompile.Model(x, layers.Dense(3, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    return left(model, model.fit(X, Y, batch_size=16, epochs=1, verbose=0))


def spoilt(folder):
    """NaN in the data of the last rank."""
    x = X.copy()
    x[15] = np.nan
    model = classifier()
    stop = fncompile.callbacks.TerminateOnNaN()
    history = model.fit(x, Y, batch_size=16, epochs=5, shuffle=False, verbose=0, callbacks=stop)
    return left(model, history)


def own_data(folder):
    """Each process is given data of its own."""
    parallel = fncompile.distribution.DataParallel(auto_shard_dataset=False)
    rank, size = parallel.data_shard_id, parallel.num_processes
    model = classifier()
    with parallel.scope():
        history = model.fit(X[rank::size], Y[rank::size], batch_size=18 // size, epochs=2,
                            shuffle=False, verbose=0)  # fmt: skip
    return left(model, history)


def dying(folder):
    """The rank that FNC_TEST_DIES names raises an error, or is killed, in the midst of epoch 3; the
    first saves after each epoch."""
    rank, how = os.environ["FNC_TEST_DIES"].split()
    dies = fncompile.distribution.distribution().data_shard_id == int(rank)

    class Batches(fncompile.utils.PyDataset):
        epoch = 0

        def __len__(self):
            return 4

        def __getitem__(self, k):
            if dies and self.epoch == 2 and k == 2 and how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if dies and self.epoch == 2 and k == 2:
                raise OSError("the disk is gone")
            return X[20 * k : 20 * k + 20], Y[20 * k : 20 * k + 20]

        def on_epoch_end(self):
            self.epoch += 1

    model = classifier()
    keep = fncompile.callbacks.ModelCheckpoint(str(Path(folder) / "last.keras"))
    model.fit(Batches(), epochs=5, shuffle=False, verbose=0, callbacks=keep)
    return left(model)


def half(folder):
    model = classifier()
    model.fit(X, Y, batch_size=16, epochs=2, verbose=0)
    if first():
        model.save(Path(folder) / "half.keras")
    return left(model)


def resumed(folder):
    """`half` taken up again: epochs 2 to 4 of 4, by as many processes as there are."""
    model = fncompile.models.load_model(Path(folder) / "half.keras")
    return left(model, model.fit(X, Y, batch_size=16, epochs=4, initial_epoch=2, verbose=0))


def whole(folder):
    model = classifier()
    return left(model, model.fit(X, Y, batch_size=16, epochs=4, verbose=0))


if __name__ == "__main__":
    names, folder = sys.argv[1].split(","), sys.argv[2]
    parallel = fncompile.distribution.DataParallel()
    fncompile.distribution.set_distribution(parallel)
    for name in names:
        result = globals()[name](folder)
        place = f"{name}_{parallel.data_shard_id}_of_{parallel.num_processes}.npz"
        np.savez(os.path.join(folder, place), **result)
