"""Convolution and pooling layers compiled: sizes that are not known, batches, borders that hold NaN
and infinity, several threads; and what is said where something does not fit."""

# ruff: noqa: E501
from __future__ import annotations

import numpy as np
import pytest

from fncompile import Input, Model, flags, layers
from fncompile.ir.dims import evaluate, symbol
from fncompile.ops.windows import padding_of
from tests.op_rows.windows import conv, pool

RNG = np.random.default_rng(8)


def numbers(*shape):
    return RNG.normal(size=shape).astype("float32")


def small(shape):
    """Each kind of window once, over images of `shape`."""
    x = inputs = Input(shape)
    x = layers.Conv2D(5, 3, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D(2)(layers.DepthwiseConv2D(3, padding="same")(x))
    x = layers.Conv2D(6, 2, dilation_rate=2, groups=1)(layers.ZeroPadding2D(1)(x))
    x = layers.AveragePooling2D(2, strides=1, padding="same")(x)
    x = layers.UpSampling2D(2)(layers.Conv2DTranspose(4, 3, strides=2)(x))
    return Model(inputs, [x, layers.GlobalMaxPooling2D()(x)])


@pytest.fixture(scope="module")
def open_sizes():
    return small((None, None, 2))


@pytest.mark.parametrize("size", [(8, 9), (5, 4), (13, 17), (9, 31)])
def test_sizes_that_are_not_known(open_sizes, size):
    """One compiled library, and a model of each size by the interpreter."""
    x = numbers(2, *size, 2)
    known = small((*size, 2))
    known.set_weights(open_sizes.get_weights())
    with flags(interp=True):
        expected = known.predict(x, verbose=0)
    for found, wanted in zip(open_sizes.predict(x, verbose=0), expected):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def known_size():
    model = small((7, 6, 2))
    model.compile("sgd", "mse")
    return model


def test_windows_that_leave_some_out_of_an_unknown_size():
    """padding="same" with strides longer than the windows, where the padding ahead goes up and down
    with the size: one compiled library, and the layers on arrays of each size."""
    x = Input((None, 2))
    kinds = [
        kind(size, strides=strides, padding="same")
        for kind in (layers.MaxPooling1D, lambda size, **more: layers.Conv1D(3, size, **more))
        for size, strides in ((2, 3), (3, 5), (4, 5))
    ]
    model = Model(x, [kind(x) for kind in kinds])
    for size in range(1, 12):
        given = numbers(2, size, 2)
        for found, kind in zip(model.predict(given, verbose=0), kinds, strict=True):
            np.testing.assert_allclose(found, kind(given), 1e-5, 1e-6)


@pytest.mark.parametrize("size", range(1, 8))
@pytest.mark.parametrize("dilation", [1, 2])
def test_same_padding_of_an_unknown_size_is_that_of_each(size, dilation):
    n = symbol("n")
    for strides in range(1, 9):
        (open_low, open_high), = padding_of("same", [n], [size], [strides], [dilation])
        for extent in range(1, 30):
            (low, _), = padding_of("same", [extent], [size], [strides], [dilation])
            at = {"n": extent}
            assert evaluate(open_low, at) == low
            room = extent + low + evaluate(open_high, at) - (size - 1) * dilation - 1
            assert room // strides + 1 == -(-extent // strides)


@pytest.mark.parametrize("batch", [1, 33])
def test_batches(known_size, batch):
    x = numbers(batch, 7, 6, 2)
    compiled = known_size.predict(x, verbose=0, batch_size=64)
    with flags(interp=True):
        expected = known_size(x)
    for found, wanted in zip(compiled, expected):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_a_batch_of_none(known_size):
    found = known_size.predict_on_batch(np.zeros((0, 7, 6, 2), "float32"))
    assert [f.shape for f in found] == [(0, *t.shape[1:]) for t in known_size.outputs]


def test_threads_give_the_same_bits(known_size):
    x = numbers(33, 7, 6, 2)
    targets = [np.zeros((33, *t.shape[1:]), "float32") for t in known_size.outputs]
    start, found = known_size.get_weights(), []
    for threads in (1, 2, 3):
        with flags(threads=threads):
            known_size.set_weights(start)
            known_size.train_on_batch(x, targets)
            found.append([*known_size.get_weights(), *known_size.predict(x, verbose=0)])
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)
    known_size.set_weights(start)


