"""Networks that people build of convolutions and pooling, built as they write them, and trained."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile as keras
from benchmarks import networks
from benchmarks.workers.functional import compile_model, model_of
from fncompile import applications, layers
from tests.conftest import FULL
from tests.tools import exported


def test_the_guide_s_autoencoder(tmp_path):
    """Two models of one graph, with the shapes and numbers of weights that the guide prints."""
    encoder_input = keras.Input(shape=(28, 28, 1), name="img")
    x = layers.Conv2D(16, 3, activation="relu")(encoder_input)
    x = layers.Conv2D(32, 3, activation="relu")(x)
    x = layers.MaxPooling2D(3)(x)
    x = layers.Conv2D(32, 3, activation="relu")(x)
    x = layers.Conv2D(16, 3, activation="relu")(x)
    encoder_output = layers.GlobalMaxPooling2D()(x)
    encoder = keras.Model(encoder_input, encoder_output, name="encoder")
    x = layers.Reshape((4, 4, 1))(encoder_output)
    x = layers.Conv2DTranspose(16, 3, activation="relu")(x)
    x = layers.Conv2DTranspose(32, 3, activation="relu")(x)
    x = layers.UpSampling2D(3)(x)
    x = layers.Conv2DTranspose(16, 3, activation="relu")(x)
    decoder_output = layers.Conv2DTranspose(1, 3, activation="relu")(x)
    autoencoder = keras.Model(encoder_input, decoder_output, name="autoencoder")
    sizes = [layer.output.shape[1] for layer in autoencoder.layers]
    assert sizes == [28, 26, 24, 8, 6, 4, 16, 4, 6, 8, 24, 26, 28]
    assert encoder.count_params() == 18672
    assert autoencoder.count_params() == 28241
    keras.utils.set_random_seed(3)
    images = np.random.default_rng(0).random((64, 28, 28, 1)).astype("float32")
    autoencoder.compile("rmsprop", "mse")
    losses = autoencoder.fit(images, images, batch_size=16, epochs=2, verbose=0).history["loss"]
    assert losses[1] < losses[0]
    assert encoder.output.shape == (None, 16)
    assert exported(autoencoder, images[:3], tmp_path).shape == (3, 28, 28, 1)


def test_the_guide_s_toy_resnet(tmp_path):
    inputs = keras.Input(shape=(32, 32, 3), name="img")
    x = layers.Conv2D(32, 3, activation="relu")(inputs)
    x = layers.Conv2D(64, 3, activation="relu")(x)
    block_1 = layers.MaxPooling2D(3)(x)
    x = layers.Conv2D(64, 3, activation="relu", padding="same")(block_1)
    x = layers.Conv2D(64, 3, activation="relu", padding="same")(x)
    block_2 = layers.add([x, block_1])
    x = layers.Conv2D(64, 3, activation="relu", padding="same")(block_2)
    x = layers.Conv2D(64, 3, activation="relu", padding="same")(x)
    block_3 = layers.add([x, block_2])
    x = layers.Conv2D(64, 3, activation="relu")(block_3)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(256, activation="relu")(x)
    x = layers.Dropout(0.5)(x)
    model = keras.Model(inputs, layers.Dense(10)(x), name="toy_resnet")
    assert model.count_params() == 223242
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.RMSprop(1e-3), loss, metrics=["acc"])
    x = np.random.default_rng(1).random((8, 32, 32, 3)).astype("float32")
    y = keras.utils.to_categorical(np.arange(8), 10)
    first = model.train_on_batch(x, y)
    for _ in range(6):
        last = model.train_on_batch(x, y)
    assert np.isfinite(last).all() and last[0] < first[0]
    assert exported(model, x[:2], tmp_path).shape == (2, 10)


@pytest.mark.skipif(not FULL, reason="compiles for half a minute")
@pytest.mark.parametrize("name", ["resnet20", "mobilenet"])
def test_networks_of_normalised_convolutions_on_cifar_s_images(name, tmp_path):
    """Trained until they know 32 images by heart; statistics of batches move, and are exported."""
    network = networks.NETWORKS[name]
    keras.utils.set_random_seed(2)
    model = model_of(keras, network)
    compile_model(keras, model, network, rate=1e-3)
    [x], [y] = networks.data(network, 32)
    losses = model.fit(x, y, batch_size=32, epochs=12, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 4
    assert exported(model, x[:3], tmp_path).shape == (3, 10)


@pytest.mark.skipif(not FULL, reason="writes 80 MB of weights")
def test_features_of_all_layers_of_vgg19_from_the_exported_library(tmp_path):
    vgg19 = applications.VGG19(weights=None, include_top=False, input_shape=(32, 32, 3))
    extractor = keras.Model(vgg19.input, [layer.output for layer in vgg19.layers], name="features")
    image = np.random.default_rng(4).random((1, 32, 32, 3)).astype("float32")
    features = exported(extractor, image, tmp_path)
    assert len(features) == 22
    assert features[-1].shape == (1, 1, 1, 512)


def amplifier():
    """A WaveNet in small: dilated causal convolutions with a residual path, over any length."""
    x = inputs = keras.Input((None, 1))
    x = layers.Conv1D(6, 1)(x)
    for dilation in (1, 2, 4, 8):
        y = layers.Conv1D(6, 3, padding="causal", dilation_rate=dilation, activation="tanh")(x)
        x = layers.Add()([x, layers.Conv1D(6, 1)(y)])
    return keras.Model(inputs, layers.Conv1D(1, 1)(x))


def test_a_model_of_an_amplifier_hears_the_past_alone():
    keras.utils.set_random_seed(5)
    rng = np.random.default_rng(2)
    clean = np.cumsum(rng.normal(size=(8, 96, 1)), 1).astype("float32") * 0.2
    model = amplifier()
    model.compile(keras.optimizers.Adam(0.01), "mse")
    loud = np.tanh(2 * clean)
    losses = model.fit(clean, loud, epochs=12, batch_size=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 4
    cut = 40
    whole = model.predict(clean[:1], verbose=0)
    changed = clean[:1].copy()
    changed[:, cut:] += 1
    again = model.predict(changed, verbose=0)
    np.testing.assert_array_equal(again[:, :cut], whole[:, :cut])
    assert (again[:, cut:] != whole[:, cut:]).all()
    np.testing.assert_allclose(
        model.predict(clean[:1, :cut], verbose=0), whole[:, :cut], rtol=1e-4, atol=1e-5
    )


def beats(count, rng):
    """Periodic pulses with a little noise: a heart that beats as it should."""
    t = np.arange(64) / 64
    phase = rng.random((count, 1))
    pulse = np.exp(-((((t * 4 + phase) % 1) - 0.5) ** 2) / 0.004)
    return (pulse + 0.02 * rng.normal(size=pulse.shape)).astype("float32")[..., None]


def test_an_autoencoder_finds_what_is_not_as_usual():
    keras.utils.set_random_seed(7)
    rng = np.random.default_rng(3)
    model = keras.Sequential([
        keras.Input((64, 1)),
        layers.Conv1D(16, 7, strides=2, padding="same", activation="relu"),
        layers.Conv1D(4, 7, strides=2, padding="same", activation="relu"),
        layers.Conv1DTranspose(4, 7, strides=2, padding="same", activation="relu"),
        layers.Conv1DTranspose(16, 7, strides=2, padding="same", activation="relu"),
        layers.Conv1DTranspose(1, 7, padding="same"),
    ])  # fmt: skip
    model.compile(keras.optimizers.Adam(0.01), "mae")
    usual = beats(256, rng)
    model.fit(usual, usual, epochs=12, batch_size=32, verbose=0)

    def errors(x):
        return np.abs(model.predict(x, verbose=0) - x).mean((1, 2))

    strange = beats(20, rng)
    strange[:, 20:30] -= 1.5 * np.sin(np.arange(10))[:, None].astype("float32")
    limit = np.quantile(errors(usual), 0.99)
    assert (errors(strange) > limit).all()
    assert (errors(beats(50, rng)) <= 1.2 * limit).all()
