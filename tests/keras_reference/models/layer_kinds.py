"""Kinds of layers, the user's own among them."""

from __future__ import annotations

from tests.keras_reference.data import case, floats, ints


@case
def embedding(keras):
    layers = keras.layers
    model = keras.Sequential([keras.Input((4,), dtype="int32"), layers.Embedding(9, 5),
                              layers.Flatten(), layers.Dense(1, activation="sigmoid")])
    compiled = dict(optimizer=keras.optimizers.Adam(0.02), loss="binary_crossentropy",
                    metrics=["accuracy"])
    return model, compiled, ints(9, 4, seed=5), ints(2, 1), {}


@case
def embedding_of_floats(keras):
    """The guide's form: a float Input feeds one Embedding, shared by two inputs."""
    layers = keras.layers
    a, b = keras.Input((3,)), keras.Input((2,))
    table = layers.Embedding(7, 4)
    x = layers.concatenate([table(a), table(b)], axis=1)
    model = keras.Model([a, b], layers.Dense(2)(layers.Flatten()(x)))
    compiled = dict(optimizer=keras.optimizers.RMSprop(0.01), loss="mse")
    x = [ints(7, 3, seed=5).astype("float32"), ints(7, 2, seed=6).astype("float32")]
    return model, compiled, x, floats(2, seed=3), {}


@case
def masked_loss(keras):
    """mask_zero travels through layers that support masking to the loss.

    (To metrics too, but Keras on JAX loses the mask on their way in training.)
    """
    layers = keras.layers
    inputs = keras.Input((4,), dtype="int32")
    x = layers.Embedding(5, 4, mask_zero=True)(inputs)
    x = layers.Dropout(0.0)(layers.Dense(6, activation="tanh")(x))
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(x))
    compiled = dict(optimizer=keras.optimizers.SGD(0.1), loss="sparse_categorical_crossentropy")
    return model, compiled, ints(5, 4, seed=5), ints(3, 4, seed=6), {}


@case
def batchnorm(keras):
    layers = keras.layers
    inputs = keras.Input((6,))
    x = layers.Dense(5, use_bias=False)(inputs)
    x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.8)(x))
    x = layers.Reshape((5, 1))(x)
    x = layers.BatchNormalization(axis=1, scale=False, epsilon=0.01)(x)
    model = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x)))
    compiled = dict(optimizer=keras.optimizers.SGD(0.05), loss="mse")
    return model, compiled, floats(6), floats(2, seed=3), {}


@case
def renormalized(keras):
    """BatchNormalization by the statistics of the batches before, within bounds and without; and
    LayerNormalization that keeps the mean."""
    layers = keras.layers
    inputs = keras.Input((6,))
    bounds = {"rmax": 1.5, "rmin": 0.5, "dmax": 0.4}
    x = layers.Dense(5, activation="tanh")(inputs)
    x = layers.BatchNormalization(momentum=0.8, renorm=True, renorm_momentum=0.7)(x)
    x = layers.Dense(4)(x)
    x = layers.BatchNormalization(scale=False, renorm=True, renorm_clipping=bounds)(x)
    x = layers.LayerNormalization(rms_scaling=True)(layers.Dense(4)(x))
    model = keras.Model(inputs, layers.Dense(2)(x))
    compiled = dict(optimizer=keras.optimizers.SGD(0.05), loss="mse")
    return model, compiled, floats(6), floats(2, seed=3), {}


@case
def layernorm(keras):
    layers = keras.layers
    inputs = keras.Input((3, 5))
    x = layers.LayerNormalization()(inputs)
    x = layers.Dense(4, activation="tanh")(x)
    x = layers.LayerNormalization(axis=[1, 2], epsilon=1e-2, name="both")(x)
    x = layers.Flatten()(layers.Permute((2, 1))(x))
    model = keras.Model(inputs, layers.Dense(2)(x))
    compiled = dict(optimizer=keras.optimizers.Adam(0.01), loss="mse")
    return model, compiled, floats(3, 5), floats(2, seed=3), {}


