"""The mask of what a model gives for arrays is that of the layers inside, on the first call and on
later ones, and what reads it leaves out what it hides."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import fncompile
from fncompile import layers, losses, ops

IDS = np.array([[1, 2, 0, 0], [3, 0, 4, 0]])


def mask_of(x):
    return getattr(x, "_keras_mask", None)


@pytest.fixture(scope="module")
def tagger():
    """Two outputs with a mask and one without."""
    ids = fncompile.Input((None,), dtype="int32")
    x = layers.Embedding(5, 2, mask_zero=True)(ids)
    outputs = {"tags": layers.Dense(1)(x), "all": layers.SimpleRNN(2)(x), "vectors": x}
    return fncompile.Model(ids, outputs)


@pytest.mark.parametrize("rows, length", [(2, 4), (1, 4), (2, 3), (2, 3)])
def test_outputs_have_the_masks_of_their_layers(tagger, rows, length):
    ids = IDS[:rows, :length]
    found = tagger(ids)
    np.testing.assert_array_equal(mask_of(found["tags"]), ids != 0)
    np.testing.assert_array_equal(mask_of(found["vectors"]), ids != 0)
    assert mask_of(found["all"]) is None and type(found["all"]) is np.ndarray
    assert all(type(x) is np.ndarray for x in tagger.predict(ids, verbose=0).values())


def test_a_loss_leaves_out_what_a_model_masked(tagger):
    """3 of 8 elements count, whose squares are averaged over 3."""
    tags = tagger(IDS)["tags"]
    got = losses.MeanSquaredError()(np.zeros((2, 4, 1), "float32"), tags)
    want = (np.asarray(tags, "float64")[IDS != 0] ** 2).mean()
    np.testing.assert_allclose(got, want, 1e-6)


def test_a_layer_reads_the_mask_of_a_model(tagger):
    summed = layers.GlobalAveragePooling1D()(tagger(IDS)["vectors"])
    table = tagger.layers[1].get_weights()[0]
    want = [(table[1] + table[2]) / 2, (table[3] + table[4]) / 2]
    np.testing.assert_allclose(summed, want, 1e-6)


def test_a_model_reads_the_mask_of_its_input():
    """Another model's or a layer's: the padded steps are left out, on every call."""
    x = fncompile.Input((3, 1))
    model = fncompile.Model(x, layers.GlobalAveragePooling1D()(x))
    masked = layers.Masking()(np.array([[[1.0], [3.0], [0.0]]], "float32"))
    for _ in range(2):
        np.testing.assert_allclose(model(masked), [[2.0]])
        np.testing.assert_allclose(model(np.asarray(masked)), [[4 / 3]], 1e-6)


@pytest.mark.parametrize("mask", [[[True, False, True]], [[False, True, True]]])
def test_a_mask_may_be_an_argument(mask):
    x = fncompile.Input((3, 1))
    model = fncompile.Model(x, layers.GlobalAveragePooling1D()(x))
    values = np.array([[[1.0], [3.0], [5.0]]], "float32")
    np.testing.assert_allclose(model(values, mask=np.array(mask)), [values[0][mask[0]].mean(0)])


@pytest.mark.parametrize("functional", [True, False])
def test_a_mask_that_depends_on_weights_and_arithmetic(functional):
    """Of a weight, too, that the outputs do not read."""

    class Above(layers.Layer):
        supports_masking = True

        def build(self, shape):
            self.least = self.add_weight(shape=(), initializer="ones")

        def call(self, x):
            return x * 2

        def compute_mask(self, x, mask=None):
            return ops.any(x > self.least, axis=-1)

    inputs, above = layers.Input((2, 1)), Above()
    stack = fncompile.Sequential([inputs, above])
    model = fncompile.Model(inputs, above(inputs)) if functional else stack
    x = np.array([[[0.5], [2.0]]], "float32")
    assert mask_of(model(x)).tolist() == [[False, True]]
    assert mask_of(model(x)).tolist() == [[False, True]]
    above.least.assign(3.0)
    assert mask_of(model(x)).tolist() == [[False, False]]


def test_a_symbolic_mask_is_a_tensor_of_the_graph(tmp_path):
    """An output, and an argument of what follows; the calls of layers stay as they are."""
    ids = fncompile.Input((4,), dtype="int32")
    embedding = layers.Embedding(5, 2, mask_zero=True)
    x = layers.Concatenate(axis=1)([embedding(ids), embedding(ids)])
    mask = mask_of(x)
    outputs = [mask, ops.logical_not(mask), layers.Softmax()(ops.ones_like(x[..., 0]), mask=mask)]
    model = fncompile.Model(ids, outputs)
    shown = np.tile(IDS != 0, 2)
    copies = [model, pickle.loads(pickle.dumps(model)), fncompile.models.clone_model(model)]
    for found in [*(copy.predict(IDS, verbose=0) for copy in copies), model(IDS)]:
        np.testing.assert_array_equal(found[0], shown)
        np.testing.assert_array_equal(found[1], ~shown)
        np.testing.assert_allclose(found[2], shown / shown.sum(1, keepdims=True), 1e-6)
    assert len(embedding._outbound_nodes) == 2
    with pytest.raises(TypeError, match="the function `keras_mask`.*cannot be saved"):
        model.save(tmp_path / "x.keras")


@pytest.mark.parametrize("model_of", ["deferred", "sequential", "functional"])
def test_a_layer_that_looks_at_numbers_runs_in_calls_on_arrays(model_of):
    """One that declares its shape, and gives its mask to NumPy: `call` runs on numbers alone."""
    seen = []

    class Looks(layers.Layer):
        def compute_output_shape(self, input_shape):
            return input_shape

        def call(self, inputs, mask=None):
            seen.append((np.asarray(inputs), np.asarray(mask)))
            return inputs * ops.cast(mask, "float32")[..., None]

    x = np.array([[[0, 0], [1, 2], [0, 0]], [[2, 2], [0, 0], [2, 1]]], "float32")
    stack = [layers.Masking(), Looks()]
    stack[1].supports_masking = True
    if model_of == "functional":
        begin = fncompile.Input((3, 2))
        model = fncompile.Model(begin, stack[1](stack[0](begin)))
    else:
        start = [fncompile.Input((3, 2))] if model_of == "sequential" else []
        model = fncompile.Sequential([*start, *stack])
    for times in (1, 3):  # another array is looked at again
        found = model(x * times)
        np.testing.assert_array_equal(found, x * times)
        np.testing.assert_array_equal(mask_of(found), x.any(-1))
        np.testing.assert_array_equal(seen[-1][0], x * times)
        np.testing.assert_array_equal(seen[-1][1], x.any(-1))
    with pytest.raises(ValueError, match="Looks.*\n*.*no value yet.*not NumPy"):
        model.predict(x, verbose=0)
