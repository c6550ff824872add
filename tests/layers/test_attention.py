"""MultiHeadAttention and GroupQueryAttention take query and value one by one, so the table of
layers, whose harness calls a layer on one argument, holds them inside a layer of our own."""

from __future__ import annotations

import numpy as np
import pytest

from tests.keras_reference.target import keras
from tests.layers.harness import run_layer_test

HEADS = ("MultiHeadAttention", dict(num_heads=2, key_dim=3))
GROUPS = ("GroupQueryAttention", dict(head_dim=3, num_query_heads=4, num_key_value_heads=2))


@keras.saving.register_keras_serializable("attention_tests")
class Attends(keras.layers.Layer):
    """A layer on `[query, value]` made of an attention layer of `kind`."""

    def __init__(self, kind, init, more=None, **kwargs):
        super().__init__(**kwargs)
        self.kind, self.init, self.more = kind, init, more or {}
        self.inner = getattr(keras.layers, kind)(**init)

    def build(self, input_shape):
        self.inner.build(*input_shape)

    def call(self, inputs):
        return self.inner(*inputs, **self.more)

    def get_config(self):
        return {**super().get_config(), "kind": self.kind, "init": self.init, "more": self.more}


@pytest.mark.parametrize(
    "kind, init, more, weights",
    [
        (*HEADS, {}, 8),
        (HEADS[0], dict(**HEADS[1], use_bias=False), dict(use_causal_mask=True), 4),
        (HEADS[0], dict(**HEADS[1], use_gate=True, value_dim=4), {}, 10),
        (*GROUPS, dict(use_causal_mask=True), 8),
    ],
)
def test_layer(kind, init, more, weights, tmp_path):
    run_layer_test(
        Attends, dict(kind=kind, init=init, more=more), input_shape=[(4, 6), (5, 6)],
        output_shape=(4, 6), trainable=weights, tmp_path=tmp_path, compile_training=not more,
    )  # fmt: skip


def self_attention(**more):
    x = keras.Input((None, 8))
    layer = keras.layers.MultiHeadAttention(2, 4, **more)
    return keras.Model(x, layer(x, x, use_causal_mask=True))


def test_any_length():
    model = self_attention()
    x = np.random.default_rng(0).normal(size=(2, 9, 8)).astype("float32")
    whole = model.predict(x, verbose=0)
    for length in (1, 4, 9):  # with a causal mask what comes later does not matter
        part = model.predict(x[:, :length], verbose=0)
        np.testing.assert_allclose(part, whole[:, :length], 1e-5, 1e-6)
    assert model.predict(x[:, :0], verbose=0).shape == (2, 0, 8)
    assert model.predict(x[:0], verbose=0).shape == (0, 9, 8)


def test_masks_of_embeddings_are_followed_and_handed_on():
    """Padding of query and value, as an Embedding marks it, hides positions."""
    tokens = keras.Input((None,), dtype="int32")
    embedded = keras.layers.Embedding(7, 8, mask_zero=True)(tokens)
    attended = keras.layers.MultiHeadAttention(2, 4)(embedded, embedded)
    assert attended._keras_mask is not None
    model = keras.Model(tokens, attended)
    short, padded = np.array([[3, 5]]), np.array([[3, 5, 0, 0]])
    np.testing.assert_allclose(
        model.predict(padded, verbose=0)[:, :2], model.predict(short, verbose=0), 1e-5, 1e-6
    )


def test_masks_of_arrays_are_followed_from_layer_to_layer():
    """Called one by one on arrays, layers give what the model of them gives."""
    tokens = keras.Input((None,), dtype="int32")
    embed = keras.layers.Embedding(7, 8, mask_zero=True)
    attend, recur = keras.layers.MultiHeadAttention(2, 4), keras.layers.LSTM(3)
    x = embed(tokens)
    model = keras.Model(tokens, recur(attend(x, x)))
    ids = np.array([[3, 5, 0, 0], [1, 2, 3, 0]])
    embedded = embed(ids)
    np.testing.assert_array_equal(embedded._keras_mask, ids != 0)
    np.testing.assert_allclose(recur(attend(embedded, embedded)), model(ids), 1e-5, 1e-6)
    plain = embedded * 1.0
    assert type(plain) is np.ndarray and repr(embedded) == repr(plain)
    assert not np.allclose(recur(attend(plain, plain)), model(ids))