CORNERS = [(0, 0), (0, 5), (4, 0), (4, 5), (2, 3)]


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_special_values_at_borders(special):
    """They reach those that see them, and no others: padding is no number times them."""
    x = numbers(len(CORNERS), 5, 6, 1)
    for i, place in enumerate(CORNERS):
        x[(i, *place)] = special
    inputs = Input((5, 6, 1))
    kernel = layers.Conv2D(2, 3, padding="same", strides=(1, 2))
    outputs = [
        kernel(inputs),
        layers.MaxPooling2D(3, 2, "same")(inputs),
        layers.AveragePooling2D(3, 1, "same")(inputs),
    ]
    model = Model(inputs, outputs)
    w = kernel.get_weights()[0]
    with np.errstate(invalid="ignore"):
        expected = [
            conv(x, w, (1, 2), "same"),
            pool(np.max, -np.inf)(x, 3, 2, "same"),
            average(x),
        ]
    for found, wanted in zip(model.predict(x, verbose=0), expected):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def average(x):
    """Means of 3 x 3 within the image, which a NaN of the image makes NaN."""
    out = np.zeros_like(x)
    for r in range(x.shape[1]):
        for c in range(x.shape[2]):
            out[:, r, c] = x[:, max(r - 1, 0) : r + 2, max(c - 1, 0) : c + 2].mean((1, 2))
    return out


# what is said -------------------------------------------------------------------------------------

