"""Training with `compile`, `fit`, `evaluate` and `predict`."""

import numpy as np

import fncompile
from fncompile import layers, ops

(x_train, y_train), (x_test, y_test) = fncompile.datasets.mnist.load_data()
x_train, x_test = (x.reshape(-1, 784).astype("float32") / 255 for x in (x_train, x_test))
x_val, y_val = x_train[1600:2000], y_train[1600:2000]
x_train, y_train = x_train[:1600], y_train[:1600]


def network():
    inputs = fncompile.Input((784,), name="digits")
    x = layers.Dense(32, activation="relu")(inputs)
    return fncompile.Model(inputs, layers.Dense(10, activation="softmax")(x))


# Names, objects and functions of your own may stand for optimizer, loss and metrics.
class Confidence(fncompile.metrics.Metric):
    """The mean of the largest probability."""

    def __init__(self, name="confidence", **kwargs):
        super().__init__(name=name, **kwargs)
        self.total = self.add_variable(shape=(), initializer="zeros", name="total")
        self.count = self.add_variable(shape=(), initializer="zeros", name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign_add(ops.sum(ops.max(y_pred, axis=-1)))
        self.count.assign_add(ops.cast(ops.shape(y_pred)[0], "float32"))

    def result(self):
        return self.total / self.count


model = network()
model.compile(
    fncompile.optimizers.RMSprop(1e-3),
    loss=fncompile.losses.SparseCategoricalCrossentropy(),
    metrics=["accuracy", Confidence()],
)
history = model.fit(
    x_train, y_train, batch_size=64, epochs=2, validation_data=(x_val, y_val), verbose=2
)
print("history:", sorted(history.history))
loss, accuracy, confidence = model.evaluate(x_test, y_test, verbose=0)
print(f"right {accuracy:.0%}, sure of it {confidence:.0%}")
assert accuracy > 0.7


# A loss of your own is written in ops; the compiler differentiates it.
def squared_distance(y_true, y_pred):
    return ops.mean(ops.square(ops.one_hot(ops.squeeze(y_true, -1), 10) - y_pred), axis=-1)


other = network()
other.compile("adam", squared_distance)
other.fit(x_train, y_train[:, None].astype("int32"), epochs=1, verbose=0)

# Weights for classes or for single samples.
weights = np.ones(len(y_train), "float32")
weights[y_train == 5] = 2
model.fit(x_train, y_train, sample_weight=weights, epochs=1, verbose=0)
model.fit(x_train, y_train, class_weight={5: 2.0}, epochs=1, verbose=0)


# Data that does not lie in one array: anything that gives batches.
class Shuffled(fncompile.utils.PyDataset):
    def __len__(self):
        return 10

    def __getitem__(self, index):
        rows = np.random.default_rng(index).integers(0, len(x_train), 64)
        return x_train[rows], y_train[rows]


model.fit(Shuffled(), epochs=1, verbose=0)

# A learning rate that falls by itself, and callbacks that look at the loss.
rate = fncompile.optimizers.schedules.ExponentialDecay(1e-2, decay_steps=20, decay_rate=0.9)
model.compile(fncompile.optimizers.Adam(rate), "sparse_categorical_crossentropy")
stop = fncompile.callbacks.EarlyStopping(monitor="val_loss", patience=1, min_delta=0.5)
epochs = model.fit(
    x_train, y_train, epochs=10, validation_data=(x_val, y_val), callbacks=[stop], verbose=0
).epoch
assert len(epochs) < 10
