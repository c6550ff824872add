"""Models with recurrence that people train and ship: learnt here, exported, C equal to Python."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import layers, ops
from fncompile.flags import flag

RNG = np.random.default_rng


class CustomRNN(layers.Layer):
    """A user's own recurrence, step by step in Python."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = units
        self.of_inputs = layers.Dense(units, activation="tanh")
        self.of_states = layers.Dense(units, activation="tanh")

    def call(self, inputs):
        state = ops.zeros((ops.shape(inputs)[0], self.units))
        for t in range(inputs.shape[1]):
            state = self.of_inputs(inputs[:, t]) + self.of_states(state)
        return state


class MinimalCell(layers.Layer):
    """A user's own cell, which `RNN` runs."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.state_size = units
        self.dense = layers.Dense(units, activation="tanh")

    def call(self, inputs, states):
        new = self.dense(ops.concatenate([inputs, states[0]], axis=-1))
        return new, [new]


RECURRENT = {
    "lstm": lambda: layers.LSTM(8),
    "own_layer": lambda: CustomRNN(8),
    "own_cell": lambda: layers.RNN(MinimalCell(8)),
}


def classifier(kind: str):
    """Which of two words is in a text more often."""
    words = fncompile.Input((9,), dtype="int32", name="words")
    y = RECURRENT[kind]()(layers.Embedding(6, 5)(words))
    model = fncompile.Model(words, layers.Dense(2)(y), name=f"classifier_{kind}")
    x = RNG(0).integers(0, 6, (256, 9)).astype("int32")
    more = ((x == 1).sum(1) > (x == 2).sum(1)).astype("int32")
    return model, [x], [more], "sparse_categorical_crossentropy_from_logits"


def tickets():
    """Priority and department, from title, text and tags."""
    title = fncompile.Input((None,), dtype="int32", name="title")
    body = fncompile.Input((None,), dtype="int32", name="body")
    tags = fncompile.Input((4,), name="tags")
    one = layers.LSTM(6)(layers.Embedding(12, 5)(title))
    two = layers.LSTM(4)(layers.Embedding(12, 5)(body))
    x = layers.concatenate([one, two, tags])
    outputs = [layers.Dense(1, name="priority")(x), layers.Dense(3, name="department")(x)]
    rng = RNG(1)
    t, b = (rng.integers(0, 12, (192, n)).astype("int32") for n in (5, 8))
    g = rng.integers(0, 2, (192, 4)).astype("float32")
    urgent = ((t == 3).any(1) * 1.0 + g[:, 0] - (b == 5).any(1))[:, None].astype("float32")
    model = fncompile.Model([title, body, tags], outputs, name="tickets")
    return model, [t, b, g], [urgent, np.eye(3, dtype="float32")[b[:, -1] % 3]], "mse"


def question():
    """The answer to a question about an image: is there light at the left, or at the right?"""
    image = fncompile.Input((6, 6, 1), name="image")
    asked = fncompile.Input((4,), dtype="int32", name="question")
    seen = layers.Conv2D(4, 3, activation="relu")(image)
    seen = layers.Flatten()(layers.MaxPooling2D(2)(seen))
    heard = layers.LSTM(6)(layers.Embedding(5, 4)(asked))
    x = layers.Dense(12, activation="tanh")(layers.concatenate([seen, heard]))
    rng = RNG(2)
    pictures = rng.random((256, 6, 6, 1)).astype("float32") * 0.2
    left, words = rng.integers(0, 2, 256), rng.integers(2, 5, (256, 4)).astype("int32")
    pictures[left == 1, :, :3] += 0.8
    pictures[left == 0, :, 3:] += 0.8
    words[:, 1] = rng.integers(0, 2, 256)  # asks for left or for right
    answer = (words[:, 1] == left).astype("int32")
    model = fncompile.Model([image, asked], layers.Dense(2)(x), name="question")
    return model, [pictures, words], [answer], "sparse_categorical_crossentropy_from_logits"


def tagger():
    """Does a 1 stand before this word, or a 2 behind it? Zeros are no words."""
    words = fncompile.Input((None,), dtype="int32", name="tokens")
    y = layers.Embedding(7, 6, mask_zero=True)(words)
    y = layers.Bidirectional(layers.LSTM(6, return_sequences=True))(y)
    model = fncompile.Model(words, layers.Dense(2)(y), name="both_sides")
    rng = RNG(3)
    x = rng.integers(1, 7, (192, 8)).astype("int32")
    x[np.arange(8) >= rng.integers(3, 9, 192)[:, None]] = 0
    before, after = np.pad(x, ((0, 0), (1, 0)))[:, :-1], np.pad(x, ((0, 0), (0, 1)))[:, 1:]
    found = ((before == 1) | (after == 2)).astype("int32")
    return model, [x], [found], "sparse_categorical_crossentropy_from_logits"


MODELS = {
    **{f"classifier_{kind}": lambda kind=kind: classifier(kind) for kind in RECURRENT},
    "tickets": tickets,
    "question": question,
    "tagger": tagger,
}


def compile_model(model, loss: str) -> None:
    if loss == "mse":
        chosen = ["mse"] * len(model.outputs)
    else:
        chosen = fncompile.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(fncompile.optimizers.Adam(0.03), chosen)


def same_in_c(model, directory, inputs) -> None:
    """Predictions of the exported library are those of Python, bit for bit."""
    bundle = model.export(directory, training=False, march=flag("target"))
    library = fncompile.load_library(bundle.shared)
    for rows in (1, 7):
        given = [a[:rows] for a in inputs]
        ours = model.predict(given if len(given) > 1 else given[0], verbose=0)
        theirs = library.predict(given if len(given) > 1 else given[0])
        pairs = zip(*(v if isinstance(v, list) else [v] for v in (ours, theirs)), strict=True)
        for one, other in pairs:
            assert np.ascontiguousarray(one).tobytes() == other.tobytes()


@pytest.mark.parametrize("name", MODELS)
def test_it_learns_and_ships(name, tmp_path):
    fncompile.utils.set_random_seed(4)
    model, inputs, targets, loss = MODELS[name]()
    compile_model(model, loss)
    x, y = (group if len(group) > 1 else group[0] for group in (inputs, targets))
    history = model.fit(x, y, batch_size=32, epochs=25, verbose=0).history["loss"]
    assert history[-1] < 0.5 * history[0], history
    same_in_c(model, tmp_path, inputs)


def test_a_forecast_is_better_than_the_last_value(tmp_path):
    """A GRU on two waves and noise, judged on days that it has not seen."""
    fncompile.utils.set_random_seed(5)
    t = np.arange(700)
    noise = RNG(6).normal(0, 0.1, t.size)
    series = (np.sin(t / 4) + 0.5 * np.sin(t / 1.7) + noise).astype("float32")
    windows = np.lib.stride_tricks.sliding_window_view(series, 17)
    x, y = np.ascontiguousarray(windows[:, :16, None]), np.ascontiguousarray(windows[:, 16:])
    sound = fncompile.Input((None, 1), name="past")
    model = fncompile.Model(sound, layers.Dense(1)(layers.GRU(8)(sound)), name="forecaster")
    model.compile(fncompile.optimizers.Adam(0.02), "mse")
    model.fit(x[:500], y[:500], batch_size=32, epochs=20, verbose=0)
    naive = float(np.mean((x[520:, -1] - y[520:]) ** 2))
    error = float(np.mean((model.predict(x[520:], verbose=0) - y[520:]) ** 2))
    assert error < 0.2 * naive, (error, naive)
    same_in_c(model, tmp_path, [x])
