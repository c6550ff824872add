"""Networks of convolutions and pooling, small enough to store."""

from __future__ import annotations

from tests.keras_reference.data import case, floats, ints


@case
def autoencoder(keras):
    """The guide's: an encoder and a decoder of one graph."""
    layers = keras.layers
    inputs = keras.Input((9, 9, 1))
    x = layers.Conv2D(3, 3, activation="relu")(inputs)
    x = layers.Conv2D(4, 3, activation="relu")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(4, 2, activation="tanh")(x)
    code = layers.GlobalMaxPooling2D()(x)
    x = layers.Reshape((2, 2, 1))(code)
    x = layers.Conv2DTranspose(3, 2, activation="relu")(x)
    x = layers.UpSampling2D(3)(x)
    outputs = layers.Conv2DTranspose(1, 2, strides=1, padding="same")(x)
    model = keras.Model(inputs, outputs)
    compiled = dict(optimizer=keras.optimizers.SGD(0.05), loss="mse")
    return model, compiled, floats(9, 9, 1), floats(9, 9, 1, seed=3), {}


@case
def toy_resnet(keras):
    """The guide's, with BatchNormalization and strides."""
    layers = keras.layers
    inputs = keras.Input((7, 6, 2))
    x = layers.Conv2D(4, 3, padding="same", use_bias=False)(inputs)
    x = first = layers.ReLU()(layers.BatchNormalization(momentum=0.8)(x))
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    x = layers.add([layers.Conv2D(4, 2, padding="same")(x), first])
    x = layers.Conv2D(5, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.AveragePooling2D(2, padding="same")(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(3)(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    compiled = dict(optimizer=keras.optimizers.SGD(0.05), loss=loss, metrics=["accuracy"])
    return model, compiled, floats(7, 6, 2), ints(3), {}


@case
def sequence_convolutions(keras):
    layers = keras.layers
    inputs = keras.Input((13, 2))
    x = layers.Conv1D(4, 3, padding="causal", dilation_rate=2, activation="tanh")(inputs)
    x = layers.DepthwiseConv1D(3, depth_multiplier=2, padding="same", activation="relu")(x)
    x = layers.MaxPooling1D(2)(x)
    x = layers.SeparableConv1D(4, 3, padding="same", activation="tanh")(x)
    x = layers.Conv1DTranspose(3, 3, strides=2, padding="same")(x)
    x = layers.Conv1D(4, 2, groups=1, strides=3)(layers.AveragePooling1D(3, 1, "same")(x))
    x = layers.GlobalAveragePooling1D()(x)
    model = keras.Model(inputs, layers.Dense(2)(x))
    compiled = dict(optimizer=keras.optimizers.SGD(0.05), loss="mse")
    return model, compiled, floats(13, 2), floats(2, seed=3), {}


@case
def mobile_blocks(keras):
    """Channel by channel, in groups, between other layers of images."""
    layers = keras.layers
    inputs = keras.Input((7, 9, 3))
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(inputs)
    x = layers.DepthwiseConv2D(3, strides=2, depth_multiplier=2, use_bias=False)(x)
    x = layers.ReLU(6.0)(layers.GroupNormalization(3)(x))
    x = layers.Conv2D(6, 2, groups=3, padding="same", dilation_rate=2)(x)
    x = layers.RMSNormalization()(layers.UpSampling2D((1, 2), interpolation="bilinear")(x))
    x = layers.SeparableConv2D(4, 3, padding="same", activation="relu")(x)
    x = layers.UnitNormalization()(layers.Cropping2D(((1, 0), (2, 1)))(x))
    x = layers.Flatten()(layers.MaxPooling2D(2, padding="same")(x))
    model = keras.Model(inputs, layers.Dense(2)(x))
    compiled = dict(optimizer=keras.optimizers.SGD(0.05), loss="mse")
    return model, compiled, floats(7, 9, 3), floats(2, seed=3), {}


@case
def volumes(keras):
    layers = keras.layers
    inputs = keras.Input((2, 4, 4, 5), name="channels_first")
    x = layers.Conv3D(3, 2, padding="same", data_format="channels_first")(inputs)
    x = layers.MaxPooling3D((1, 2, 2), data_format="channels_first")(layers.ELU()(x))
    x = layers.Conv3DTranspose(2, (1, 2, 2), strides=2, data_format="channels_first")(x)
    x = layers.GlobalAveragePooling3D(data_format="channels_first", keepdims=True)(x)
    model = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x)))
    compiled = dict(optimizer=keras.optimizers.SGD(0.05), loss="mse")
    return model, compiled, floats(2, 4, 4, 5), floats(2, seed=3), {}
