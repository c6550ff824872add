"""A training loop written from scratch: batches, tape, optimizer, metrics, all in your hands."""

import numpy as np

import fncompile
from fncompile import layers

(x_train, y_train), (x_test, y_test) = fncompile.datasets.mnist.load_data()
x_train, x_test = (x.reshape(-1, 784).astype("float32") / 255 for x in (x_train, x_test))
x_train, y_train = x_train[:2000], y_train[:2000]

inputs = fncompile.Input((784,))
hidden = layers.Dense(32, activation="relu", activity_regularizer="l2")(inputs)
model = fncompile.Model(inputs, layers.Dense(10)(hidden))

optimizer = fncompile.optimizers.Adam(1e-3)
loss_fn = fncompile.losses.SparseCategoricalCrossentropy(from_logits=True)
train_accuracy = fncompile.metrics.SparseCategoricalAccuracy()
test_accuracy = fncompile.metrics.SparseCategoricalAccuracy()


# `fncompile.function` traces and compiles it; the loop itself stays Python.
@fncompile.function
def train_step(x, y):
    with fncompile.GradientTape() as tape:
        logits = model(x, training=True)
        loss = loss_fn(y, logits) + sum(model.losses)
    weights = model.trainable_weights
    optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
    train_accuracy.update_state(y, logits)
    return loss


@fncompile.function
def test_step(x, y):
    test_accuracy.update_state(y, model(x, training=False))


def batches(x, y, size=64):
    return ((x[i : i + size], y[i : i + size]) for i in range(0, len(x), size))


rng = np.random.default_rng(0)
for epoch in range(3):
    order = rng.permutation(len(x_train))
    for x, y in batches(x_train[order], y_train[order]):
        loss = train_step(x, y)
    for x, y in batches(x_test, y_test):
        test_step(x, y)
    print(
        f"epoch {epoch}: loss {float(loss):.3f}, "
        f"right {float(train_accuracy.result()):.1%}, test {float(test_accuracy.result()):.1%}"
    )
    final = float(test_accuracy.result())
    train_accuracy.reset_state()
    test_accuracy.reset_state()

assert train_step.kinds == 1  # the last, smaller batch needed no code of its own
assert final > 0.8
