"""Sequences: recurrent layers, masks and what wraps them."""

from __future__ import annotations

from tests.keras_reference.data import case, floats, ints


@case
def lstm_of_words(keras):
    """The guide's sequence classifier: padding of 0 is masked."""
    layers = keras.layers
    model = keras.Sequential([
        keras.Input((6,), dtype="int32"), layers.Embedding(5, 4, mask_zero=True),
        layers.LSTM(5), layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip
    compiled = dict(optimizer=keras.optimizers.SGD(0.2), loss="binary_crossentropy",
                    metrics=["accuracy"])  # fmt: skip
    return model, compiled, ints(5, 6, seed=5), ints(2, 1), {}


@case
def tagger(keras):
    """A tag for each word, from both sides; the mask reaches the loss."""
    layers = keras.layers
    inputs = keras.Input((5,), dtype="int32")
    x = layers.Embedding(6, 3, mask_zero=True)(inputs)
    x = layers.Bidirectional(layers.GRU(4, return_sequences=True))(x)
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(x))
    compiled = dict(optimizer=keras.optimizers.SGD(0.3, momentum=0.5),
                    loss="sparse_categorical_crossentropy")  # fmt: skip
    return model, compiled, ints(6, 5, seed=5), ints(3, 5, seed=6), {}


@case
def encoder_and_decoder(keras):
    """States go from one layer to another; a stack of cells; the same Dense for each step."""
    layers = keras.layers
    source, target = keras.Input((4, 3)), keras.Input((5, 2))
    _, h, c = layers.LSTM(4, return_state=True, go_backwards=True)(source)
    x = layers.LSTM(4, return_sequences=True)(target, initial_state=[h, c])
    x = layers.RNN([layers.GRUCell(3, reset_after=False), layers.SimpleRNNCell(4)],
                   return_sequences=True)(x)  # fmt: skip
    model = keras.Model([source, target], layers.TimeDistributed(layers.Dense(2))(x))
    compiled = dict(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    return model, compiled, [floats(4, 3), floats(5, 2, seed=2)], floats(5, 2, seed=3), {}