@pytest.mark.parametrize("kind", ["MultiHeadAttention", "GroupQueryAttention"])
def test_shapes_of_several_arguments(kind):
    sizes = (2, 4) if kind == "MultiHeadAttention" else (4, 2, 1)
    layer = getattr(keras.layers, kind)(*sizes)
    query, value = (None, 5, 8), (None, 3, 8)
    assert layer.compute_output_shape(query, value) == query and not layer.built
    assert layer.compute_output_shape(list(query), list(value), None) == query
    assert layer.compute_output_shape(query_shape=query, value_shape=value) == query
    with pytest.raises(ValueError, match="must be equal"):
        layer.compute_output_shape(query, value, (None, 4, 8))


def test_projections_draw_different_numbers():
    layer = keras.layers.MultiHeadAttention(2, 4)
    layer.build((None, 3, 8), (None, 3, 8))
    query, _, key, *_ = layer.get_weights()
    assert query.shape == key.shape == (8, 2, 4)
    assert not np.array_equal(query, key)


def test_dropout_acts_in_training_alone():
    layer = keras.layers.MultiHeadAttention(1, 4, dropout=0.5, seed=1)
    x = np.random.default_rng(0).normal(size=(1, 5, 8)).astype("float32")
    still, again, dropped = layer(x, x), layer(x, x), layer(x, x, training=True)
    np.testing.assert_array_equal(still, again)
    assert not np.allclose(still, dropped)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda k: k.MultiHeadAttention(0, 3), "`num_heads`, expected a positive integer"),
        (lambda k: k.MultiHeadAttention(2, 1.5), "`key_dim`, expected a positive integer"),
        (lambda k: k.MultiHeadAttention(2, 3, value_dim=-1), "`value_dim`, expected a positive"),
        (lambda k: k.MultiHeadAttention(2, 3, output_shape=2.5), "Invalid `output_shape`: 2.5"),
        (lambda k: k.MultiHeadAttention(2, 3, attention_axes="1"), "`attention_axes` must be"),
        (lambda k: k.MultiHeadAttention(2, 3, sliding_window=0), "`sliding_window` must be"),
        (lambda k: k.MultiHeadAttention(2, 3, dropout=0.1, flash_attention=True), "Dropout is not"),
        (lambda k: k.MultiHeadAttention(2, 3, flash_attention=True)(
            np.ones((1, 2, 3)), np.ones((1, 2, 3)), return_attention_scores=True),
         "Returning attention scores"),
        (lambda k: k.GroupQueryAttention(3, 4, 3), "must be divisible"),
        (lambda k: k.Attention(score_mode="cosine"), "Expected one of {'dot', 'concat'}"),
        (lambda k: k.Attention()(np.ones((1, 2, 3))), "must be called on a list of inputs"),
        (lambda k: k.Attention()([np.ones((1, 2, 3))]), "inputs list of length 2 or 3"),
        (lambda k: k.EinsumDense("ab;bc", 3)(np.ones((2, 3))), "Invalid einsum equation"),
        (lambda k: k.EinsumDense("ab,bc->ac", 3, bias_axes="d")(np.ones((2, 3))), "Bias dimension"),
        (lambda k: k.EinsumDense("ab,cd->ad", 3)(np.ones((2, 3))), "must be fully specified"),
        (lambda k: k.EinsumDense("ab,ab->ab", 4)(np.ones((2, 3))), "do not match at shared"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make(keras.layers)