Z = np.zeros
SAID = [
    (lambda: layers.Conv2D(4, 7)(Input((5, 5, 3))), "Computed output size would be zero or negat"),
    (lambda: layers.Conv2D(4, 7)(Z((2, 5, 5, 3))), r"`kernel shape=\(7, 7, 3, 4\)`"),
    (lambda: layers.Conv1D(1, 3, dilation_rate=4)(Input((8, 1))), "output size would be zero or"),
    (lambda: layers.DepthwiseConv2D(7)(Input((5, 9, 3))), "output size would be zero or negative"),
    (lambda: layers.SeparableConv1D(4, 7)(Input((5, 3))), "output size would be zero or negative"),
    (lambda: layers.MaxPooling2D(7)(Input((5, 5, 3))), r"`pool_size=\(7, 7\)`, `strides=\(7, 7\)`"),
    (lambda: layers.AveragePooling1D(4)(Z((2, 3, 1))), "Computed output size would be zero or neg"),
    (lambda: layers.Conv2D(4, 3)(Z((2, 0, 5, 3))), "Computed output size would be zero or negative"),
    (lambda: layers.Conv2D(0, 3), "`filters`. Expected a strictly positive value. Received filters"),
    (lambda: layers.Conv2D("a", 3), "Expected a strictly positive value. Received filters=a"),
    (lambda: layers.Conv2D(4, (3, 3, 3)), "`kernel_size` argument must be a tuple of 2 integers"),
    (lambda: layers.Conv1D(4, 0), "including values .0. that do not satisfy `value > 0`"),
    (lambda: layers.Conv2D(4, 3, strides=0), "`strides` argument must be a tuple of 2 integers"),
    (lambda: layers.Conv2D(4, 3.0), "`kernel_size` argument must be a tuple of 2 integers"),
    (lambda: layers.Conv2D(4, 3, strides=2, dilation_rate=2), "not supported in conjunction with"),
    (lambda: layers.Conv2D(4, 3, padding="causal"), r"must be one of {'same', 'valid'}"),
    (lambda: layers.Conv1D(4, 3, padding="x"), r"must be one of {'causal', 'same', 'valid'}"),
    (lambda: layers.Conv2D(4, 3, data_format="x"), "`data_format` argument must be one of"),
    (lambda: layers.Conv2D(4, 3, groups=0), "number of groups must be a positive integer"),
    (lambda: layers.Conv2D(4, 3, groups=3), "filters must be evenly divisible by the number of gr"),
    (lambda: layers.Conv2D(4, 3, groups=2)(Z((1, 5, 5, 3))), "input channels must be evenly divis"),
    (lambda: layers.Conv2D(4, 3)(Input((5, 3))), "expected min_ndim=4, found ndim=3"),
    (lambda: layers.Conv2D(4, 3)(Z((1, 2, 5, 5, 3))), "takes inputs with 4 axes"),
    (lambda: layers.Conv2D(4, 3)(Input((5, 5, None))), "channels of the inputs .* should be known"),
    (lambda: layers.Conv2DTranspose(4, 3, 2, output_padding=2), "strictly less than `strides`"),
    (lambda: layers.DepthwiseConv2D(3, depth_multiplier=0), "argument `depth_multiplier`. Expected"),
    (lambda: layers.MaxPooling2D(2, padding="causal"), r"must be one of {'same', 'valid'}"),
    (lambda: layers.MaxPooling2D(2)(Z((5, 5, 3))), "expected ndim=4, found ndim=3"),
    (lambda: layers.AdaptiveMaxPooling2D(0), "`output_size` argument must be a tuple of 2 integers"),
    (lambda: layers.AdaptiveMaxPooling1D(2)(Input((None, 3))), "know how many elements there are"),
    (lambda: layers.ZeroPadding2D((1, 2, 3)), r"`padding` should have two elements. Received: pa"),
    (lambda: layers.ZeroPadding3D((1, 2)), "`padding` should have 3 elements"),
    (lambda: layers.ZeroPadding2D((1, -1)), "The `2nd entry of padding` argument must be a tuple"),
    (lambda: layers.ZeroPadding2D(1.5), "`padding` should be either an int, a tuple of 2 ints"),
    (lambda: layers.Cropping2D(-1), "`cropping` cannot be negative"),
    (lambda: layers.Cropping1D((2, 2))(Input((4, 3))), "must be smaller than the input length"),
    (lambda: layers.Cropping2D(2)(Z((1, 4, 5, 3))), "smaller than the corresponding spatial dimen"),
    (lambda: layers.UpSampling1D(0), "`size` should be a positive integer. Received: size=0"),
    (lambda: layers.UpSampling2D(2, interpolation="x"), "Invalid value for argument `interpolation`"),
    (lambda: layers.GroupNormalization(32)(Input((4,))), r"groups \(32\) cannot be more than"),
    (lambda: layers.GroupNormalization(3)(Input((4,))), r"groups \(3\) must be a multiple of"),
    (lambda: layers.GroupNormalization(0), "expected a positive integer .or `-1`"),
    (lambda: layers.GaussianNoise(2.0), "argument `stddev`. Expected a float value between 0 and 1"),
    (lambda: layers.GaussianDropout(1), "has no bound at rate=1"),
    (lambda: layers.CenterCrop(2, 2)(Input((None, 4, 1))), "has to know height and width"),
    (lambda: layers.Wrapper(3), "isn't a supported layer type"),
]  # fmt: skip


@pytest.mark.parametrize("index", range(len(SAID)))
def test_what_is_wrong_is_said(index):
    make, words = SAID[index]
    with pytest.raises(ValueError, match=words):
        make()


def test_a_known_layer_refuses_other_channels():
    layer = layers.Conv2D(4, 3)
    layer.build((None, 5, 5, 3))
    with pytest.raises(ValueError, match="expected axis -1 of input shape to have value 3"):
        layer(Z((1, 5, 5, 4)))


def test_axes_without_elements():
    """"same" over no elements gives none, as in Keras."""
    assert layers.Conv2D(4, 3, padding="same")(Z((2, 0, 5, 3))).shape == (2, 0, 5, 4)
    assert layers.Conv2D(4, 3)(Z((0, 5, 5, 3))).shape == (0, 3, 3, 4)
    assert layers.ZeroPadding1D(2)(Z((1, 0, 3))).shape == (1, 4, 3)
