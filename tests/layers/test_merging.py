"""Merging layers against NumPy: broadcasting, ranks, masks, functions."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import fncompile as keras
from fncompile import layers, ops
from fncompile.graph.eager import run_eagerly

rng = np.random.default_rng(5)
A, B, C = (rng.normal(size=(2, 3, 4)).astype("float32") for _ in range(3))
VECTORS = rng.normal(size=(2, 4)).astype("float32")


@pytest.mark.parametrize("name, formula", [
    ("add", lambda xs: sum(xs)), ("multiply", lambda xs: functools.reduce(np.multiply, xs)),
    ("average", lambda xs: sum(xs) / len(xs)),
    ("maximum", lambda xs: functools.reduce(np.maximum, xs)),
    ("minimum", lambda xs: functools.reduce(np.minimum, xs)),
])  # fmt: skip
def test_any_number_of_inputs(name, formula):
    for inputs in ([A], [A, B], [A, B, C]):
        np.testing.assert_allclose(
            getattr(layers, name)(inputs), formula(inputs), rtol=1e-6, atol=1e-6
        )


def test_extents_of_one_grow_and_lower_ranks_gain_axes_behind_the_batch():
    np.testing.assert_array_equal(
        layers.add([A, A[:, :1], A[:, :, :1]]), A + A[:, :1] + A[:, :, :1]
    )
    np.testing.assert_array_equal(layers.add([A, VECTORS]), A + VECTORS[:, None])
    np.testing.assert_array_equal(layers.subtract([VECTORS, A]), VECTORS[:, None] - A)


def test_integers_stay_integers_and_mix_with_floats():
    ints = np.array([[1, 2]], "int32")
    assert layers.add([ints, ints]).dtype == "int32"
    assert layers.maximum([ints, ints.astype("float32")]).dtype == "float32"


@pytest.mark.parametrize("shapes, output", [
    ([(None, 4), (3, 4)], (None, 3, 4)), ([(3, None), (3, 1)], (None, 3, None)),
    ([(None, 4), (None, 4)], (None, None, 4)),
])  # fmt: skip
def test_unknown_extents(shapes, output):
    assert layers.add([keras.Input(s) for s in shapes]).shape == output


def test_nan_wins():
    a, b = np.float32([[np.nan, 1.0]]), np.float32([[0.0, np.nan]])
    for merge in (layers.maximum, layers.minimum, layers.add):
        assert np.isnan(merge([a, b])).all()


@pytest.mark.parametrize("axis", [1, 2, -1, -2, 0])
def test_concatenate(axis):
    np.testing.assert_array_equal(
        layers.concatenate([A, B, C], axis=axis), np.concatenate([A, B, C], axis)
    )


def test_concatenate_along_an_unknown_axis():
    both = layers.concatenate([keras.Input((None, 4)), keras.Input((3, 4))], axis=1)
    assert both.shape == (None, None, 4)


@pytest.mark.parametrize("axes, equation", [
    (2, "bij,bkj->bik"), (1, "bij,bik->bjk"), ((2, 2), "bij,bkj->bik"), (-1, "bij,bkj->bik"),
    ((-2, 1), "bij,bik->bjk"),
])  # fmt: skip
def test_dot_of_rank_3(axes, equation):
    np.testing.assert_allclose(
        layers.dot([A, B], axes=axes), np.einsum(equation, A, B), rtol=1e-5, atol=1e-6
    )


def test_dot_of_other_ranks():
    np.testing.assert_allclose(
        layers.dot([VECTORS, A], axes=(1, 2)), np.einsum("bj,bij->bi", VECTORS, A), rtol=1e-5
    )
    squares = layers.dot([VECTORS, VECTORS], axes=1)
    np.testing.assert_allclose(squares, (VECTORS**2).sum(1, keepdims=True), rtol=1e-5)
    np.testing.assert_allclose(
        layers.dot([VECTORS, VECTORS], axes=1, normalize=True), np.ones((2, 1)), rtol=1e-6
    )


MASKS = (
    np.array([[True, True, False], [False, False, False]]),
    np.array([[True, False, False], [True, False, False]]),
)


def mask_of_merge(layer, masks):
    """The mask that comes out of merging A and B with these masks."""

    def call(a, b, masks):
        inputs = [ops.multiply(a, 1.0), ops.multiply(b, 1.0)]
        for tensor, mask in zip(inputs, masks, strict=True):
            tensor._keras_mask = None if mask is None else ops.convert_to_tensor(mask)
        return layer(inputs)._keras_mask

    return run_eagerly(call, (A, B, list(masks)), {})


def test_elementwise_masks_are_ored():
    np.testing.assert_array_equal(mask_of_merge(layers.Add(), MASKS), MASKS[0] | MASKS[1])
    assert mask_of_merge(layers.Add(), (MASKS[0], None)) is None


@pytest.mark.parametrize("layer", [layers.Add(), layers.Average(), layers.Concatenate()])
def test_no_mask_of_inputs_without(layer):
    assert layer.compute_mask([A, B]) is None
    assert layer.compute_mask([A, B], [None, None]) is None


def test_a_mask_of_symbolic_inputs_is_symbolic():
    inputs = [keras.Input((3, 4)), keras.Input((3, 4))]
    mask = layers.Concatenate().compute_mask(inputs, list(MASKS))
    out = keras.Model(inputs, mask).predict([A, B], verbose=0)
    np.testing.assert_array_equal(out, MASKS[0] | MASKS[1])
    whole = [np.repeat(mask[..., None], 4, -1) for mask in MASKS]
    mask = layers.Concatenate().compute_mask(inputs, whole)  # of numbers alone
    np.testing.assert_array_equal(mask, MASKS[0] | MASKS[1])


def test_concatenated_masks():
    along_time = mask_of_merge(layers.Concatenate(axis=1), MASKS)
    np.testing.assert_array_equal(along_time, np.concatenate(MASKS, 1))
    along_features = mask_of_merge(layers.Concatenate(axis=2), MASKS)
    np.testing.assert_array_equal(along_features, MASKS[0] | MASKS[1])
    np.testing.assert_array_equal(
        mask_of_merge(layers.Concatenate(axis=2), (MASKS[0], None)), np.ones((2, 3), bool)
    )


def test_symbolic_calls_and_functions_make_layers():
    inputs = [keras.Input((3, 4)), keras.Input((3, 4))]
    model = keras.Model(inputs, layers.average(inputs, name="mean_of_two"))
    assert model.get_layer("mean_of_two").__class__ is layers.Average


HIDDEN_STEPS = {  # two inputs that mask their steps of zeros, then the first alone
    "Add": ([[0, 0], [1, 2], [1, 2], [6, 8]], [[0, 0], [1, 2], [1, 2], [6, 8]]),
    "Subtract": ([[0, 0], [1, 2], [-1, -2], [0, 0]], [[0, 0], [1, 2], [-1, -2], [0, 0]]),
    "Average": ([[0, 0], [0.5, 1], [0.5, 1], [3, 4]], [[0, 0], [0.5, 1], [0.5, 1], [3, 4]]),
    "Multiply": ([[0, 0], [1, 2], [1, 2], [9, 16]], [[0, 0], [0, 0], [1, 2], [9, 16]]),
    "Minimum": ([[0, 0], [1, 2], [1, 2], [3, 4]], [[0, 0], [0, 0], [1, 2], [3, 4]]),
    "Maximum": ([[0, 0], [1, 2], [1, 2], [3, 4]], [[0, 0], [1, 2], [1, 2], [3, 4]]),
}


@pytest.mark.parametrize("name", HIDDEN_STEPS)
def test_steps_that_a_mask_hides_are_not_merged(name):
    """On arrays, where they carry the mask, and in a model; the numbers are Keras' own."""
    x = np.array([[[0, 0], [1, 2], [0, 0], [3, 4]]], "float32")
    y = np.array([[[0, 0], [0, 0], [1, 2], [3, 4]]], "float32")
    both, first = HIDDEN_STEPS[name]
    hide, merge = layers.Masking(), getattr(layers, name)()
    found = merge([hide(x), hide(y)])
    np.testing.assert_array_equal(found, [both])
    np.testing.assert_array_equal(found._keras_mask, [[False, True, True, True]])
    alone = merge([hide(x), y])
    np.testing.assert_array_equal(alone, [first])
    assert getattr(alone, "_keras_mask", None) is None
    inputs = [keras.Input((4, 2)), keras.Input((4, 2))]
    outputs = merge([hide(inputs[0]), hide(inputs[1])]), merge([hide(inputs[0]), inputs[1]])
    for found, expected in zip(keras.Model(inputs, outputs)([x, y]), HIDDEN_STEPS[name]):
        np.testing.assert_array_equal(found, [expected])


def test_minimum_of_steps_with_one_mask_hidden_is_the_other_input():
    x = np.array([[[0, 0], [5, 5]]], "float32")
    found = layers.Minimum()([layers.Masking()(x), np.full((1, 2, 2), 7.0, "float32")])
    np.testing.assert_array_equal(found, [[[7, 7], [5, 5]]])
