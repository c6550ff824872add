"""Layers that change images by chance: what they do, when, and that chance is the same in compiled
code."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import Input, Model, flags, layers

X = np.arange(12, dtype="float32").reshape(1, 3, 4, 1)

# What Keras 3.15 gives for X when the factor is one number.
KERAS = {
    "turn": (
        layers.RandomRotation, dict(factor=(0.25, 0.25)),
        [[2.5, 4.5, 8.5, 10.5], [1.5, 3.5, 7.5, 9.5], [0.5, 2.5, 6.5, 8.5]],
    ),
    "turn_less": (
        layers.RandomRotation, dict(factor=(0.125, 0.125), fill_mode="constant"),
        [[0.27, 1.74, 5.15, 6.16], [0.41, 3.73, 7.27, 9.92], [1.89, 5.85, 8.59, 2.29]],
    ),
    "smaller": (
        layers.RandomZoom, dict(height_factor=(0.5, 0.5)),
        [[0, 0.75, 2.25, 3], [4, 4.75, 6.25, 7], [8, 8.75, 10.25, 11]],
    ),
    "taller": (
        layers.RandomZoom, dict(height_factor=(-0.5, -0.5), width_factor=(0.0, 0.0)),
        [[2, 3, 4, 5], [4, 5, 6, 7], [6, 7, 8, 9]],
    ),
    "down": (
        layers.RandomTranslation, dict(height_factor=(0.34, 0.34), width_factor=(0, 0)),
        [[0.08, 1.08, 2.08, 3.08], [0, 1, 2, 3], [3.92, 4.92, 5.92, 6.92]],
    ),
    "right": (
        layers.RandomTranslation,
        dict(height_factor=(0, 0), width_factor=(0.25, 0.25), fill_mode="constant", fill_value=-1),
        [[-1, 0, 1, 2], [-1, 4, 5, 6], [-1, 8, 9, 10]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KERAS)
def test_a_fixed_factor_gives_what_keras_gives(name):
    kind, arguments, expected = KERAS[name]
    np.testing.assert_allclose(kind(**arguments)(X)[0, :, :, 0], expected, atol=0.006)
    first = kind(**arguments, data_format="channels_first")(X.transpose(0, 3, 1, 2))
    np.testing.assert_allclose(first[0, 0], expected, atol=0.006)
    np.testing.assert_allclose(kind(**arguments)(X[0])[..., 0], expected, atol=0.006)


def many(count=60):
    return np.random.default_rng(0).uniform(60, 190, (count, 4, 6, 2)).astype("float32")


def test_each_image_is_flipped_by_itself():
    x = many()
    y = layers.RandomFlip(seed=3)(x)
    ways = [x, x[:, :, ::-1], x[:, ::-1], x[:, ::-1, ::-1]]
    found = [sum(np.array_equal(a, b) for a, b in zip(y, way)) for way in ways]
    assert sum(found) == len(x) and min(found) >= 5


def test_contrast_and_brightness_stay_in_their_range():
    x = many()
    y = layers.RandomContrast((0.1, 0.3), seed=1)(x)
    mean = x.mean((1, 2), keepdims=True)
    factor = np.median((y - mean) / (x - mean), (1, 2, 3))
    assert 0.9 <= factor.min() < 0.95 and 1.25 < factor.max() <= 1.3001
    added = np.median(layers.RandomBrightness((0.1, 0.2), seed=1)(x) - x, (1, 2, 3))
    assert 25.4 < added.min() < 30 and 46 < added.max() < 51.1
    wild = layers.RandomBrightness(0.9, seed=1)(x)
    assert wild.min() == 0 and wild.max() == 255


def test_a_crop_is_a_piece_of_the_image():
    x, layer = many(3), layers.RandomCrop(2, 3, seed=4)
    places = set()
    for _ in range(12):
        y = layer(x)
        found = [(r, c) for r in range(3) for c in range(4)
                 if np.array_equal(x[:, r:r + 2, c:c + 3], y)]  # fmt: skip
        assert len(found) == 1
        places |= set(found)
    assert len(places) > 3
    np.testing.assert_array_equal(layer(x[:, :, 1:4], training=False), x[:, 1:3, 1:4] * 0
                                  + layers.Resizing(2, 3, crop_to_aspect_ratio=True)(x[:, :, 1:4]))


def pipeline(x):
    """All of them one after the other, then a mean that tells what they did."""
    inputs = Input(x.shape[1:])
    y = layers.RandomFlip(seed=1)(inputs)
    y = layers.RandomTranslation(0.3, 0.2, seed=2)(y)
    y = layers.RandomRotation(0.2, fill_mode="wrap", seed=3)(y)
    y = layers.RandomZoom(0.3, fill_mode="constant", interpolation="nearest", seed=4)(y)
    y = layers.RandomContrast(0.4, seed=5)(y)
    y = layers.RandomBrightness(0.2, seed=6)(y)
    y = layers.RandomCrop(3, 3, seed=7)(y)
    y = layers.Dense(1, kernel_initializer="ones")(layers.Flatten()(y))
    model = Model(inputs, y)
    model.compile("sgd", "mae")
    return model


def losses(x, interp):
    with flags(interp=interp):
        model = pipeline(x)
        rest = model.predict(x, verbose=0)
        steps = []
        for _ in range(3):
            steps.append(float(model.train_on_batch(x, np.zeros((len(x), 1), "float32"))))
            model.layers[-1].set_weights([np.ones((18, 1)), np.zeros(1)])
        return rest, steps


def test_they_act_in_the_compiled_training_step_and_only_there():
    x = many(9) / 100
    rest, compiled = losses(x, False)
    plain, interpreted = losses(x, True)
    cropped = layers.RandomCrop(3, 3)(x, training=False)
    np.testing.assert_allclose(rest[:, 0], cropped.sum((1, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(rest, plain, rtol=1e-5)
    np.testing.assert_allclose(compiled, interpreted, rtol=1e-4)
    assert len({round(step, 3) for step in compiled}) == 3


@pytest.mark.parametrize(("make", "words"), [
    (lambda: layers.RandomFlip("sideways"), "`mode` must be one of 'horizontal'"),
    (lambda: layers.RandomRotation("a"), r"`factor` argument should be .* in the range \[-1, 1\]"),
    (lambda: layers.RandomRotation(2), "Received: factor=2"),
    (lambda: layers.RandomContrast(-1), r"in the range \[0, 1\]"),
    (lambda: layers.RandomZoom((1, 2, 3)), r"Received: height_factor=\(1, 2, 3\)"),
    (lambda: layers.RandomTranslation(0.1, 0.1, fill_mode="x"), "argument `fill_mode`"),
    (lambda: layers.RandomRotation(0.1, interpolation="x"), "argument `interpolation`"),
    (lambda: layers.RandomBrightness(0.1, value_range=3), "should be a list of two numbers"),
    (lambda: layers.RandomFlip()(np.zeros((3, 4))), "Expected the input image to be rank 3 or 4"),
])  # fmt: skip
def test_what_is_wrong_is_said(make, words):
    with pytest.raises(ValueError, match=words):
        make()


TONES = np.random.default_rng(0).uniform(0, 255, (1, 2, 3, 3)).astype("float32")
# What Keras 3.15 gives for the first pixels of TONES.
TONES_OF_KERAS = {
    "grey": (
        layers.RandomGrayscale, dict(factor=1.0),
        [90.123, 90.123, 90.123, 149.528, 149.528, 149.528, 171.235, 171.235, 171.235],
    ),
    "inverted": (
        layers.RandomInvert, dict(factor=(1.0, 1.0)),
        [92.575, 186.204, 244.552, 250.785, 47.616, 22.247, 100.308, 68.978, 116.376],
    ),
    "pale": (
        layers.RandomColorDegeneration, dict(factor=(0.3, 0.3)),
        [140.735, 75.194, 34.351, 47.809, 190.027, 207.785, 159.655, 181.586, 148.408],
    ),
    "posterized": (
        layers.RandomPosterization, dict(factor=(3, 3)),
        [160.0, 64.0, 0.0, 0.0, 192.0, 224.0, 128.0, 160.0, 128.0],
    ),
    "solarized": (
        layers.Solarization, {},
        [92.575, 186.204, 244.552, 250.785, 47.616, 22.247, 100.308, 68.978, 116.376],
    ),
    "contrast": (
        layers.AutoContrast, {},
        [172.241, 72.603, 10.714, 0.0, 239.659, 255.0, 163.822, 213.909, 151.564],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TONES_OF_KERAS)
def test_tones_are_keras(name):
    kind, arguments, expected = TONES_OF_KERAS[name]
    layer = kind(**arguments)
    found = layer(TONES, training=True)
    np.testing.assert_allclose(found.ravel()[:9], expected, atol=2e-3)
    np.testing.assert_allclose(layer(TONES[0], training=True), found[0], atol=1e-3)
    again = kind.from_config(layer.get_config())
    np.testing.assert_array_equal(again(TONES, training=True), found)
    if name != "contrast":
        np.testing.assert_array_equal(layer(TONES, training=False), TONES)


def test_tones_are_drawn_for_each_image():
    x = np.repeat(many(1), 60, axis=0)
    chosen = (layers.RandomInvert(0.9, seed=1)(x) != x).any((1, 2, 3))
    assert 10 < chosen.sum() < 50
    bits = layers.RandomPosterization((1, 8), seed=1)(x)
    assert len({image.tobytes() for image in bits}) > 3
    with pytest.raises(ValueError, match="takes images of 3 channels"):
        layers.RandomGrayscale(1.0)(x)
    with pytest.raises(ValueError, match="in the range"):
        layers.RandomPosterization(9)


def test_one_number_of_bits_is_the_number_that_is_kept():
    x = np.array([[[128.0, 235.0, 87.0], [12.0, 1.0, 23.0]]])
    kept = layers.RandomPosterization(1)(x)
    np.testing.assert_array_equal(kept, np.where(x < 128.0, 0.0, 128.0))
    with pytest.raises(ValueError, match=r"in the range \[1, 8\]"):
        layers.RandomPosterization(0)


@pytest.mark.parametrize("kind", [layers.AutoContrast, layers.Solarization])
def test_the_layout_of_tones_is_in_their_configuration(kind):
    first = kind(data_format="channels_first")
    again = kind.from_config(first.get_config())
    assert again.data_format == "channels_first"
    turned = np.moveaxis(TONES, -1, 1)
    expected = kind()(TONES, training=True)
    np.testing.assert_array_equal(again(turned, training=True), np.moveaxis(expected, -1, 1))


def test_elastic_transform_moves_pixels_by_smoothed_numbers():
    """Against SciPy: the numbers under a bell, and the image read between its pixels."""
    from scipy import ndimage, signal

    x = np.random.default_rng(4).uniform(size=(2, 9, 11, 3)).astype("float32")
    options = dict(alpha=6.0, sigma=1.5, seed=5)
    noise = fncompile.random.normal((4, 9, 11, 1), seed=5)[..., 0] * 1.5
    bell = np.exp(-0.5 * (np.arange(-4, 5) / 1.5) ** 2)
    kernel = np.outer(bell, bell) / bell.sum() ** 2
    moved = [6.0 * signal.convolve2d(each, kernel, mode="same") for each in noise]
    rows, columns = np.mgrid[:9, :11]
    expected = np.stack([
        np.stack([
            ndimage.map_coordinates(
                x[k, ..., c], [rows + moved[k], columns + moved[2 + k]], order=1, mode="reflect")
            for c in range(3)], -1)
        for k in range(2)])  # fmt: skip
    found = fncompile.ops.image.elastic_transform(x, **options)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    one = fncompile.ops.image.elastic_transform(np.zeros((3, 4, 5)), data_format="channels_first")
    assert one.shape == (3, 4, 5)