@case
def regularizers(keras):
    layers, reg = keras.layers, keras.regularizers
    model = keras.Sequential([
        keras.Input((6,)),
        layers.Dense(5, activation="tanh", kernel_regularizer=reg.L2(0.05), bias_regularizer="l2"),
        layers.Dense(4, kernel_regularizer=reg.L1(0.02), activity_regularizer=reg.L2(0.1)),
        layers.Dense(2, kernel_regularizer=reg.L1L2(0.01, 0.03)),
    ])
    compiled = dict(optimizer=keras.optimizers.SGD(0.05), loss="mse", metrics=["mae"])
    return model, compiled, floats(6), floats(2, seed=3), {}


@case
def activations_zoo(keras):
    layers = keras.layers
    names = ["relu", "sigmoid", "tanh", "softmax", "elu", "selu", "gelu", "silu", "softplus",
             "softsign", "hard_sigmoid", "exponential", "linear", "log_softmax", "leaky_relu",
             "relu6"]
    inputs = keras.Input((6,))
    parts = [layers.Dense(3, activation=name, name="with_" + name)(inputs) for name in names]
    x = layers.Dense(12, name="mixed")(layers.Concatenate()(parts))
    x = layers.ReLU(max_value=1.5, negative_slope=0.1, threshold=0.2)(x)
    x = layers.concatenate([x, layers.LeakyReLU()(x - 0.4), layers.ELU(0.7)(x - 0.5),
                            layers.PReLU()(x - 0.3), layers.Softmax()(x)])
    model = keras.Model(inputs, layers.Dense(2, name="head")(x))
    compiled = dict(optimizer=keras.optimizers.SGD(0.02), loss="mse")
    return model, compiled, floats(6), floats(2, seed=3), {}


@case
def custom_layers(keras):
    ops, layers = keras.ops, keras.layers

    class Affine(layers.Layer):
        def __init__(self, units=4, **kwargs):
            super().__init__(**kwargs)
            self.units = units

        def build(self, input_shape):
            self.w = self.add_weight(
                shape=(input_shape[-1], self.units), initializer="random_normal"
            )
            self.b = self.add_weight(shape=(self.units,), initializer="zeros", name="b")
            self.gain = self.add_weight(shape=(), initializer="ones", trainable=False, name="gain")

        def call(self, inputs):
            return self.gain * (ops.matmul(inputs, self.w) + self.b)

    class Recurrence(layers.Layer):
        """A Python loop over static time, with a functional model inside."""

        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.project = layers.Dense(units, activation="tanh")
            self.mix = layers.Dense(units, use_bias=False)

        def call(self, inputs):
            state, outputs = ops.zeros((ops.shape(inputs)[0], self.units)), []
            for t in range(inputs.shape[1]):
                state = self.project(inputs[:, t, :]) + 0.5 * self.mix(state)
                outputs.append(state)
            return ops.stack(outputs, axis=1)

    inputs = keras.Input((4, 3))
    x = Recurrence(5)(inputs)
    x = Affine(4, name="inner")(layers.Flatten()(x))
    model = keras.Model(inputs, Affine(2)(layers.Activation("relu")(x)))
    compiled = dict(optimizer=keras.optimizers.Adam(0.01), loss="mse")
    return model, compiled, floats(4, 3), floats(2, seed=3), {}


@case
def losses_of_layers(keras):
    """`add_loss` in a user's layer is part of the objective."""
    ops, layers = keras.ops, keras.layers

    class Sparse(layers.Layer):
        def call(self, inputs):
            self.add_loss(0.1 * ops.mean(ops.abs(inputs)))
            return inputs

    inputs = keras.Input((6,))
    x = Sparse()(layers.Dense(5)(inputs))
    model = keras.Model(inputs, layers.Dense(2)(x))
    return (
        model,
        dict(optimizer=keras.optimizers.SGD(0.1), loss="mse"),
        floats(6),
        floats(2, seed=3),
        {},
    )
