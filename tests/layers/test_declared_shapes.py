"""Layers that say what they give: `compute_output_shape` and `compute_output_spec` of their own."""

from __future__ import annotations

import numpy as np
import pytest

from fncompile import Input, KerasTensor, Model, layers, ops

X = np.arange(6, dtype="float32").reshape(2, 3)


class Never(layers.Layer):
    """Its `call` is not for the symbolic world."""

    def call(self, x):
        raise RuntimeError("call was called")


class ByShape(Never):
    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], np.int64(7))


class BySpec(Never):
    def compute_output_spec(self, x):
        return KerasTensor((*x.shape[:-1], 9), dtype="int32")


class Several(Never):
    def compute_output_shape(self, input_shape):
        return {"p": input_shape, "q": [(None, 5), (None, 6)]}


class TwoInputs(layers.Layer):
    def call(self, x, y, scale=1.0):
        return ops.concatenate([x, y], -1) * scale

    def compute_output_shape(self, x_shape, y_shape):
        return (*x_shape[:-1], x_shape[-1] + y_shape[-1])


class Refines(layers.Layer):
    """Calls what it overrides."""

    def call(self, x):
        return ops.matmul(x, np.ones((3, 4), "float32"))

    def compute_output_spec(self, x):
        spec = super().compute_output_spec(x)
        return KerasTensor(spec.shape, dtype=spec.dtype)


class Masked(ByShape):
    def __init__(self):
        super().__init__()
        self.supports_masking = True


def test_what_is_declared_is_what_symbols_have():
    assert ByShape()(Input((3,))).shape == (None, 7)
    assert ByShape()(Input(batch_shape=(2, None, 3))).shape == (2, None, 7)
    found = BySpec()(Input((3,)))
    assert (found.shape, found.dtype) == ((None, 9), "int32")
    several = Several()(Input((3,)))
    assert several["p"].shape == (None, 3)
    assert [x.shape for x in several["q"]] == [(None, 5), (None, 6)]
    assert TwoInputs()(Input((3,)), Input((4,)), scale=2.0).shape == (None, 7)
    assert Refines()(Input((3,))).shape == (None, 4)
    assert ByShape().compute_output_spec(Input((3,))).shape == (None, 7)


def test_the_numbers_are_those_of_call():
    a, b = Input((3,)), Input((4,))
    model = Model([a, b], layers.Dense(1, kernel_initializer="ones")(TwoInputs()(a, b, scale=2.0)))
    y = np.ones((2, 4), "float32")
    expected = 2 * (X.sum(1, keepdims=True) + 4)
    np.testing.assert_allclose(model([X, y]), expected, rtol=1e-5)
    np.testing.assert_allclose(model.predict([X, y], verbose=0), expected, rtol=1e-5)


class CannotTell(layers.Layer):
    def call(self, x):
        return x + 1.0

    def compute_output_spec(self, *args, **kwargs):
        raise NotImplementedError


def test_a_layer_that_cannot_tell_is_traced():
    assert CannotTell()(Input((3,))).shape == (None, 3)


def test_arrays_still_go_through_call():
    with pytest.raises(RuntimeError, match="call was called"):
        ByShape()(X)


def test_masks_pass_as_they_do_through_call():
    x = layers.Embedding(4, 3, mask_zero=True)(Input((5,)))
    assert Masked()(x)._keras_mask is not None
    with pytest.warns(UserWarning, match="does not support masking"):
        assert ByShape()(x)._keras_mask is None


class WithMask(layers.Layer):
    def build(self, inputs_shape, attention_mask_shape):
        self.shapes = inputs_shape, attention_mask_shape

    def call(self, inputs, attention_mask):
        return inputs * attention_mask


class Misnamed(layers.Layer):
    def build(self, foo_shape, bar_shape):
        pass

    def call(self, x, y):
        return x


def test_build_gets_the_shapes_of_masks_that_it_names():
    layer = WithMask()
    layer(Input((3,)), Input((1,)))
    assert layer.shapes == ((None, 3), (None, 1))


def test_a_build_that_names_no_argument_of_call():
    with pytest.raises(ValueError, match="'Misnamed', received `foo_shape`, but .* argument `foo`"):
        Misnamed()(X, X)


class WithoutSuffix(layers.Layer):
    def build(self, x_shape, y):
        pass

    def call(self, x, y):
        return x


def test_a_build_whose_arguments_are_no_shapes():
    with pytest.raises(ValueError, match="received argument `y`, which does not end in `_shape`"):
        WithoutSuffix()(X, X)


def test_a_symbolic_tensor_by_shape():
    tensor = KerasTensor((2, None, 3), dtype="int32", name="t")
    assert (tensor.shape, tensor.dtype, tensor.name) == ((2, None, 3), "int32", "t")
    assert KerasTensor((2,)).dtype == "float32"


def test_outputs_of_no_shape_are_not_told():
    with pytest.raises(NotImplementedError, match="not have a `compute_output_shape` method"):
        layers.Layer().compute_output_shape(None)
