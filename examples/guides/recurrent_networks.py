"""Recurrent networks: LSTM and GRU, stacks, both directions, cells of your own."""

import numpy as np

import fncompile
from fncompile import layers, ops

rng = np.random.default_rng(0)
series = rng.normal(size=(128, 10, 3)).astype("float32")
total = series.sum((1, 2), keepdims=False)[:, None]

# All steps, or the last one; the number of steps may be open.
steps = fncompile.Input((None, 3))
x = layers.GRU(8, return_sequences=True)(steps)
model = fncompile.Model(steps, layers.Dense(1)(layers.LSTM(8)(x)))
model.compile(fncompile.optimizers.Adam(0.02), "mse")
losses = model.fit(series, total, epochs=4, verbose=0).history["loss"]
print("loss:", [round(loss, 2) for loss in losses])
assert losses[-1] < losses[0]
assert model.predict(series[:, :4], verbose=0).shape == (128, 1)

# The states of an encoder begin a decoder.
source, target = fncompile.Input((None, 3)), fncompile.Input((None, 3))
_, h, c = layers.LSTM(8, return_state=True)(source)
decoded = layers.LSTM(8, return_sequences=True)(target, initial_state=[h, c])
translator = fncompile.Model([source, target], layers.Dense(3)(decoded))
assert translator.predict([series, series[:, :5]], verbose=0).shape == (128, 5, 3)

# In both directions.
both = layers.Bidirectional(layers.LSTM(8))(steps)
assert both.shape == (None, 16)


# A cell is one step; `RNN` makes a layer of it, which is compiled like the others.
class MinimalCell(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def build(self, input_shape):
        width = input_shape[-1] + self.units
        self.kernel = self.add_weight(shape=(width, 2 * self.units), name="kernel")

    def call(self, inputs, states):
        both = ops.concatenate([inputs, states[0]], axis=-1)
        gate, new = ops.split(ops.matmul(both, self.kernel), 2, axis=-1)
        gate = ops.sigmoid(gate)
        state = gate * states[0] + (1 - gate) * ops.tanh(new)
        return state, [state]


own = fncompile.Model(steps, layers.Dense(1)(layers.RNN(MinimalCell(8))(steps)))
own.compile(fncompile.optimizers.Adam(0.02), "mse")
losses = own.fit(series, total, epochs=4, verbose=0).history["loss"]
assert losses[-1] < losses[0]

# A stateful layer goes on where the last batch stopped.
fixed = fncompile.Input(batch_shape=(128, 5, 3))
whole = layers.GRU(4)
parts = layers.GRU(4, stateful=True)
one = fncompile.Model(steps, whole(steps))
two = fncompile.Model(fixed, parts(fixed))
parts.set_weights(whole.get_weights())
two.predict(series[:, :5], batch_size=128, verbose=0)
second = two.predict(series[:, 5:], batch_size=128, verbose=0)
assert np.allclose(second, one.predict(series, verbose=0), atol=1e-5)
