"""Recurrent layers at their edges: no steps, one, many; nothing but masked steps; threads."""

from __future__ import annotations

import re

import numpy as np
import pytest

import fncompile
from fncompile import flags, layers, ops
from tests.layers.rows.recurrent import conv_lstm, gru, lstm, simple
from tests.scans.test_scan import ALWAYS

FORMULAS = {"SimpleRNN": simple, "GRU": gru, "LSTM": lstm}


def wave(*shape, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def model_of(kind: str, **options):
    """All steps and the last states, of sequences of any length."""
    x = fncompile.Input((None, 2), name="x")
    y = getattr(layers, kind)(3, return_sequences=True, return_state=True, **options)(x)
    return fncompile.Model(x, list(y), name="edges")


@pytest.mark.parametrize("kind", FORMULAS)
def test_one_library_for_every_length(kind):
    model = model_of(kind)
    weights = [w.astype("float64") for w in model.get_weights()]
    for batch, length in ((1, 1), (3, 0), (2, 7), (5, 33)):
        x = wave(batch, length, 2)
        every, state, *_ = model.predict(x, verbose=0)
        assert every.shape == (batch, length, 3)
        if length == 0:
            np.testing.assert_array_equal(state, np.zeros((batch, 3)))
            continue
        expected = FORMULAS[kind](x.astype("float64"), *weights)
        np.testing.assert_allclose(every, expected, atol=1e-5)
        np.testing.assert_allclose(state, expected[:, -1], atol=1e-5)


def test_sequences_are_written_in_the_order_of_their_reader():
    """No kernel turns rows: of all steps, of steps in reverse, of both directions side by side."""
    x = fncompile.Input((None, 2), name="x")
    made = [
        layers.LSTM(3, return_sequences=True, name="all"),
        layers.GRU(3, return_sequences=True, go_backwards=True, name="back"),
        layers.Bidirectional(layers.LSTM(3, return_sequences=True), name="both"),
    ]
    model = fncompile.Model(x, [layer(x) for layer in made], name="orders")
    given = wave(4, 6, 2)
    every, back, both = model.predict(given, verbose=0)
    wide = given.astype("float64")
    weights = [[w.astype("float64") for w in layer.get_weights()] for layer in made]
    np.testing.assert_allclose(every, lstm(wide, *weights[0]), atol=1e-5)
    np.testing.assert_allclose(back, gru(wide[:, ::-1], *weights[1]), atol=1e-5)
    there, again = weights[2][:3], weights[2][3:]
    sides = lstm(wide, *there), lstm(wide[:, ::-1], *again)[:, ::-1]
    np.testing.assert_allclose(both, np.concatenate(sides, -1), atol=1e-5)
    kernels = model.explain("kernels")
    assert "both[" in kernels
    assert not re.search(r"k\d+_\w*(permute|slice|concat)\b", kernels)


@pytest.mark.parametrize("kind", FORMULAS)
def test_samples_that_are_masked_throughout_keep_their_first_states(kind):
    """In prediction, and their gradient is that of nothing."""
    x = fncompile.Input((5, 2), name="x")
    masked = layers.Masking()(x)
    y = getattr(layers, kind)(3, name="r")(masked)
    model = fncompile.Model(x, y, name="masked")
    given = wave(4, 5, 2)
    given[1:3] = 0
    found = model.predict(given, verbose=0)
    np.testing.assert_array_equal(found[1:3], 0)
    assert np.abs(found[[0, 3]]).min() > 0
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.train_on_batch(np.zeros((4, 5, 2), "float32"), wave(4, 3))
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_masked_steps_of_images_keep_the_state():
    layer = layers.ConvLSTM1D(2, 2, return_sequences=True)
    x = wave(2, 4, 5, 3)
    mask = np.array([[1, 0, 1, 0], [1, 1, 1, 1]], bool)
    found = np.asarray(layer(x, mask=mask))
    weights = [w.astype("float64") for w in layer.get_weights()]
    kept = conv_lstm(x[:1, [0, 2]].astype("float64"), *weights)
    np.testing.assert_allclose(found[0, [0, 2]], kept[0], atol=1e-5)
    np.testing.assert_array_equal(found[0, [1, 3]], found[0, [0, 2]])
    np.testing.assert_allclose(found[1:], conv_lstm(x[1:].astype("float64"), *weights), atol=1e-5)


def test_training_gives_the_same_bits_for_any_number_of_threads():
    found = set()
    for threads in (1, 2, 3):
        fncompile.utils.set_random_seed(2)
        with flags(threads=threads, cflags=ALWAYS):
            x = fncompile.Input((None, 3), name="x")
            y = layers.Bidirectional(layers.GRU(17, dropout=0.2, seed=1))(x)
            model = fncompile.Model(x, layers.Dense(2)(y), name="threads")
            model.compile("adam", "mse")
            model.fit(wave(37, 6, 3), wave(37, 2), batch_size=20, epochs=2, verbose=0)
            found.add(b"".join(w.tobytes() for w in model.get_weights()))
    assert len(found) == 1


def test_five_hundred_steps_resumed_in_the_middle_are_the_same(tmp_path):
    """LSTM with dropout and Adam: what is loaded from a file ends with the same bits."""

    def made():
        fncompile.utils.set_random_seed(3)
        fncompile.utils.clear_session()
        x = fncompile.Input((7, 2), name="x")
        y = layers.LSTM(6, dropout=0.2, recurrent_dropout=0.1, seed=4, name="lstm")(x)
        model = fncompile.Model(x, layers.Dense(1, name="out")(y), name="resumed")
        model.compile(fncompile.optimizers.Adam(0.01), "mse")
        return model

    x, y = wave(40, 7, 2), wave(40, 1, seed=1)
    fit = dict(batch_size=4, shuffle=False, verbose=0)
    whole, half = made(), made()
    whole.fit(x, y, epochs=50, **fit)
    half.fit(x, y, epochs=25, **fit)
    half.save(tmp_path / "half.keras")
    again = fncompile.models.load_model(tmp_path / "half.keras")
    again.fit(x, y, epochs=50, initial_epoch=25, **fit)
    assert int(again.optimizer.iterations.numpy()) == 500
    for one, other in zip(whole.get_weights(), again.get_weights(), strict=True):
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("choice", [True, False, "auto"])
def test_both_directions_have_the_choice_of_a_kernel(choice):
    """Which has no effect here, and which a SimpleRNN does not have."""
    both = layers.Bidirectional(layers.LSTM(2, use_cudnn=choice))
    assert (both.forward_layer.use_cudnn, both.backward_layer.use_cudnn) == (choice, choice)
    assert not hasattr(layers.SimpleRNN(2), "use_cudnn")


class OwnCell(layers.Layer):
    """Of a class that nobody registered."""

    state_size = 3

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 3))

    def call(self, x, states):
        state = ops.matmul(x, self.kernel) + states[0]
        return state, [state]


def test_the_shape_of_what_is_not_built_needs_no_configuration():
    layer = layers.RNN(OwnCell(), return_sequences=True)
    assert layer.compute_output_shape((None, 5, 4)) == (None, 5, 3)
    assert not layer.built and not layer.cell.built


@pytest.mark.parametrize("shape", [(4, 6), (5, 5), (4, 6, 2), (4,)])
def test_a_mask_of_other_steps_is_refused_by_layers_without_masks_too(shape):
    with pytest.raises(ValueError, match="The `mask` passed to the `TimeDistributed` layer has a"):
        layers.TimeDistributed(layers.Dense(2))(np.zeros((4, 5, 3)), mask=np.ones(shape, bool))
