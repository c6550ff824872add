"""What layers say about wrong arguments and shapes, in Keras' words."""

from __future__ import annotations

import re

import numpy as np
import pytest

import fncompile as keras
from fncompile import layers


def x(*shape):
    return keras.Input(shape or (4, 5))


def vector():
    return keras.Input((5,))


ARGUMENTS = [
    (lambda: layers.Dense(0), ValueError,
     "invalid value for `units`, expected a positive integer. Received: units=0"),
    (lambda: layers.Dense("a"), ValueError, "Received: units=a"),
    (lambda: layers.Dense(True), ValueError, "Received: units=True"),
    (lambda: layers.Dense(3, foo=1), ValueError,
     "Unrecognized keyword arguments passed to Dense: {'foo': 1}"),
    (lambda: layers.Dense(3, activation="foo"), ValueError,
     "Could not interpret activation function identifier: foo"),
    (lambda: layers.Dense(3, kernel_initializer="foo"), ValueError,
     "Could not interpret initializer identifier: foo"),
    (lambda: layers.Dense(3, kernel_regularizer="foo"), ValueError,
     "Could not interpret regularizer identifier: foo"),
    (lambda: layers.Dense(3, bias_constraint="foo"), ValueError,
     "Could not interpret constraint identifier: foo"),
    (lambda: layers.Dropout(2.0), ValueError,
     "argument `rate`. Expected a float value between 0 and 1. Received: rate=2.0"),
    (lambda: layers.Dropout("a"), ValueError, "Received: rate=a"),
    (lambda: layers.Dropout(float("nan")), ValueError, "Received: rate=nan"),
    (lambda: layers.Flatten(data_format="foo"), ValueError,
     "`data_format` argument must be one of"),
    (lambda: layers.Dropout(0.5, noise_shape="Invalid"), ValueError,
     "argument `noise_shape`. Expected a tuple or list of integers. Received: noise_shape=Invalid"),
    (lambda: layers.Dropout(0.5, noise_shape=(20, 1.5)), ValueError,
     "Expected all elements to be integers or None. Received: noise_shape=(20, 1.5)"),
    (lambda: layers.Dropout(0.5, noise_shape=(20, -1)), ValueError,
     "Expected all dimensions to be positive integers or None. Received: noise_shape=(20, -1)"),
    (lambda: layers.Dropout(0.5, noise_shape=[0]), ValueError,
     "Expected all dimensions to be positive integers or None. Received: noise_shape=[0]"),
    *((lambda value=value: layers.Dense(2, trainable=value), ValueError,
       f"Expected `trainable` to be a boolean. Received: trainable={value}")
      for value in ("yes", 1, None)),
    (lambda: layers.Reshape((-2, 5)), ValueError,
     "must be a non-negative integer, or -1 for what is left. Received: target_shape=(-2, 5)."),
    (lambda: layers.Reshape((-1, -1)), ValueError,
     "at most one unknown dimension (-1) in `target_shape`"),
    (lambda: layers.Permute((1, 1)), ValueError,
     "must be consecutive and start from 1. Received dims=(1, 1)"),
    (lambda: layers.Permute((0, 1)), ValueError, "must be consecutive and start from 1"),
    (lambda: layers.RepeatVector("a"), TypeError,
     "Expected an integer value for `n`, got <class 'str'>."),
    (lambda: layers.RepeatVector(0), ValueError, "`n` should be a positive integer. Received: n=0"),
    (lambda: layers.Embedding(0, 2), ValueError,
     "`input_dim` must be a positive integer. Received: input_dim=0 (of type int)."),
    (lambda: layers.Embedding(True, 2), ValueError, "Received: input_dim=True (of type bool)."),
    (lambda: layers.Embedding(2, False), ValueError, "Received: output_dim=False (of type bool)."),
    (lambda: layers.Add().compute_mask([x(), x()], x()), ValueError, "`mask` should be a list."),
    (lambda: layers.Concatenate().compute_mask(x(), [None]), ValueError,
     "`inputs` should be a list."),
    (lambda: layers.Multiply().compute_mask([x(), x()], [None]), ValueError,
     "should have the same length. Received: 2 inputs and 1 masks"),
    (lambda: layers.Embedding(2, -1), ValueError, "`output_dim` must be a positive integer"),
    (lambda: layers.LayerNormalization(axis="a"), TypeError, "argument 'axis', but received: 'a'"),
    (lambda: layers.ReLU(max_value=-1), ValueError,
     "max_value of a ReLU layer cannot be a negative value. Received: max_value=-1"),
    (lambda: layers.ReLU(negative_slope=None), ValueError,
     "negative_slope of a ReLU layer cannot be None or a negative value"),
    (lambda: layers.ReLU(threshold=-1), ValueError,
     "threshold of a ReLU layer cannot be None or a negative value"),
    (lambda: layers.LeakyReLU(None), ValueError,
     "negative_slope value of a Leaky ReLU layer cannot be None or negative"),
    (lambda: layers.Dot("a"), TypeError,
     "Invalid type for argument `axes`: it should be a list or an int. Received: axes=a"),
    (lambda: layers.Dot((1,)), ValueError, "it should contain two elements. Received: axes=(1,)"),
    (lambda: layers.Lambda(3), TypeError, "must be callable"),
]  # fmt: skip

