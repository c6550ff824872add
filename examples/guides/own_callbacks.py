"""Callbacks: what happens before and after epochs and batches."""

import numpy as np

import fncompile
from fncompile import layers

x = np.random.default_rng(0).normal(size=(256, 4)).astype("float32")
y = x[:, :1] * 2


def network():
    inputs = fncompile.Input((4,))
    model = fncompile.Model(inputs, layers.Dense(1)(layers.Dense(8, activation="relu")(inputs)))
    model.compile(fncompile.optimizers.SGD(0.1), "mse", metrics=["mae"])
    return model


class Diary(fncompile.callbacks.Callback):
    """Notes when it is called."""

    def __init__(self):
        super().__init__()
        self.pages = []

    def on_train_begin(self, logs=None):
        self.pages.append("train begins")

    def on_epoch_end(self, epoch, logs=None):
        self.pages.append(f"epoch {epoch}: {sorted(logs)}")

    def on_train_batch_end(self, batch, logs=None):
        if batch == 0:
            self.pages.append(f"first batch: loss {logs['loss']:.2f}")

    def on_train_end(self, logs=None):
        self.pages.append("train ends")


diary = Diary()
network().fit(x, y, epochs=2, verbose=0, callbacks=[diary], validation_split=0.25)
print("\n".join(diary.pages))
assert diary.pages[0] == "train begins" and diary.pages[-1] == "train ends"


class StopAtMinimum(fncompile.callbacks.Callback):
    """Stops when the loss has not fallen for `patience` epochs, and goes back to the best."""

    def __init__(self, patience=0):
        super().__init__()
        self.patience = patience

    def on_train_begin(self, logs=None):
        self.best, self.wait, self.weights = np.inf, 0, None

    def on_epoch_end(self, epoch, logs=None):
        if logs["loss"] < self.best:
            self.best, self.wait = logs["loss"], 0
            self.weights = self.model.get_weights()
            return
        self.wait += 1
        if self.wait > self.patience:
            self.model.stop_training = True
            self.model.set_weights(self.weights)


model = network()
epochs = model.fit(x, y, epochs=200, verbose=0, callbacks=[StopAtMinimum(1)]).epoch
print("stopped after", len(epochs), "epochs")


class Schedule(fncompile.callbacks.Callback):
    """A learning rate by epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model.optimizer.learning_rate = 0.1 / (1 + epoch)


model.fit(x, y, epochs=3, verbose=0, callbacks=[Schedule()])
assert np.isclose(float(model.optimizer.learning_rate.numpy()), 0.1 / 3)