SHAPES = [
    (lambda: layers.Dense(2)(keras.Input(batch_shape=(None,))),
     "expected min_ndim=2, found ndim=1"),
    (lambda: layers.Dense(2)(keras.Input((None,))), "must be fully-defined"),
    (lambda: layers.Reshape((3, 3))(x()),
     "size of the tensor must be unchanged. Received: input_shape=(4, 5), target_shape=(3, 3)"),
    (lambda: layers.Reshape((-1, 3))(x()), "size of the tensor must be unchanged"),
    (lambda: layers.Permute((2, 1, 3))(x()),
     "expected ndim=4, found ndim=3. Full shape received: (None, 4, 5)"),
    (lambda: layers.RepeatVector(2)(x()), "expected ndim=2, found ndim=3"),
    (lambda: layers.BatchNormalization(axis=5)(x()), "`axis` of layer"),
    (lambda: layers.LayerNormalization(axis=(1, 5))(x()), "`axis` of layer"),
    (lambda: layers.BatchNormalization()(keras.Input((3, None))), "must be fully-defined"),
    (lambda: layers.PReLU()(keras.Input((None, 3))), "must be fully-defined"),
    (lambda: layers.Add()(x()),
     "on a list of inputs. Received: input_shape=(None, 4, 5) (not a list of shapes)"),
    (lambda: layers.Add()([]), "merge layer should be called on a list of inputs"),
    (lambda: layers.add([x(4, 5), x(4, 6)]),
     "Inputs have incompatible shapes. Received shapes (4, 5) and (4, 6)"),
    (lambda: layers.multiply([vector(), x(4, 6)]), "Inputs have incompatible shapes"),
    (lambda: layers.add([keras.Input(batch_shape=(2, 5)), keras.Input(batch_shape=(3, 5))]),
     "different batch sizes. Received tensors with shapes [(2, 5), (3, 5)]"),
    (lambda: layers.subtract([x(), x(), x()]),
     "`Subtract` layer should be called on exactly 2 inputs"),
    (lambda: layers.subtract([x()]), "`Subtract` layer should be called on exactly 2 inputs"),
    (lambda: layers.Concatenate()(x()),
     "`Concatenate` layer should be called on a list of at least 1 input"),
    (lambda: layers.concatenate([x(4, 5), x(4, 6)], axis=1),
     "the concatenation axis. Received: input_shape=[(None, 4, 5), (None, 4, 6)]"),
    (lambda: layers.concatenate([x(), vector()]),
     "matching shapes except for the concatenation axis"),
    (lambda: layers.concatenate([x(), x()], axis=3), "without such an axis"),
    (lambda: layers.dot([x(4, 5), x(4, 6)], axes=2),
     "axis values 5 (at axis 2) != 6 (at axis 2). Full input shapes: (None, 4, 5), (None, 4, 6)"),
    (lambda: layers.dot([x()], axes=1), "`Dot` layer should be called on a list of 2 inputs"),
    (lambda: layers.dot([x(), x()], axes=0), "cannot sum over the batch axis"),
    (lambda: layers.dot([x(), x()], axes=3), "without such an axis"),
]  # fmt: skip


@pytest.mark.parametrize("make, error, message", ARGUMENTS)
def test_arguments(make, error, message):
    with pytest.raises(error, match=re.escape(message)):
        make()


@pytest.mark.parametrize("call, message", SHAPES)
def test_shapes(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


def test_another_last_axis_after_building():
    layer = layers.Dense(2)
    layer(np.ones((2, 3)))
    with pytest.raises(ValueError, match="expected axis -1 of input shape to have value 3"):
        layer(np.ones((2, 4)))


def test_older_spellings_warn():
    with pytest.warns(UserWarning, match="`alpha` is deprecated"):
        assert layers.LeakyReLU(alpha=0.1).negative_slope == 0.1
    with pytest.warns(UserWarning, match="`input_length` is deprecated"):
        layers.Embedding(3, 2, input_length=4)
